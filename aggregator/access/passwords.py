"""Passwords: text in, argon2 hash out, and back to a yes or no."""

from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

MIN_LENGTH = 8

_HASH = PasswordHash.recommended()


def hash_password(password: str) -> str:
    """Return what may be stored; takes some tens of milliseconds and some tens of MB on purpose."""
    return _HASH.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Tell whether the password fits; None (no such person) is always false, and as slow."""
    try:
        fits = _HASH.verify(password, password_hash or _nobodys_hash())
    except UnknownHashError:
        return False
    return fits and password_hash is not None


@cache
def _nobodys_hash() -> str:
    """An unknown name takes as long as a wrong password, so names cannot be probed."""
    return hash_password("nobody's password")
