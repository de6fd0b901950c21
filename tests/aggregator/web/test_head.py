"""What HEAD is answered: what GET is, without its body."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from aggregator.web.head import with_head
from tests.aggregator.faces import bearer, sign_in
from tests.aggregator.town import Town

CHANGES = {"date", "set-cookie", "content-length"}  # a page has a new form token, and tells the time


@pytest.mark.parametrize(
    "path",
    ["/", "/floor", "/login", "/nowhere", "/favicon.ico", "/api/v1/machines", "/api/v1/no", "/healthz"],
)
def test_a_head_has_the_status_and_the_headers_of_a_get(client: httpx.Client, town: Town, path: str) -> None:
    sign_in(client)
    for headers in ({}, bearer(town)):
        get, head = client.get(path, headers=headers), client.head(path, headers=headers)
        assert head.status_code == get.status_code
        assert "content-length" in head.headers
        assert head.content == b""
        for name in get.headers.keys() - CHANGES:
            assert head.headers[name] == get.headers[name]


def test_who_is_not_signed_in_is_sent_to_the_form_by_head_too(client: httpx.Client) -> None:
    answer = client.head("/floor")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?back=%2Ffloor")


def test_a_head_of_a_stream_ends(client: httpx.Client) -> None:
    sign_in(client)
    answer = client.head("/floor/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_after_a_head_the_connection_can_be_used_again(url: str) -> None:
    place = urlsplit(url)
    request = "{} /healthz HTTP/1.1\r\nHost: town\r\n{}\r\n"
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as raw:
        raw.sendall((request.format("HEAD", "") + request.format("GET", "Connection: close\r\n")).encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    first, _, second = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200")
    assert second.startswith(b"HTTP/1.1 200")


def test_what_takes_no_get_takes_no_head(client: httpx.Client) -> None:
    answer = client.head("/logout")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("before", "after"), [("GET", "GET, HEAD"), ("POST", "POST"), ("GET, HEAD", "GET, HEAD")]
)
def test_where_get_is_allowed_head_is(before: str, after: str) -> None:
    assert with_head({"Allow": before, "X-Other": "1"}) == {"Allow": after, "X-Other": "1"}
    assert with_head(None) == {}
