"""What a server's refusal means: status, headers and body in; what is to be done about it out. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Any


class Meaning(Enum):
    """What has to be done about it."""

    DENIED = auto()
    NO_BUCKET = auto()
    TOO_LARGE = auto()
    SLOW_DOWN = auto()
    EXPIRED = auto()
    """Some points are older than their bucket keeps; all others are stored."""
    POINT = auto()
    """A point, or some, cannot be stored as they are, whenever they come."""
    FAILED = auto()


_STATUSES = {
    401: Meaning.DENIED,
    403: Meaning.DENIED,
    404: Meaning.NO_BUCKET,
    413: Meaning.TOO_LARGE,
    429: Meaning.SLOW_DOWN,
}
_POINT = re.compile(
    r"partial write|unable to parse|field type conflict|parsing failed|line protocol parsing", re.IGNORECASE
)
_EXPIRED = re.compile(r"(?:beyond|outside) retention policy")
"""In the words of early versions, and in those of 2.7, which name the policy in other refusals too."""
_DROPPED = re.compile(r"dropped[= ](\d+)")
LONGEST_WAIT_S = 300.0
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"\s*")


class Unfinished(Exception):
    """The last result of an answer says that there is more."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`said` is one line of what the server says; `wait_s` is how long it asks us to wait, else 0."""

    status: int
    said: str
    wait_s: float = 0.0

    @property
    def meaning(self) -> Meaning:
        """What has to be done about it."""
        if self.status in {400, 422, 500}:  # InfluxDB 3 before 3.10 says 500 to lines it cannot parse
            if _EXPIRED.search(self.said):
                return Meaning.EXPIRED
            return Meaning.POINT if _POINT.search(self.said) else Meaning.FAILED
        return _STATUSES.get(self.status, Meaning.FAILED)

    @property
    def dropped(self) -> int:
        """How many points the server says it dropped."""
        found = _DROPPED.search(self.said)
        return int(found[1]) if found else 0


def read_refusal(status: int | None, headers: Mapping[str, str] | None, body: object) -> Refusal:
    """Return what an answer that is no success says."""
    told = {name.lower(): value for name, value in (headers or {}).items()}
    wait_s = _seconds(told.get("retry-after", ""), told.get("date", ""))
    return Refusal(status or 0, _said(body), max(0.0, min(wait_s, LONGEST_WAIT_S)))


def read_results(body: bytes) -> list[Mapping[str, Any]]:
    """Return the results of an answer in chunks: one JSON document after another.

    A series may go on in the next result, and after a result that is `partial` there is a next one. What a
    series says of itself does not count: servers call it "partial" though they put its chunks together.
    Raises ValueError for what is no such answer, Unfinished for one that ends too early.
    """
    text = body.decode()
    results: list[Mapping[str, Any]] = []
    at = _end_of_space(text, 0)
    while True:
        document, at = _DECODER.raw_decode(text, at)
        if not isinstance(document, dict) or not document.keys() & {"results", "error"}:
            raise ValueError("no results")
        results += document.get("results", [document])
        at = _end_of_space(text, at)
        if at == len(text):
            break
    if results and results[-1].get("partial"):
        raise Unfinished
    return results


def one_line(text: object) -> str:
    """Return the text on one line that is not too long for a sentence: the reason may stand at either end."""
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else f"{line[:120]}...{line[-77:]}"


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _seconds(asked: str, now: str) -> float:
    """Return how long to wait: so many seconds, or up to a time by the server's own clock (RFC 9110)."""
    if asked.isdecimal():
        return float(asked)
    with suppress(ValueError, TypeError):
        return (parsedate_to_datetime(asked) - parsedate_to_datetime(now)).total_seconds()
    return 0.0


def _said(body: object) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "no reason given")
    with suppress(ValueError, AttributeError, RecursionError):
        found = json.loads(text)
        text = str(found.get("message") or found.get("error") or text)  # others' may be no text
        text = ": ".join([text, *_reasons(found.get("data"))][:2])
    return one_line(text)


def _reasons(data: object) -> Iterator[str]:
    """Yield why lines were refused, as InfluxDB 3 tells it beside its error: of one line, or of some."""
    for line in data if isinstance(data, list) else [data]:
        if isinstance(line, dict) and line.get("error_message"):
            yield str(line["error_message"])
