"""What a server's refusal means: status, headers and body in; what is to be done about it out. Pure."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto


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
_POINT = re.compile(r"partial write|unable to parse|field type conflict|parsing failed", re.IGNORECASE)
_DROPPED = re.compile(r"dropped[= ](\d+)")
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """`said` is one line of what the server says; `wait_s` is how long it asks us to wait, else 0."""

    status: int
    said: str
    wait_s: float = 0.0

    @property
    def meaning(self) -> Meaning:
        """What has to be done about it."""
        if self.status in {400, 422}:
            if "retention policy" in self.said:
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
    asked = {name.lower(): value for name, value in (headers or {}).items()}.get("retry-after", "")
    wait_s = float(asked) if asked.isdecimal() else 0.0
    return Refusal(status or 0, _said(body), min(wait_s, LONGEST_WAIT_S))


def one_line(text: object) -> str:
    """Return the text on one line that is not too long for a sentence."""
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else f"{line[:197]}..."


def _said(body: object) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "no reason given")
    with suppress(ValueError, AttributeError):
        found = json.loads(text)
        text = found.get("message") or found.get("error") or text
    return one_line(text)
