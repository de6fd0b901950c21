"""Dates of a file on the page: shown first, saved when confirmed, and only once."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from aggregator import tables
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.calendar_files import ical, imported, table
from aggregator.model.calendar import Calendar, Overtime, Shift
from aggregator.model.factory_profile import FactoryProfile
from aggregator.web.factory_words import FILE_WORDS
from tests.aggregator.calendar_files.dates import DATA
from tests.aggregator.calendar_files.test_table import JAPANESE
from tests.aggregator.faces import browsing
from tests.aggregator.town import NOW_MS, Town, found_town, served
from tests.aggregator.web.forms import form_in

PAGE = "/factories/aoki/import"
TABLE = JAPANESE.replace("1号機", "マシニングセンタ 1号機").encode("cp932")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return found_town(tmp_path_factory.mktemp("imports"), days=0.01)


@pytest.fixture(scope="module")
def address(town: Town) -> Iterator[str]:
    with served(town) as (url, _):
        yield url


@pytest.fixture
def aoki(town: Town, address: str) -> Iterator[httpx.Client]:
    profiles = town.services.profiles
    profiles.save(FactoryProfile("aoki"), profiles.get("aoki").revision, "test", NOW_MS)
    with browsing(address) as client:
        client.cookies.set(SESSION_COOKIE, town.session("aoki"))
        yield client


def upload(client: httpx.Client, data: bytes, page: str = "/factories/aoki", **chosen: str) -> httpx.Response:
    fields = {name: values[-1] for name, values in form_in(client.get(page).text, PAGE).items()}
    return client.post(PAGE, data=fields | chosen, files={"file": ("dates", data)})


def confirm(client: httpx.Client, shown: httpx.Response) -> httpx.Response:
    return client.post(f"{PAGE}/save", data=form_in(shown.text, f"{PAGE}/save"))


@pytest.mark.parametrize("page", ["/factories/aoki", PAGE])
def test_dates_are_shown_then_saved_then_known(aoki: httpx.Client, town: Town, page: str) -> None:
    shown = upload(aoki, TABLE, page)
    assert shown.status_code == 200
    for word in ("3 new dates", "お盆休み", "マシニングセンタ 1号機", "2026-12-05 08:00", "主軸の点検, 半日"):
        assert word in shown.text
    assert town.services.profiles.get("aoki").calendar is None
    assert confirm(aoki, shown).status_code == 303
    saved = town.services.profiles.get("aoki")
    assert saved.calendar is not None
    assert [stop.machine for stop in saved.calendar.planned_stops] == ["mc-01"]
    again = upload(aoki, TABLE)
    assert "All of its dates are in the calendar already." in again.text
    assert town.services.audit.entries("aoki")[0].who == "aoki"


def test_a_google_calendar_and_the_chosen_kind_and_machine(aoki: httpx.Client, town: Town) -> None:
    assert confirm(aoki, upload(aoki, (DATA / "google.ics").read_bytes())).status_code == 303
    untold = b"start,end\n2026-12-05 08:00,2026-12-05 12:00\n"
    assert confirm(aoki, upload(aoki, untold, kind="overtime", machine="mc-02")).status_code == 303
    calendar = town.services.profiles.get("aoki").calendar
    assert calendar is not None
    assert len(calendar.closures) == 2
    assert len(calendar.overtime) == 4
    assert any(isinstance(extra, Overtime) and extra.machine == "mc-02" for extra in calendar.overtime)


def test_a_bad_file_is_told_with_line_and_column_in_words(aoki: httpx.Client, town: Town) -> None:
    answer = upload(aoki, "種別,開始\n休業,いつか\n".encode("cp932"))
    assert answer.status_code == 422
    assert 'role="alert">line 2, column 開始: A date such as 2026-08-13' in answer.text
    assert "Choose a file first." in upload(aoki, b"").text
    assert "larger than 1 MB" in upload(aoki, b"x" * 1_000_001).text
    assert town.services.profiles.get("aoki").calendar is None


def test_a_change_in_between_asks_once_more(aoki: httpx.Client, town: Town) -> None:
    shown = upload(aoki, TABLE)
    profiles = town.services.profiles
    before = profiles.get("aoki")
    profiles.save(replace(before, reserve=0.3), before.revision, "kenta", NOW_MS)
    again = confirm(aoki, shown)
    assert again.status_code == 409
    assert "Someone changed this calendar in between." in again.text
    assert confirm(aoki, again).status_code == 303
    saved = profiles.get("aoki")
    assert saved.reserve == 0.3
    assert saved.calendar is not None
    assert len(saved.calendar.closures) == 1


def test_what_was_not_shown_by_us_cannot_be_saved(aoki: httpx.Client, town: Town) -> None:
    fields = form_in(upload(aoki, TABLE).text, f"{PAGE}/save")
    for wrong, status in (
        ({"entries": ["[]"]}, 422),
        ({"entries": ['{"closures": [{"first": "2026-08-13", "last": "2026-08-01"}]}']}, 422),
        ({"revision": ["x"]}, 422),
        ({"form_token": ["0" * 64]}, 403),
    ):
        assert aoki.post(f"{PAGE}/save", data=fields | wrong).status_code == status
    assert town.services.profiles.get("aoki").calendar is None
    assert aoki.get("/factories/fujimi/import").status_code == 404


def test_shifts_stay_when_dates_are_imported(aoki: httpx.Client, town: Town) -> None:
    shift = Shift(frozenset({0}), 480, 1020)
    profiles = town.services.profiles
    before = profiles.get("aoki")
    profiles.save(replace(before, calendar=Calendar((shift,))), before.revision, "aoki", NOW_MS)
    confirm(aoki, upload(aoki, TABLE))
    calendar = profiles.get("aoki").calendar
    assert calendar is not None
    assert calendar.shifts == (shift,)
    assert len(calendar.closures) == 1


def test_every_reason_has_its_words() -> None:
    reasons = {
        value
        for module in (imported, ical, table, tables)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    assert reasons == set(FILE_WORDS)
