"""A letter to one address by HTTP: JSON, signed, never redirected; goes out whole, or NotSent says why."""

import hashlib
import hmac
import http.client
import json
import ssl
from urllib.parse import SplitResult, urlsplit

from aggregator.alerting.letter import Letter, NotSent
from aggregator.config import Webhook

WITHIN_S = 10.0


def send_webhook(settings: Webhook, letter: Letter, at_ms: int) -> None:
    """Post the letter; blocks, raises NotSent unless the answer is 2xx.

    A redirect is no success: where alerts go, and what is signed, is the setting's word alone.
    """
    url, secret = urlsplit(settings.url), _secret(settings)
    body = json.dumps(letter.data, ensure_ascii=False, sort_keys=True).encode()
    timestamp = str(at_ms // 1000)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Machikoba",
        "Idempotency-Key": letter.key,
        "X-Machikoba-Timestamp": timestamp,
        "X-Machikoba-Signature": signature(secret, timestamp, body),
    }
    connection = _connection(url)
    try:
        connection.request(
            "POST", url._replace(scheme="", netloc="", fragment="").geturl() or "/", body, headers
        )
        with connection.getresponse() as answer:
            status = answer.status  # is all we want: a slow body makes no second letter
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise NotSent(f"{place_of(settings)}: {reason}") from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotSent(f"{place_of(settings)} answered {status}")


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return `sha256=` and the HMAC of `timestamp.body` in hexadecimal digits."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def place_of(settings: Webhook) -> str:
    """Return where it goes, for messages: no path and no query, which may hold a secret."""
    url = urlsplit(settings.url)
    return f"{url.scheme}://{url.hostname}" + (f":{url.port}" if url.port else "")


def _connection(url: SplitResult) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, url.port, timeout=WITHIN_S, context=context)
    return http.client.HTTPConnection(host, url.port, timeout=WITHIN_S)


def _secret(settings: Webhook) -> bytes:
    try:
        return settings.secret_file.read_bytes().strip()
    except OSError:
        raise NotSent(f"alerts.webhook.secret_file: {settings.secret_file} cannot be read") from None
