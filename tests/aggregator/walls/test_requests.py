"""What no request gets through: without a name, too large, too deep, with a token that may only read."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from aggregator.access.secret import new_secret
from aggregator.access.session import issue_token, token_user
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.user import Role, User
from aggregator.store.people import People
from aggregator.web.limits import MOST_BYTES
from tests.aggregator.town import NOW_MS, Town
from tests.aggregator.walls.test_matrix import STREAMS, addresses, body, forbidden, marks, routes
from tests.stack import NO_TLS

OPEN = {
    "/login",
    "/language/{code}",
    "/static/{name:path}",
    "/favicon.ico",
    "/healthz",
    "/readyz",
    "/metrics",
}
"""What everybody may ask for: nothing of any factory is in it."""


@pytest.fixture
def nobody(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60, verify=NO_TLS) as client:
        yield client


def test_the_description_of_the_api_names_every_endpoint_that_the_matrix_tries(nobody: httpx.Client) -> None:
    described = nobody.get("/api/v1/openapi.json").json()["paths"]
    wanted = {(method.upper(), path) for path, methods in described.items() for method in methods}
    tried = routes("GET") + routes("POST", "PUT", "PATCH", "DELETE")
    programs = {(method, path) for method, path in tried if path.startswith("/api/")}
    assert {pair for pair in wanted if pair[1].startswith("/api/")} == programs
    assert len(programs) > 30


def test_without_a_name_nothing_is_answered_and_nothing_taken(nobody: httpx.Client, walled: Town) -> None:
    before = marks(walled)
    wrong = {}
    for method, path in routes("GET", "POST", "PUT", "PATCH", "DELETE"):
        if path in OPEN:
            continue
        for at in addresses(path):
            sent = {} if method == "GET" else body(path)
            answer = nobody.request(method, at, **sent)  # type: ignore[arg-type]
            leaks = [mark for mark in forbidden("nobody") if mark in answer.text]
            is_shut = answer.status_code in {303, 401, 403, 404, 411, 422}
            to_sign_in = answer.status_code != 303 or answer.headers["location"].startswith("/login")
            if leaks or not is_shut or not to_sign_in:
                wrong[f"{method} {at}"] = (answer.status_code, leaks)
    assert wrong == {}
    assert marks(walled) == before


def test_open_addresses_tell_nothing_of_anybody(nobody: httpx.Client) -> None:
    for path in OPEN:
        for at in addresses(path):
            text = nobody.get(at).text
            assert not [mark for mark in forbidden("nobody") if mark in text], at


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("path", ["/api/v1/matches", "/login"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    nobody: httpx.Client, walled: Town, path: str, announced: bool
) -> None:
    chunk = b"x" * 65_536
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(40 * MOST_BYTES // len(chunk)):
            sent += len(chunk)
            yield chunk

    kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    headers = {"Authorization": f"Bearer {walled.tokens['coordinator']}", "Content-Type": kind}
    try:
        content = b"x" * (MOST_BYTES + 1) if announced else chunks()
        answer = nobody.post(path, content=content, headers=headers)
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        assert sent < 40 * MOST_BYTES  # the line was closed on us
        return
    # one field of a form that is longer than 1 MB is refused by the form's parser, earlier still
    assert answer.status_code == 413 or (path == "/login" and answer.status_code == 400)
    if path.startswith("/api/"):
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_that_is_nested_too_deeply_is_no_mistake_of_ours(
    nobody: httpx.Client, walled: Town, opening: str
) -> None:
    headers = {"Authorization": f"Bearer {walled.tokens['coordinator']}", "Content-Type": "application/json"}
    answer = nobody.post("/api/v1/matches", content=opening * 150_000, headers=headers)
    assert answer.status_code in {400, 422}


def test_every_answer_has_the_headers_that_keep_a_browser_safe(address: str, walled: Town) -> None:
    cookies = {SESSION_COOKIE: walled.session("coordinator")}
    for path in ("/login", "/floor", "/nothing", "/static/machikoba.css", "/api/v1/machines", "/healthz"):
        headers = httpx.get(f"{address}{path}", cookies=cookies, timeout=60, verify=NO_TLS).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and "*" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers  # this is plain HTTP, on loopback
        assert ("no-store" in headers.get("cache-control", "")) == (not path.startswith("/static/")), path


def test_no_page_has_code_or_style_within(address: str, walled: Town) -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)|\bon[a-z]+\s*=\s*[\"']|<style|\bstyle\s*=\s*[\"']|javascript:"
    )
    found = {}
    for _, path in routes("GET"):
        if path.startswith("/api/") or STREAMS.search(path) or path in OPEN - {"/login"}:
            continue
        for at in addresses(path):
            cookies = {SESSION_COOKIE: walled.session("coordinator")}
            answer = httpx.get(f"{address}{at}", cookies=cookies, timeout=60, verify=NO_TLS)
            if "text/html" in answer.headers.get("content-type", "") and (hit := inline.search(answer.text)):
                found[at] = hit[0]
    assert found == {}


def test_a_token_that_may_only_read_reads_and_changes_nothing(nobody: httpx.Client, walled: Town) -> None:
    before = marks(walled)
    people = People(walled.services.records.engine)
    for who in ("coordinator", "aoki"):
        user = people.user(who)
        assert user is not None
        token = issue_token(people, replace(user, reads_only=True), NOW_MS, NOW_MS + 10**10)
        headers = {"Authorization": f"Bearer {token}"}
        assert nobody.get("/api/v1/machines", headers=headers).status_code == 200
        for method, path in routes("POST", "PUT", "PATCH", "DELETE"):
            if not path.startswith("/api/"):
                continue
            for at in addresses(path):
                answer = nobody.request(method, at, headers=headers, **body(path))  # type: ignore[arg-type]
                assert answer.status_code in {403, 411}, (method, at, answer.text)
    assert marks(walled) == before


def test_tokens_are_stored_as_hashes_end_by_themselves_and_can_be_revoked(walled: Town) -> None:
    engine = walled.services.records.engine
    people, user = People(engine), User("robot", Role.FACTORY, "aoki")
    people.add_user(user, "x", NOW_MS)
    token = issue_token(people, user, NOW_MS, NOW_MS + 1_000)
    other = issue_token(people, user, NOW_MS, NOW_MS + 10**9)
    with engine.connect() as connection:
        stored = json.dumps([list(row) for row in connection.exec_driver_sql("SELECT * FROM tokens")])
    assert token not in stored and other not in stored
    assert new_secret() != new_secret() and len(token) >= 43
    assert token_user(people, token, NOW_MS) == user
    assert token_user(people, token, NOW_MS + 1_000) is None
    assert people.revoke_tokens("robot") == 2
    assert token_user(people, other, NOW_MS) is None
    people.remove_user("robot")
