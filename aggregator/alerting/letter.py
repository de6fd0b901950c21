"""What an alert says, in words and as data: made once for e-mail and webhook alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Letter:
    """`key` is the same for every try, so that whoever receives it twice can drop the second.

    `subject` is one line, `text` the mail's body, `data` what JSON can hold.
    """

    key: str
    subject: str
    text: str
    data: Mapping[str, Any]


class NotSent(Exception):
    """The letter has not arrived, as far as we know; the message says why, and holds no secret."""
