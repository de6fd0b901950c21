"""The reverse proxy's file with the real Caddy: TLS in front, /metrics for those inside only."""

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.secrets.planted import canary, leaks
from tests.stack import free_port, listens, wait_until

CADDYFILE = Path(__file__).parents[2] / "deploy" / "proxy" / "Caddyfile"


class Page(BaseHTTPRequestHandler):
    """Tells how the proxy asked; below /broken it fails, below /gone it hangs up."""

    def do_GET(self) -> None:
        if "gone" in self.path:
            self.close_connection = True
            return
        names = ("X-Forwarded-Proto", "Host", "X-Forwarded-For")
        body = " ".join([self.path, *(str(self.headers[name]) for name in names)]).encode()
        self.send_response(503 if "broken" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


LINK, TOKEN, SESSION = canary("link"), canary("token"), canary("session")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    upstream = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port = free_port()
    environment = {
        **os.environ,
        "MACHIKOBA_SITE": f"https://localhost:{port}",
        "MACHIKOBA_TLS": "internal",
        "MACHIKOBA_HTTP_PORT": str(free_port()),
        "MACHIKOBA_UPSTREAM": f"127.0.0.1:{upstream.server_port}",
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    with (tmp_path / "log").open("wb") as log:
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
        caddy = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    authority = tmp_path / "caddy/pki/authorities/local/root.crt"
    try:
        wait_until(lambda: caddy.poll() is not None or listens(port), "the proxy listens")
        wait_until(lambda: caddy.poll() is not None or authority.exists(), "its authority is there")
        assert caddy.poll() is None, (tmp_path / "log").read_text()
        yield port, authority
    finally:
        caddy.terminate()
        caddy.wait(30)
        upstream.shutdown()
        upstream.server_close()


@contextmanager
def connected(site: tuple[int, Path]) -> Iterator[httpx.Client]:
    """Give a client once pages come through: the first certificate is made at the start."""
    port, authority = site
    trust = ssl.create_default_context(cafile=str(authority))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=trust) as client:

        def answered() -> bool:
            try:
                return client.get("/").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answered, "a page comes through")
        yield client


def test_its_log_tells_what_failed_and_no_secret(site: tuple[int, Path], tmp_path: Path) -> None:
    with connected(site) as client:
        headers = {"Authorization": f"Bearer {TOKEN}", "Cookie": f"machikoba_session={SESSION}"}
        headers |= {"Referer": f"https://localhost/o/{LINK}"}
        for tail in ("broken", "gone", "gone/events?again=1"):
            assert client.get(f"/o/{LINK}/{tail}", headers=headers).status_code in {502, 503}
        assert client.get("/gone/floor", headers=headers).status_code == 502
    wait_until(lambda: "/gone/floor" in (tmp_path / "log").read_text("utf-8"), "the failure is in the log")
    said = (tmp_path / "log").read_text("utf-8")
    assert "/o/…" in said
    assert leaks((LINK, TOKEN, SESSION), {"log": said}) == []


def test_pages_go_through_encrypted_and_metrics_stay_inside(site: tuple[int, Path]) -> None:
    with connected(site) as client:
        page = client.get("/floor")
        assert page.text == f"/floor https localhost:{site[0]} 127.0.0.1"
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert client.get("/metrics").status_code == 404


def test_who_asks_is_told_by_the_proxy_and_not_by_who_asks(site: tuple[int, Path]) -> None:
    with connected(site) as client:
        said = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Forwarded": "for=203.0.113.9"}
        page = client.get("/floor", headers=said)
        assert page.text == f"/floor https localhost:{site[0]} 127.0.0.1"
