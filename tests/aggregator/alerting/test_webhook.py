"""Webhooks on a real HTTP server: signed, never redirected, and silent about their secret."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from aggregator.alerting.letter import Letter, NotSent
from aggregator.alerting.webhook import place_of, send_webhook, signature
from aggregator.config import Webhook
from tests.aggregator.alerting.receiving import Receiver, receiving
from tests.stack import free_port

LETTER = Letter("alert-7", "", "", {"order": "2026-0001", "part": "ブラケット A-1", "late": 0.8})
AT_MS = 1_795_500_000_000


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"signing-secret\n")
    return path


def test_it_is_json_that_the_receiver_can_verify(secret: Path) -> None:
    receiver = Receiver()
    with receiving(receiver) as url:
        send_webhook(Webhook(url=f"{url}/hook?token=hidden", secret_file=secret), LETTER, AT_MS)
    ((path, headers, body),) = receiver.came
    assert path == "/hook?token=hidden"
    assert json.loads(body) == dict(LETTER.data)
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "alert-7"
    assert headers["X-Machikoba-Timestamp"] == "1795500000"
    mac = hmac.new(b"signing-secret", b"1795500000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Machikoba-Signature"] == f"sha256={mac}"


def test_the_signature_is_of_timestamp_and_body() -> None:
    known = signature(b"k", "1", b"{}")
    assert known != signature(b"k", "2", b"{}")
    assert known != signature(b"k", "1", b"[]")
    assert known != signature(b"K", "1", b"{}")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 500, 503])
def test_only_2xx_is_success_and_no_redirect_is_followed(status: int, secret: Path) -> None:
    receiver = Receiver(status)
    with receiving(receiver) as url, pytest.raises(NotSent) as caught:
        send_webhook(Webhook(url=f"{url}/hook?token=hidden", secret_file=secret), LETTER, AT_MS)
    assert str(caught.value) == f"{url} answered {status}"
    assert len(receiver.came) == 1


def test_a_receiver_that_takes_it_and_goes_on_talking_slowly_has_it(secret: Path) -> None:
    receiver = Receiver(200, length=4_000)
    with receiving(receiver) as url:
        try:
            send_webhook(Webhook(url=url, secret_file=secret), LETTER, AT_MS)
        finally:
            receiver.told.set()
    assert len(receiver.came) == 1


def test_nobody_there_and_no_secret_file_are_said(secret: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/hook?token=hidden"
    with pytest.raises(NotSent, match=r"^http://127.0.0.1:\d+: Connection refused$"):
        send_webhook(Webhook(url=url, secret_file=secret), LETTER, AT_MS)
    with pytest.raises(NotSent, match=r"alerts\.webhook.secret_file: .*gone cannot be read"):
        send_webhook(Webhook(url=url, secret_file=tmp_path / "gone"), LETTER, AT_MS)


def test_an_address_without_a_path_is_the_root_and_its_place_tells_no_secret(secret: Path) -> None:
    receiver = Receiver()
    with receiving(receiver) as url:
        settings = Webhook(url=url, secret_file=secret)
        send_webhook(settings, LETTER, AT_MS)
        assert place_of(settings) == url
    assert receiver.came[0][0] == "/"
    assert place_of(Webhook(url="https://example.jp/a?b=c", secret_file=secret)) == "https://example.jp"
