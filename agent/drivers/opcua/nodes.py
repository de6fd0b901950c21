"""Names of nodes as text, `nsu=<namespace URI>;s=<identifier>`, parsed and written without an OPC UA library.

OPC 10000-6, 5.1.12. A namespace is always named by its URI: its index differs from server to server.
"""

import base64
import binascii
import re
import uuid
from dataclasses import dataclass

FORM = re.compile(
    r"(?:nsu=(?P<uri>[^;]+);|ns=(?P<index>\d+);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL
)
HIGHEST_NUMBER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class NodeName:
    """One node: `uri` is None for the OPC UA namespace itself; `kind` is i, s, g or b as in the text."""

    uri: str | None
    kind: str
    identifier: str

    def __str__(self) -> str:
        """Return the text that `parse_node` reads."""
        if self.uri is None:
            return f"{self.kind}={self.identifier}"
        return f"nsu={self.uri.replace('%', '%25').replace(';', '%3B')};{self.kind}={self.identifier}"


def parse_node(text: str) -> NodeName:
    """Return the node that `text` names; raises ValueError with a sentence that says how to write it."""
    form = FORM.fullmatch(text)
    if not form:
        raise ValueError(
            f"expected a node like 'nsu=urn:maker:machine;s=Spindle.Load' or 'i=2258', got '{text}'"
        )
    uri, index, kind, identifier = form["uri"], form["index"], form["kind"], form["identifier"]
    if index not in (None, "0"):
        raise ValueError(
            f"the index in '{text}' changes from server to server: name the namespace by its URI, as in "
            f"'nsu=urn:maker:machine;{kind}={identifier}' (machikoba-agent discover prints it so)"
        )
    if uri is None and kind != "i":
        raise ValueError(f"'{text}' does not say its namespace: write 'nsu=<namespace URI>;{text}'")
    _require_identifier(kind, identifier, text)
    return NodeName(uri and uri.replace("%3B", ";").replace("%25", "%"), kind, identifier)


def _require_identifier(kind: str, identifier: str, text: str) -> None:
    try:
        if kind == "i" and not 0 <= int(identifier) <= HIGHEST_NUMBER:
            raise ValueError
        if kind == "g":
            uuid.UUID(identifier)
        if kind == "b":
            base64.b64decode(identifier, validate=True)
    except (ValueError, binascii.Error):
        expected = {"i": "a number up to 4294967295", "g": "a GUID", "b": "base64"}[kind]
        raise ValueError(f"expected {expected} after '{kind}=' in '{text}'") from None
