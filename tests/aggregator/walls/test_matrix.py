"""Role x endpoint, made of the routes themselves: a new page or resource falls under it by being there.

No answer to a GET holds anything of another party; no POST, PUT, PATCH or DELETE on what is another party's
is taken, and nothing changes by it.
"""

import itertools
import re

import httpx
import pytest
from fastapi.routing import APIRoute

from aggregator import api, web
from aggregator.access.visitor import SESSION_COOKIE
from tests.aggregator.town import Town
from tests.aggregator.walls.conftest import BUYER, CANARIES, OTHER_BUYER
from tests.stack import NO_TLS

STRANGERS = ("sakura", "minato", "buyer")
"""A factory that works right after 青木精機, one that has nothing to do with it, and a buyer."""

VALUES: dict[str, tuple[str, ...]] = {
    "factory": ("aoki",),
    "machine": ("mc-01",),
    "process": ("cutting",),
    "job": ("2026-0001-1a", "2026-0002-1a"),
    "order": ("2026-0001",),
    "match": ("2026-0001-p1",),
    "handover": ("1",),
    "link": ("1",),
    "token": ("no-such-secret",),
    "code": ("en",),
    "name": ("machikoba.css",),
}
"""What stands in an address for each of its parts: what belongs to 青木精機, or to the first buyer."""

STREAMS = re.compile(r"/events$")
ENTRIES = ("/login", "/logout", "/language/{code}", "/static/{name:path}")
OWN_ONLY = {"/factory", "/factory/consents"}
"""Forms that act on the caller's own factory alone; `test_forms_on_the_factorys_page` looks at them."""


def routes(*methods: str) -> list[tuple[str, str]]:
    """Return method and path of every route of API and pages."""
    found = set()
    for router in (*api.ROUTERS, *web.ROUTERS):
        for route in router.routes:
            if isinstance(route, APIRoute):
                found |= {(method, route.path) for method in route.methods or () if method in methods}
    return sorted(found)


def addresses(path: str) -> list[str]:
    """Return the path with every foreign value in it."""
    names = re.findall(r"\{(\w+)(?::\w+)?\}", path)
    unknown = [name for name in names if name not in VALUES]
    assert not unknown, f"{path}: say in VALUES what {unknown} can be"
    filled = []
    for values in itertools.product(*(VALUES[name] for name in names)):
        address = path
        for name, value in zip(names, values, strict=True):
            address = re.sub(r"\{" + name + r"(?::\w+)?\}", value, address)
        filled.append(address)
    return filled


def client_of(town: Town, url: str, who: str, path: str) -> httpx.Client:
    """Return someone signed in: by token at the API, by cookie at pages."""
    if path.startswith("/api/"):
        return httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {town.tokens[who]}"}, timeout=30, verify=NO_TLS
        )
    return httpx.Client(base_url=url, cookies={SESSION_COOKIE: town.session(who)}, timeout=30, verify=NO_TLS)


def forbidden(who: str) -> tuple[str, ...]:
    """Return what this person must never read."""
    buyers = (BUYER,) if who == "buyer" else (BUYER, OTHER_BUYER)
    return (*CANARIES, *buyers)


def read(town: Town, url: str, who: str, path: str) -> dict[str, str]:
    """Return every answer to a GET of this path, status, headers and body as one text."""
    found = {}
    with client_of(town, url, who, path) as client:
        for address in addresses(path):
            if STREAMS.search(address):
                with client.stream("GET", address) as answer:
                    lines = itertools.islice(answer.iter_lines(), 6) if answer.status_code == 200 else ()
                    text = "\n".join(lines)
                    found[address] = f"{answer.status_code} {answer.headers} {text}"
            else:
                answer = client.get(address)
                assert answer.status_code < 500, (who, address, answer.text[:300])
                found[address] = f"{answer.status_code} {answer.headers} {answer.text}"
    return found


@pytest.mark.parametrize("who", STRANGERS)
def test_no_answer_holds_anything_of_another_party(walled: Town, address: str, who: str) -> None:
    leaks = {}
    for _, path in routes("GET"):
        for at, text in read(walled, address, who, path).items():
            said = [canary for canary in forbidden(who) if canary in text]
            if said:
                leaks[at] = said
    assert leaks == {}


def test_the_marks_are_there_for_those_who_may_read_them(walled: Town, address: str) -> None:
    """And so a leak would be found."""
    pages = ("/floor", "/factories/{factory}", "/orders")
    told = "".join("".join(read(walled, address, "coordinator", path).values()) for path in pages)
    assert [mark for mark in (*CANARIES, BUYER, OTHER_BUYER) if mark not in told] == []


@pytest.mark.parametrize("who", STRANGERS)
def test_nothing_of_another_party_can_be_changed(walled: Town, address: str, who: str) -> None:
    before = marks(walled)
    taken = {}
    for method, path in routes("POST", "PUT", "PATCH", "DELETE"):
        if path in ENTRIES or path in OWN_ONLY:
            continue
        with client_of(walled, address, who, path) as client:
            for at in addresses(path):
                answer = client.request(method, at, **body(path))  # type: ignore[arg-type]
                if answer.status_code not in {400, 401, 403, 404, 405, 409, 411, 413, 415, 422}:
                    taken[f"{method} {at}"] = answer.status_code
    assert taken == {}
    assert marks(walled) == before


def test_forms_on_the_factorys_page_reach_its_own_jobs_alone(walled: Town, address: str) -> None:
    before = marks(walled)
    with client_of(walled, address, "sakura", "/factory") as client:
        token = client.get("/factory").text.split('name="form_token" value="')[1].split('"')[0]
        for do in ("start", "pause", "finish", "reopen", "report", "send"):
            fields = {"form_token": token, "do": do, "job": "2026-0001-1a", "good": "5", "pieces": "5"}
            answer = client.post(
                "/factory", data={**fields, "machine": "mc-01", "takeover": "yes", "reason": "x"}
            )
            assert answer.status_code == 409
            assert not [mark for mark in forbidden("sakura") if mark in answer.text]
        corrected = {"since": "2026-11-24T10:00", "until": "2026-11-24T11:00", "job": "2026-0001-1a"}
        fields = {"form_token": token, "do": "correct", "machine": "mc-01", "reason": "x", **corrected}
        assert client.post("/factory", data=fields).status_code == 409
    with client_of(walled, address, "minato", "/factory") as client:
        token = client.get("/factory/seen").text.split('name="form_token" value="')[1].split('"')[0]
        fields = {"form_token": token, "do": "receive", "handover": "1", "accepted": "50"}
        assert client.post("/factory", data=fields).status_code == 409
    assert marks(walled) == before


def body(path: str) -> dict[str, object]:
    """Return something to send: JSON to the API, a form to pages."""
    if path.startswith("/api/"):
        return {"json": {"good": 5, "pieces": 5, "accepted": 5, "reason": "x", "machine": "mc-01"}}
    return {"data": {"action": "save", "revision": "1", "reason": "x"}}


def marks(town: Town) -> object:
    """Return what differs as soon as anything was entered or decided."""
    services = town.services
    return services.work.ledgers.mark(), services.profiles.get("aoki"), services.consents.read()
