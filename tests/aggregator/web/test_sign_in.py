import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from aggregator.access.visitor import SESSION_COOKIE, VISIT_COOKIE, local_path
from aggregator.store.people import People
from aggregator.web.sign_in import AT_ONCE, FAILURES, TOO_MANY, WRONG, Doorkeeper
from tests.aggregator.faces import browsing, form_token_in, sign_in
from tests.aggregator.town import PASSWORD, Town, found_town, served


@pytest.fixture
def quiet(empty_town: Town) -> Iterator[httpx.Client]:
    """A town of its own: failures here slow nobody else down."""
    with served(empty_town) as (url, _), browsing(url) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/floor", "/floor?state=DOWN&process=cutting"])
def test_who_is_not_signed_in_is_sent_to_the_form_and_back(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    form = client.get(answer.headers["location"]).text
    back = form.split('name="back" value="')[1].split('"')[0].replace("&amp;", "&")
    assert back == path
    assert sign_in(client, back=back) == 303


def test_a_session_is_a_cookie_that_scripts_and_other_sites_cannot_use(client: httpx.Client) -> None:
    token = form_token_in(client.get("/login").text)
    before = client.cookies[VISIT_COOKIE]
    fields = {"name": "coordinator", "password": PASSWORD, "form_token": token}
    answer = client.post("/login", data=fields)
    cookies = {text.split("=")[0]: text for text in answer.headers.get_list("set-cookie")}
    assert "HttpOnly" in cookies[SESSION_COOKIE]
    assert "SameSite=lax" in cookies[SESSION_COOKIE]
    assert "Secure" not in cookies[SESSION_COOKIE]  # this is plain HTTP, on loopback
    assert client.cookies[SESSION_COOKIE] != before
    assert client.get("/").status_code == 200


async def test_over_https_cookies_are_secure(empty_town: Town) -> None:
    app = empty_town.app
    app.state.services = empty_town.services
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://town.example") as client:
        answer = await client.get("/login")
    assert "; Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_behind_a_proxy_that_people_reach_by_https_cookies_are_secure_too(empty_town: Town) -> None:
    app, config = empty_town.app, empty_town.services.config
    public = config.web.model_copy(update={"public_url": "https://town.example"})
    app.state.services = replace(empty_town.services, config=config.model_copy(update={"web": public}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.get("/login")
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("name", "password"), [("coordinator", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0b", PASSWORD)]
)
def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    quiet: httpx.Client, name: str, password: str
) -> None:
    token = form_token_in(quiet.get("/login").text)
    answer = quiet.post("/login", data={"name": name, "password": password, "form_token": token})
    assert answer.status_code == 401
    assert "Name or password is not right." in answer.text
    assert 'role="alert"' in answer.text
    assert SESSION_COOKIE not in quiet.cookies


def test_guessing_is_slowed_down_for_that_name_only(quiet: httpx.Client) -> None:
    for _ in range(FAILURES):
        assert sign_in(quiet, "coordinator", "guess") == 401
    assert sign_in(quiet, "coordinator", PASSWORD) == 429
    assert sign_in(quiet, "aoki", PASSWORD) == 303


async def test_guesses_at_once_are_slowed_down_too(empty_town: Town) -> None:
    people, doorkeeper = People(empty_town.services.records.engine), Doorkeeper()
    guesses = (doorkeeper.admit(people, "coordinator", "guess", "192.0.2.1", 0) for _ in range(20))
    answers = await asyncio.gather(*guesses)
    assert answers.count(WRONG) <= FAILURES + AT_ONCE - 1
    assert answers.count(TOO_MANY) == 20 - answers.count(WRONG)


@pytest.mark.parametrize("token", ["", "x", "0" * 64])
def test_a_form_of_another_site_cannot_sign_in(client: httpx.Client, token: str) -> None:
    client.get("/login")
    answer = client.post("/login", data={"name": "coordinator", "password": PASSWORD, "form_token": token})
    assert answer.status_code == 403
    assert "open for too long" in answer.text
    assert SESSION_COOKIE not in client.cookies


def test_a_form_without_its_cookie_cannot_sign_in(client: httpx.Client) -> None:
    token = form_token_in(client.get("/login").text)
    client.cookies.clear()
    assert (
        client.post("/login", data={"name": "aoki", "password": PASSWORD, "form_token": token}).status_code
        == 403
    )


def test_who_signed_in_in_another_tab_meanwhile_is_sent_on_as_who_they_are(client: httpx.Client) -> None:
    stale = form_token_in(client.get("/login").text)
    sign_in(client, "aoki")
    session = client.cookies[SESSION_COOKIE]
    for password in (PASSWORD, "wrong"):
        fields = {"name": "coordinator", "password": password, "form_token": stale, "back": "/floor"}
        answer = client.post("/login", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/floor")
        assert client.cookies[SESSION_COOKIE] == session
    client.cookies.set(SESSION_COOKIE, "over", domain=urlsplit(str(client.base_url)).hostname or "")
    assert client.post("/login", data={"form_token": stale}).status_code == 403


def test_signing_out_ends_the_session(client: httpx.Client) -> None:
    sign_in(client)
    secret = client.cookies[SESSION_COOKIE]
    token = form_token_in(client.get("/").text)
    assert client.post("/logout", data={"form_token": "forged"}).status_code == 403
    assert client.get("/").status_code == 200
    assert client.post("/logout", data={"form_token": token}).status_code == 303
    client.cookies.set(SESSION_COOKIE, secret)
    assert client.get("/").status_code == 303


def test_who_is_signed_in_already_goes_on(client: httpx.Client) -> None:
    sign_in(client)
    answer = client.get("/login", params={"back": "/floor"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/floor")


@pytest.mark.parametrize(
    "back",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/a\nb", "\t//x"],
)
def test_nobody_is_sent_to_another_site(client: httpx.Client, back: str) -> None:
    assert local_path(back) == "/"
    token = form_token_in(client.get("/login", params={"back": back}).text)
    fields = {"name": "aoki", "password": PASSWORD, "form_token": token, "back": back}
    assert client.post("/login", data=fields).headers["location"] == "/factory"


def test_a_removed_person_is_out_at_once(tmp_path: Path) -> None:
    town = found_town(tmp_path, settled=False)
    with served(town) as (url, _), browsing(url) as client:
        sign_in(client, "aoki")
        assert client.get("/").status_code == 200
        People(town.services.records.engine).remove_user("aoki")
        assert client.get("/").status_code == 303


def test_the_switch_of_languages_stays_on_the_page(client: httpx.Client) -> None:
    sign_in(client)
    page = client.get("/floor?state=DOWN").text
    link = page.split('href="/language/ja?')[1].split('"')[0].replace("&amp;", "&")
    answer = client.get(f"/language/ja?{link}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/floor?state=DOWN")
    japanese = client.get(answer.headers["location"]).text
    assert '<html lang="ja">' in japanese
    assert "異常停止" in japanese
    assert client.get("/language/fr").status_code == 404


@pytest.mark.parametrize(("name", "first"), [("coordinator", "/"), ("aoki", "/factory")])
def test_everyone_begins_at_the_page_of_their_role(client: httpx.Client, name: str, first: str) -> None:
    token = form_token_in(client.get("/login").text)
    fields = {"name": name, "password": PASSWORD, "form_token": token, "back": "/"}
    assert client.post("/login", data=fields).headers["location"] == first
    assert client.get("/login").headers["location"] == first
