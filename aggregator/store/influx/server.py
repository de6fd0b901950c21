"""One InfluxDB server: lines in through its v2 write API, rows out in InfluxQL over `/query`.

Both are answered by InfluxDB 2 and 3. Every failure is StoreError, one sentence for the operator.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import urllib3
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from aggregator.model.machine import MachineKey
from aggregator.store.influx.answers import (
    Meaning,
    Refusal,
    Unfinished,
    one_line,
    read_refusal,
    read_results,
)
from aggregator.store.timeseries import StoreError

AT_ONCE = 5_000
"""Lines in one request."""
MOST_REFUSED = 20
"""More points of one write that are refused for themselves have a common cause: nothing counts as stored."""
STORED = 204
"""The one status with which InfluxDB says that all is stored; other successes are those of a sign-in page."""
TIMEOUT_S = 30.0
DAY_S = 86_400

_MS: Any = WritePrecision.MS  # the library calls the text a WritePrecision

Row = tuple[MachineKey, int, Sequence[Any]]
"""(machine, time in UTC milliseconds, values in the order asked for)"""
Series = tuple[Mapping[str, str], Sequence[Sequence[Any]]]
"""(tags, rows of (time in UTC milliseconds, *values))"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is and what we are there; `token` never shows."""

    url: str
    org: str
    token: str = field(repr=False)
    timeout_s: float = TIMEOUT_S


@dataclass(slots=True)
class Written:
    """What became of lines, the others being stored: those refused for themselves, by number, and why.

    `expired` counts those that the server dropped because its bucket does not keep anything so old.
    """

    refused: dict[int, str] = field(default_factory=dict)
    expired: int = 0


