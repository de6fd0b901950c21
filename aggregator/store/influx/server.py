"""One InfluxDB server: lines in through its v2 write API, rows out in InfluxQL over `/query`.

Both are answered by InfluxDB 2 and 3. Every failure is StoreError, one sentence for the operator.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from aggregator.model.machine import MachineKey
from aggregator.store.timeseries import StoreError

AT_ONCE = 5_000
"""Lines in one request."""
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


class Server:
    """All methods block; safe to use from several threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        milliseconds = round(place.timeout_s * 1000)
        self._client = InfluxDBClient(
            place.url, place.token, org=place.org, timeout=milliseconds, enable_gzip=True
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._http = urllib3.PoolManager(timeout=place.timeout_s, retries=False, maxsize=8)

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._place.url

    def write(self, bucket: str, lines: Iterable[str]) -> None:
        """Store lines (times in milliseconds) durably; after StoreError some of them may be stored."""
        waiting = iter(lines)
        while chunk := list(islice(waiting, AT_ONCE)):
            self._write(bucket, chunk)

    def rows(self, bucket: str, statement: str) -> Iterator[Row]:
        """Yield the rows of a statement that is grouped by factory and machine; none without the bucket."""
        for tags, rows in self.series(bucket, statement):
            key = MachineKey(tags["factory"], tags["machine"])
            for at_ms, *values in rows:
                yield key, at_ms, values

    def series(self, bucket: str, statement: str) -> Iterator[Series]:
        """Return what a statement finds, by the tags it is grouped by; nothing without the bucket."""
        fields = {"db": bucket, "q": statement, "epoch": "ms"}
        headers = {"Authorization": f"Token {self._place.token}", "Accept": "application/json"}
        try:
            answer = self._http.request_encode_body(
                "POST", f"{self._place.url}/query", fields, headers, encode_multipart=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        if answer.status != 200:
            raise self._refused(answer.status, bucket, answer.data)
        try:
            results = json.loads(answer.data)["results"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"influx {self._place.url}: answers in no way InfluxDB does") from error
        return self._read(bucket, results)

    def make_bucket(self, name: str, keep_days: int | None) -> None:
        """Make a bucket; None keeps its data for good. Raises StoreError where the token may not."""
        rules = BucketRetentionRules(type="expire", every_seconds=(keep_days or 0) * DAY_S)  # type: ignore[no-untyped-call]
        try:
            self._client.buckets_api().create_bucket(bucket_name=name, retention_rules=rules)
        except ApiException as error:
            raise self._refused(error.status, name, error.body) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.clear()

    def _write(self, bucket: str, lines: list[str]) -> None:
        try:
            self._writer.write(bucket=bucket, record=lines, write_precision=_MS)
        except ApiException as error:
            if error.status == 413 and len(lines) > 1:
                half = len(lines) // 2
                self._write(bucket, lines[:half])
                self._write(bucket, lines[half:])
                return
            raise self._refused(error.status, bucket, error.body) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def _read(self, bucket: str, results: Sequence[Any]) -> Iterator[Series]:
        for result in results:
            if "error" in result:
                if "not found" in result["error"]:  # a bucket comes about with the first write
                    continue
                raise self._refused(400, bucket, result["error"])
            for series in result.get("series", ()):
                yield series.get("tags", {}), series["values"]

    def _unreachable(self, error: Exception) -> StoreError:
        return StoreError(f"influx {self._place.url}: cannot be reached ({_short(error)}); is it running?")

    def _refused(self, status: int | None, bucket: str, body: object) -> StoreError:
        place = f"influx {self._place.url}"
        said = _said(body)
        if status in {401, 403}:
            return StoreError(
                f"{place}: refuses the token for bucket {bucket!r}; check influx.token_file and its rights"
            )
        if status == 404:
            return NoBucket(
                f"{place}: there is no bucket {bucket!r} for the organisation {self._place.org!r}"
            )
        if status == 429:
            return StoreError(f"{place}: asks us to slow down ({said})")
        return StoreError(f"{place}: status {status}: {said}")


class NoBucket(StoreError):
    """The bucket is not there, or not for us."""


def _said(body: object) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "no reason given")
    with suppress(ValueError, AttributeError):
        text = json.loads(text).get("message", text)
    return _short(text)


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else f"{line[:197]}..."
