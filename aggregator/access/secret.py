"""Secrets that people and programs carry: made at random, stored only as their hash."""

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Return 256 random bits as text that fits a cookie, a header and a URL."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return what may be stored. No salt and no stretching: the secret is random, not chosen by a person."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(secret: str) -> str:
    """Return the token that forms of the holder of `secret` (a cookie) carry against forged requests."""
    return hmac.new(secret.encode(), b"machikoba form", hashlib.sha256).hexdigest()


def is_form_token(token: str, secret: str | None) -> bool:
    """Tell whether a form's token belongs to the cookie that came with it."""
    return secret is not None and hmac.compare_digest(token.encode(), form_token(secret).encode())