class Server:
    """All methods block; safe to use from several threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        milliseconds = round(place.timeout_s * 1000)
        self._client = InfluxDBClient(
            place.url, place.token, org=place.org, timeout=milliseconds, enable_gzip=True
        )
        self._writer = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        self._http = urllib3.PoolManager(timeout=place.timeout_s, retries=False, maxsize=8)
        self._writes_again_s = 0.0

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._place.url

    def write(self, bucket: str, lines: Iterable[str]) -> Written:
        """Store lines (times in milliseconds) durably; after StoreError some of them may be stored.

        A line that the server refuses for itself holds up none of the others.
        """
        left_s = self._writes_again_s - time.monotonic()
        if left_s > 0:
            raise self._slow_down(left_s)
        written, number, waiting = Written(), 0, iter(lines)
        while chunk := list(islice(waiting, AT_ONCE)):
            self._write(bucket, chunk, number, written)
            number += len(chunk)
        return written

    def rows(self, bucket: str, statement: str) -> Iterator[Row]:
        """Yield the rows of a statement that is grouped by factory and machine; none without the bucket."""
        for tags, rows in self.series(bucket, statement):
            key = MachineKey(tags["factory"], tags["machine"])
            for at_ms, *values in rows:
                yield key, at_ms, values

    def series(self, bucket: str, statement: str) -> Iterator[Series]:
        """Return what a statement finds, by the tags it is grouped by; nothing without the bucket.

        A long series comes in several parts: asked for in one, some servers leave rows out.
        """
        fields = {"db": bucket, "q": statement, "epoch": "ms", "chunked": "true"}
        headers = {"Authorization": f"Token {self._place.token}", "Accept": "application/json"}
        try:
            answer = self._http.request_encode_body(
                "POST", f"{self._place.url}/query", fields, headers, encode_multipart=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        if answer.status != 200:
            refusal = read_refusal(answer.status, answer.headers, answer.data)
            if refusal.meaning is Meaning.NO_BUCKET:  # it comes about with the first write
                return iter(())
            raise self._refused(refusal, bucket)
        try:
            results = read_results(answer.data)
        except ValueError as error:
            raise self._stranger() from error
        except Unfinished as error:
            raise StoreError(
                f"influx {self._place.url}: its answer ends too early; look for errors in its log"
            ) from error
        return self._read(bucket, results)

    def make_bucket(self, name: str, keep_days: int | None) -> None:
        """Make a bucket; None keeps its data for good. Raises StoreError where the token may not."""
        rules = BucketRetentionRules(type="expire", every_seconds=(keep_days or 0) * DAY_S)  # type: ignore[no-untyped-call]
        kept = f"that keeps {keep_days} days" if keep_days else "that keeps for good"
        wish = f"make it, {kept}, or let influx.token_file hold a token that may"
        try:
            self._client.buckets_api().create_bucket(bucket_name=name, retention_rules=rules)
        except ApiException as error:
            refusal = read_refusal(error.status, error.headers, error.body)
            if refusal.status == 422 and "already exists" in refusal.said:
                return  # another process made it meanwhile
            if refusal.meaning is Meaning.DENIED:
                raise StoreError(
                    f"influx {self.url}: there is no bucket {name!r} and the token may not make it: {wish}"
                ) from error
            raise self._refused(refusal, name) from error
        except InfluxDBError as error:
            raise StoreError(
                f"influx {self.url}: there is no bucket {name!r}, and the token does not see an organisation "
                f"{self._place.org!r} to make it for; check influx.org, and {wish}"
            ) from error
        except ValueError as error:  # a page instead of a bucket
            raise self._stranger() from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.clear()

    def _write(self, bucket: str, lines: list[str], number: int, written: Written) -> None:
        """Write lines that begin with this number; halve them until those stand alone that are refused."""
        refusal = self._post(bucket, lines)
        if refusal is None:
            return
        if refusal.meaning is Meaning.EXPIRED:
            written.expired += refusal.dropped
        elif refusal.meaning not in {Meaning.POINT, Meaning.TOO_LARGE}:
            raise self._refused(refusal, bucket)
        elif len(lines) > 1:
            half = len(lines) // 2
            self._write(bucket, lines[:half], number, written)
            self._write(bucket, lines[half:], number + half, written)
        else:
            written.refused[number] = refusal.said
            if len(written.refused) > MOST_REFUSED:
                raise StoreError(
                    f"influx {self.url}: refuses many points of bucket {bucket!r}; does another program "
                    f"write into it? The last was refused with: {refusal.said}"
                )

    def _post(self, bucket: str, lines: list[str]) -> Refusal | None:
        body: Any = "\n".join(lines).encode()  # the library calls it str, and compresses bytes
        try:
            _, status, _ = self._writer.post_write_with_http_info(  # type: ignore[no-untyped-call]
                self._place.org, bucket, body, precision=_MS, content_type="text/plain; charset=utf-8"
            )
        except ApiException as error:
            return read_refusal(error.status, error.headers, error.body)
        except ValueError as error:  # not UTF-8: a page of what stands between
            raise self._stranger() from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        if status != STORED:
            raise StoreError(
                f"influx {self.url}: answers a write with status {status} instead of {STORED}, so nothing "
                "counts as stored; does something else answer in its place?"
            )
        return None

    def _read(self, bucket: str, results: Sequence[Any]) -> Iterator[Series]:
        for result in results:
            if "error" in result:
                if "not found" in result["error"]:  # the bucket, as other versions say it
                    continue
                raise self._refused(Refusal(400, one_line(result["error"])), bucket)
            for series in result.get("series", ()):
                yield series.get("tags", {}), series["values"]

    def _stranger(self) -> StoreError:
        return StoreError(f"influx {self.url}: answers in no way InfluxDB does")

    def _unreachable(self, error: Exception) -> StoreError:
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            return StoreError(f"influx {self.url}: gave no answer within {self._place.timeout_s:g} s")
        if type(error) is urllib3.exceptions.ConnectTimeoutError:  # refused connections are a kind of it
            return StoreError(f"influx {self.url}: cannot be reached within {self._place.timeout_s:g} s")
        return StoreError(f"influx {self.url}: cannot be reached ({one_line(error)}); is it running?")

    def _refused(self, refusal: Refusal, bucket: str) -> StoreError:
        place = f"influx {self.url}"
        if refusal.meaning is Meaning.DENIED:
            return StoreError(
                f"{place}: refuses the token for bucket {bucket!r}; check influx.token_file and its rights"
            )
        if refusal.meaning is Meaning.NO_BUCKET:
            return NoBucket(
                f"{place}: there is no bucket {bucket!r} for the organisation {self._place.org!r}", bucket
            )
        if refusal.wait_s:
            self._writes_again_s = time.monotonic() + refusal.wait_s
        if refusal.meaning is Meaning.SLOW_DOWN:
            return self._slow_down(refusal.wait_s, refusal.said)
        return StoreError(f"{place}: status {refusal.status}: {refusal.said}", refusal.wait_s)

    def _slow_down(self, wait_s: float, said: str = "") -> StoreError:
        told = f" ({said})" if said else ""
        for_s = f" for {wait_s:.0f} s" if wait_s else ""
        return StoreError(f"influx {self.url}: asks us to slow down{for_s}{told}", wait_s)


class NoBucket(StoreError):
    """The bucket is not there, or not for us."""

    def __init__(self, message: str, bucket: str) -> None:
        super().__init__(message)
        self.bucket = bucket
