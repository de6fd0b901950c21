import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from aggregator.model.capacity import NoNumber
from tests.aggregator.busy_faces import busy_town, busy_url, visitor
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.town import Town, served

__all__ = ["busy_town", "busy_url", "visitor"]  # fixtures


def text_of(html: str) -> str:
    """Return what people read, spaces evened out."""
    return re.sub(
        r"\s+", " ", re.sub(r"<(small|b|span|/)[^>]*>", "", re.sub(r"<svg.*?</svg>", "", html, flags=re.S))
    )


@pytest.fixture
def coordinator(visitor: httpx.Client) -> httpx.Client:
    sign_in(visitor)
    return visitor


def page(client: httpx.Client, path: str, language: str = "en") -> str:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return answer.text


def cell(html: str, process: str, week: str) -> str:
    found = re.search(rf'<td[^>]*>\s*<a href="/capacity/{process}\?week={week}".*?</td>', html, re.S)
    assert found, f"no cell of {process} in {week}"
    return found[0]


def test_the_heat_map_shows_every_process_in_the_order_of_the_town(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity")
    names = re.findall(r'<th role="rowheader"[^>]*><a href="/capacity/(\w+)"', html)
    assert names == ["cutting", "pressing", "surface_treatment", "inspection", "assembly", "shipping"]
    assert len(re.findall('class="heat ', html)) == 6 * 12


def test_a_cell_says_hours_range_declared_and_a_word(coordinator: httpx.Client) -> None:
    found = cell(page(coordinator, "/capacity"), "cutting", "2026-W49")
    assert re.search(r'<b class="amount">\d+</b><small class="unit">h</small>', found)
    assert re.search(r"P10 to P90: </span>\d+–\d+", found)
    assert "declared: 195 h" in found
    assert "Plenty" in found
    assert 'class="bullet-declared"' in found


def test_unknown_and_closed_are_words_not_zeros(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity")
    unknown = cell(html, "inspection", "2026-W49")
    assert "unknown" in unknown and "No calendar yet" in unknown
    assert "amount" in unknown and ">0<" not in unknown
    assert "Closed" in cell(html, "assembly", "2026-W50")
    assert "1 of them unknown" in html


def test_where_too_little_is_recorded_yet_the_page_says_what_will_help(
    coordinator: httpx.Client, busy_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "weeks of work have been recorded" not in page(coordinator, "/capacity")
    nothing: dict[str, Any] = {
        "spare": None,
        "gross": None,
        "private": None,
        "no_number": NoNumber.NO_HISTORY,
    }
    young = [replace(each, **nothing) for each in busy_town.services.spare.cells()]
    monkeypatch.setattr(busy_town.services.spare, "cells", lambda *_: young)
    said = page(coordinator, "/capacity")
    assert "numbers come by themselves once 2 weeks of work have been recorded" in said


def test_every_row_says_how_old_and_how_complete_it_is(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity")
    rows = re.findall(r'<th role="rowheader".*?</th>', html, re.S)
    assert all("measured <time" in row for row in rows)
    assert sum("data 100%" in row for row in rows) == 4


def test_japanese_reads_as_japanese(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity", "ja")
    assert "余裕あり" in html and "カレンダー未登録" in html and "来週" in html
    why = page(coordinator, "/capacity/cutting/aoki?week=2026-W49", "ja")
    assert "この週に人がいる機械の時間 160.0 時間" in text_of(why)
    assert re.search(
        r"週 110.0 時間の申告に対し、直近 4 週の実測では週 \d+\.\d 時間の空きでした", text_of(why)
    )


def test_a_process_lists_its_factories_the_surest_first(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity/cutting?week=2026-W49")
    listed = re.findall(r'<th scope="row"><a href="/capacity/cutting/(\w+)\?week=2026-W49"', html)
    assert listed == ["kitamura", "aoki", "tanabe"]
    assert re.search(r"Cutting: \d+ h can be promised \(P10\), \d+ h are likely \(P50\)", text_of(html))


def test_a_factory_spells_out_why_and_the_sum_is_right(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity/cutting/kitamura?week=2026-W49")
    said = text_of(html)
    parts = re.search(
        r"week ([\d.]+) h − the factory's own work ([\d.]+) h − its reserve ([\d.]+) h = spare ([\d.]+) h",
        said.replace("&#39;", "'"),
    )
    assert parts, said
    planned, private, reserve, spare = map(float, parts.groups())
    assert planned - private - reserve == pytest.approx(spare, abs=0.15)
    table = re.search(r'<table class="sum">.*?</table>', html, re.S)
    assert table
    columns = zip(
        *(re.findall(r'<td class="number">([−\d.]+)</td>', row) for row in table[0].split("<tr>")[2:]),
        strict=True,
    )
    for column in columns:
        *terms, total = (float(number.replace("−", "-")) for number in column)
        assert sum(terms) == pytest.approx(total, abs=0.25)


def test_people_who_are_short_stand_in_the_sum(coordinator: httpx.Client) -> None:
    said = text_of(page(coordinator, "/capacity/surface_treatment/sakura?week=2026-W49"))
    assert "machines that nobody can tend 40.0 h" in said
    assert "In it is time of machines that nobody could have tended" in said


@pytest.mark.parametrize(
    ("path", "reason", "cure"),
    [
        (
            "/capacity/inspection/higashi",
            "No calendar yet",
            '<a href="/factories/higashi">Enter its calendar</a>',
        ),
        ("/capacity/surface_treatment/nishino", "Too little data", '<a href="/floor#factory-nishino">'),
    ],
)
def test_without_a_number_the_page_says_why_and_what_to_do(
    coordinator: httpx.Client, path: str, reason: str, cure: str
) -> None:
    html = page(coordinator, path)
    assert reason in html
    assert cure in html


def test_the_last_eight_weeks_are_drawn_and_in_a_table(coordinator: httpx.Client) -> None:
    html = page(coordinator, "/capacity/cutting/aoki")
    assert html.count('class="part-spare"') == 8
    assert html.count('class="declared-line"') == 1
    table = re.search(r'<details id="past-table">.*?</details>', html, re.S)
    assert table and table[0].count("<tr>") == 9


def test_an_unknown_week_in_the_address_shows_the_next_one(coordinator: httpx.Client) -> None:
    for week in ("2020-W01", "nonsense"):
        assert "Next week: why this number" in page(coordinator, f"/capacity/cutting/aoki?week={week}")


@pytest.mark.parametrize("path", ["/capacity/alchemy", "/capacity/cutting/nobody", "/capacity/pressing/aoki"])
def test_what_does_not_exist_is_not_found(coordinator: httpx.Client, path: str) -> None:
    assert coordinator.get(path).status_code == 404


def test_a_factory_sees_only_its_own(visitor: httpx.Client) -> None:
    sign_in(visitor, "sakura")
    html = page(visitor, "/capacity")
    assert re.findall(r'<th role="rowheader"[^>]*><a href="/capacity/(\w+)"', html) == ["surface_treatment"]
    assert "西野化工" not in page(visitor, "/capacity/surface_treatment")
    assert visitor.get("/capacity/surface_treatment/nishino").status_code == 404
    assert visitor.get("/capacity/cutting").status_code == 404


def test_the_script_is_told_when_nothing_is_new(coordinator: httpx.Client) -> None:
    first = coordinator.get("/capacity")
    again = coordinator.get("/capacity", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = coordinator.get(
        "/capacity", headers={"If-None-Match": first.headers["etag"], "Accept-Language": "ja"}
    )
    assert other.status_code == 200


def test_nobody_who_is_not_signed_in_sees_hours(visitor: httpx.Client) -> None:
    assert visitor.get("/capacity").headers["location"].startswith("/login")


def test_the_overview_says_who_has_time_next_week(coordinator: httpx.Client) -> None:
    said = text_of(page(coordinator, "/"))
    assert re.search(r"Next week Cutting has \d+ h to spare \(P10, nearly sure\)", said)
    assert "Unknown: Inspection." in said
    assert re.search("切削は来週 P10 で \\d+ 時間の空きです", text_of(page(coordinator, "/", "ja")))


def test_a_town_without_machines_says_how_to_attach_one(empty_town: Town) -> None:
    with served(empty_town) as (url, _), browsing(url) as client:
        sign_in(client)
        assert "The numbers are being calculated" in page(client, "/capacity")
