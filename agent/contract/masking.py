"""Text for people in, the same without what is secret in it out: passwords in addresses, values by name."""

import re

HIDDEN = "…"
_SIGNED_IN = re.compile(r"(?<=://)[^\s'\"]*@")
_BY_NAME = re.compile(r"(?i)([?&](?:[a-z]*(?:password|passwd|secret|token|key))=)[^&#\s'\"]*")
_SECRET_NAME = re.compile(r"(?i)password|passwd|secret|token|(?:^|[._])key(?:_file)?$")


def masked(text: str) -> str:
    """Return the text with who signs in, and queries named like secrets, hidden in every address."""
    return masked_queries(_SIGNED_IN.sub(f"{HIDDEN}@", text))


def masked_queries(text: str) -> str:
    """Return the text with queries named like secrets hidden in every address."""
    return _BY_NAME.sub(rf"\1{HIDDEN}", text)


def names_secret(setting: str) -> bool:
    """Tell whether a setting is named like a secret, so that its value is not to be repeated to anyone."""
    return _SECRET_NAME.search(setting) is not None
