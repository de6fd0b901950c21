"""The reverse proxy's file with the real Caddy: TLS in front, /metrics for those inside only."""

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.stack import free_port, listens, wait_until

CADDYFILE = Path(__file__).parents[2] / "deploy" / "proxy" / "Caddyfile"


class Page(BaseHTTPRequestHandler):
    """Tells how the proxy asked."""

    def do_GET(self) -> None:
        body = f"{self.path} {self.headers['X-Forwarded-Proto']} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


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


def test_pages_go_through_encrypted_and_metrics_stay_inside(site: tuple[int, Path]) -> None:
    port, authority = site
    trust = ssl.create_default_context(cafile=str(authority))
    url = f"https://localhost:{port}"

    def answered() -> bool:
        try:
            return httpx.get(f"{url}/", verify=trust).status_code == 200
        except httpx.TransportError:  # its first certificate is still being made
            return False

    wait_until(answered, "a page comes through")
    page = httpx.get(f"{url}/floor", verify=trust)
    assert page.text == f"/floor https localhost:{port}"
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert httpx.get(f"{url}/metrics", verify=trust).status_code == 404
