"""`/orders/import` as a browser uses it: looked at first, imported once, faults named in both languages."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from aggregator.access.visitor import SESSION_COOKIE
from aggregator.order_files import read
from aggregator.web.order_file_words import WORDS
from tests.aggregator.faces import browsing, form_token_in
from tests.aggregator.order_files.tables import HEADINGS, JAPANESE
from tests.aggregator.planning.towns import matching
from tests.aggregator.town import Town


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Town]]:
    with matching(tmp_path_factory.mktemp("import")) as (url, town, _), browsing(url) as client:
        client.cookies.set(SESSION_COOKIE, town.session())
        yield client, town


def look(client: httpx.Client, table: str, language: str = "ja") -> httpx.Response:
    token = form_token_in(client.get("/orders/import").text)
    files = {"file": ("orders.csv", table.encode("cp932"), "text/csv")}
    headers = {"Accept-Language": language}
    return client.post("/orders/import", data={"form_token": token}, files=files, headers=headers)


def save(client: httpx.Client, looked: str) -> httpx.Response:
    orders = re.search(r'name="orders" value="([^"]*)"', looked)
    assert orders, looked
    fields = {"form_token": form_token_in(looked), "orders": unescape(orders[1])}
    return client.post("/orders/import/save", data=fields)


def test_a_table_is_looked_at_then_imported_and_known_when_it_comes_again(
    place: tuple[httpx.Client, Town],
) -> None:
    client, town = place
    assert "/orders/import" in client.get("/orders").text
    shown = look(client, JAPANESE)
    assert shown.status_code == 200
    assert "新しい注文 2 件" in shown.text
    assert town.services.planning.matches() == []
    answer = save(client, shown.text)
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders")
    assert {match.draft.part for match in town.services.planning.matches()} == {"ブラケット", "軸受ケース"}
    assert save(client, shown.text).status_code == 303  # a button pressed twice
    assert len(town.services.planning.matches()) == 2
    again = look(client, JAPANESE, "en").text
    assert "0 new orders" in again
    assert "2 orders of the file are there already" in again
    assert 'name="orders"' not in again


def test_faults_are_named_in_both_languages_and_nothing_is_imported(
    place: tuple[httpx.Client, Town],
) -> None:
    client, town = place
    before = len(town.services.planning.matches())
    wrong = JAPANESE.replace("検査,10", "検査,?").replace(",600,", ",0,")
    answer = look(client, wrong)
    assert answer.status_code == 422
    said = unescape(answer.text)
    assert "0 以上の数を入れてください（いまは '?'）。" in said
    english = unescape(look(client, wrong, "en").text)
    assert "line 2, column 数量: Enter at least 1 piece." in english
    assert "line 5, column サイクル秒: A number of 0 or more is expected here, not '?'." in english
    assert len(town.services.planning.matches()) == before


def test_more_than_twenty_are_for_the_command(place: tuple[httpx.Client, Town]) -> None:
    client, _ = place
    rows = "".join(f"B-{number},大手精機,部品{number},1,2027/1/8,切削,1\r\n" for number in range(21))
    said = look(client, HEADINGS + rows).text
    assert "machikoba orders import" in said
    assert 'name="orders"' not in said


def test_what_no_page_posts_is_refused(place: tuple[httpx.Client, Town]) -> None:
    client, _ = place
    token = form_token_in(client.get("/orders/import").text)
    for orders in ("", "[1]", "x"):
        fields = {"form_token": token, "orders": orders}
        assert client.post("/orders/import/save", data=fields).status_code == 422
    assert client.post("/orders/import/save", data={"orders": "[]"}).status_code == 403


def test_every_fault_of_a_table_has_its_words() -> None:
    own = {name: text for name, text in vars(read).items() if name.isupper() and isinstance(text, str)}
    assert [name for name, text in own.items() if text not in WORDS] == []
