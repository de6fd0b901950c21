"""Pages of factories' calendars, as people use them: through forms, without scripts."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest

from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from tests.aggregator.faces import browsing
from tests.aggregator.town import NOW_MS, ZONE, Town, found_town, served
from tests.aggregator.web.forms import Posted, form_in

AOKI = "/factories/aoki"
WEEKDAYS = frozenset(range(5))


def ms(*at: int) -> int:
    return round(datetime(*at, tzinfo=ZONE).timestamp() * 1000)  # type: ignore[misc,arg-type]


FULL = FactoryProfile(
    "aoki",
    Calendar(
        (
            Shift(WEEKDAYS, 480, 1020, (Break(600, 610), Break(720, 765)), 3),
            Shift(WEEKDAYS, 1320, 1800, (Break(1500, 1545),), 0),
        ),
        (("mc-02", ()), ("mc-04", (Shift(frozenset({5}), 0, 1440),))),
        works_on_holidays=True,
        closures=(
            Closure(date(2025, 12, 29), date(2026, 1, 3)),
            Closure(date(2026, 12, 29), date(2027, 1, 3), "年末年始"),
        ),
        planned_stops=(
            PlannedStop(ms(2026, 1, 1), ms(2026, 1, 2), None, "昔"),
            PlannedStop(ms(2026, 11, 27, 13), ms(2026, 11, 27, 17, 0, 30), "mc-01", "点検"),
        ),
        overtime=(Overtime(ms(2026, 11, 28, 8), ms(2026, 11, 28, 12), None, 2, "特急"),),
    ),
    0.125,
    {
        "gone-09": Abilities(tonnage_kn=800.0),
        "mc-01": Abilities(
            frozenset({"SUS304", "A5052"}), 7.5, (600.0, 400.5, 300.0), 50, frozenset({"5軸"})
        ),
    },
    (Declared("cutting", 60.0), Declared("cutting", 20.5, "2026-W49")),
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return found_town(tmp_path_factory.mktemp("factories"), days=0.01)


@pytest.fixture(scope="module")
def address(town: Town) -> Iterator[str]:
    with served(town) as (url, _):
        yield url


@pytest.fixture
def coordinator(town: Town, address: str) -> Iterator[httpx.Client]:
    with signed_in(town, address, "coordinator") as client:
        yield client


def signed_in(town: Town, address: str, name: str, language: str = "en") -> httpx.Client:
    client = browsing(address, language)
    client.cookies.set(SESSION_COOKIE, town.session(name))
    return client


def store(town: Town, profile: FactoryProfile) -> FactoryProfile:
    """Make this the stored profile."""
    profiles = town.services.profiles
    return profiles.save(profile, profiles.get(profile.factory).revision, "test", NOW_MS)


def stored(town: Town, factory: str = "aoki") -> FactoryProfile:
    return town.services.profiles.get(factory)


def opened(client: httpx.Client, path: str = AOKI) -> Posted:
    return form_in(client.get(path).text, path)


def press(
    client: httpx.Client, fields: Posted, button: str = "save", path: str = AOKI, **entered: str
) -> httpx.Response:
    changed = {name.replace("__", "."): [value] for name, value in entered.items()}
    return client.post(path, data=fields | changed | {"action": [button]})


def test_the_coordinator_sees_all_factories_and_a_factory_only_itself(town: Town, address: str) -> None:
    store(town, FULL)
    with signed_in(town, address, "coordinator") as client:
        rows = re.findall(r'<th scope="row">\s*<a href="/factories/(\w+)"', client.get("/factories").text)
        assert rows == ["aoki", "fujimi", "sakura", "higashi", "hinode", "minato"]
        assert client.get("/factories/fujimi").status_code == 200
        assert client.get("/factories/nowhere").status_code == 404
    with signed_in(town, address, "aoki") as client:
        assert re.findall(r'<a href="/factories/(\w+)">', client.get("/factories").text) == ["aoki"]
        assert client.get("/factories/fujimi").status_code == 404
        fields = opened(client)
        assert press(client, fields, path="/factories/fujimi").status_code == 404


def test_the_list_says_what_is_planned_declared_and_unknown(coordinator: httpx.Client, town: Town) -> None:
    shift = Shift(WEEKDAYS, 480, 1020, (Break(720, 780),))
    store(town, replace(FULL, calendar=Calendar((shift,))))
    text = re.sub(r"<[^>]+>|\s+", " ", coordinator.get("/factories").text)
    assert re.search(r"青木精機 +Cutting 4 machines +Entered +160\.0 +h +12% +Cutting +20\.5 +h", text), text
    assert re.search(r"富士見プレス +Pressing 4 machines +Not entered yet +unknown", text)


def test_what_nobody_changed_is_stored_as_it_was(coordinator: httpx.Client, town: Town) -> None:
    before = store(town, FULL)
    assert press(coordinator, opened(coordinator)).status_code == 303
    assert stored(town) == before


def test_shifts_of_a_machine_that_is_gone_are_kept_and_counted_once(
    coordinator: httpx.Client, town: Town
) -> None:
    assert FULL.calendar is not None
    own = (("gone-09", FULL.calendar.shifts), *FULL.calendar.machine_shifts)
    before = store(town, replace(FULL, calendar=replace(FULL.calendar, machine_shifts=own)))
    fields = opened(coordinator)
    assert "shifts.3.start" not in fields
    assert press(coordinator, fields).status_code == 303
    assert stored(town) == before


def test_what_is_over_or_far_ahead_is_kept_and_counted(coordinator: httpx.Client, town: Town) -> None:
    assert FULL.calendar is not None
    nights = tuple(
        PlannedStop(at_ms, at_ms + 3_600_000) for at_ms in range(NOW_MS, NOW_MS + 80 * 86_400_000, 86_400_000)
    )
    before = store(town, replace(FULL, calendar=replace(FULL.calendar, planned_stops=nights)))
    assert "20 more entries, over already or far ahead, are kept" in coordinator.get(AOKI).text
    fields = opened(coordinator)
    assert press(coordinator, fields).status_code == 303
    assert stored(town) == before
    changed = form_in(press(coordinator, fields, "drop.stops.0").text, AOKI)
    assert press(coordinator, changed | {"stops.0.name": ["点検"]}).status_code == 303
    after = stored(town).calendar
    assert after is not None
    assert after.planned_stops == (replace(nights[1], name="点検"), *nights[2:])


def test_a_factory_enters_its_first_shift_with_two_buttons(town: Town, address: str) -> None:
    path = "/factories/sakura"
    with signed_in(town, address, "sakura", "ja") as client:
        assert "勤務時間がまだ登録されていません" in client.get(path).text
        page = press(client, opened(client, path), "add.shifts", path)
        assert (page.status_code, "まだ保存されていません" in page.text) == (200, True)
        assert stored(town, "sakura").calendar is None
        answer = press(client, form_in(page.text, path), "save", path)
        assert answer.status_code == 303
        assert "保存しました" in client.get(answer.headers["location"]).text
    saved = stored(town, "sakura")
    assert saved.calendar == Calendar((Shift(WEEKDAYS, 480, 1020, (Break(720, 780),)),))
    assert town.services.audit.entries("sakura")[0].who == "sakura"


def test_rows_come_and_go_by_buttons_and_nothing_else_changes(coordinator: httpx.Client, town: Town) -> None:
    before = store(town, FULL)
    fields = opened(coordinator)
    for button, rows in (
        ("add.shifts", {"shifts.3.start": ["08:00"]}),
        ("add.shifts.3.breaks", {"shifts.3.breaks.1.start": [""]}),
        ("drop.shifts.3", {}),
        ("obon", {"closures.1.first": ["2027-08-13"], "closures.1.last": ["2027-08-16"]}),
        ("drop.closures.1", {}),
        ("add.stops", {"stops.1.start": ["2026-11-30T08:00"]}),
        ("add.overtime", {"overtime.1.start": ["2026-11-28T08:00"]}),
        ("add.declared", {"declared.2.hours": [""]}),
        ("drop.nonsense.9", {}),
    ):
        changed = form_in(press(coordinator, fields, button).text, AOKI)
        added = {name: changed[name] for name in changed.keys() - fields.keys()}
        assert {name: changed.get(name) for name in rows} == rows
        assert bool(added) == bool(rows) or button.startswith("drop")
        fields = changed if button.startswith("add.shifts") or button in {"drop.shifts.3", "obon"} else fields
    assert stored(town) == before


def test_new_year_spans_two_years(coordinator: httpx.Client, town: Town) -> None:
    store(town, replace(FULL, calendar=None))
    changed = form_in(press(coordinator, opened(coordinator), "new_year").text, AOKI)
    assert (changed["closures.0.first"], changed["closures.0.last"]) == (["2026-12-29"], ["2027-01-03"])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("shifts.0.start", "8 o'clock", "Enter a time such as 8:00."),
        ("shifts.0.breaks.0.end", "19:00", "The break lies outside the shift."),
        ("shifts.2.machine", "gone", "There is no such machine here."),
        ("shifts.0.staff", "2.5", "Enter a whole number."),
        ("shifts.0.staff", "-1", "Enter a number from 0 to 1,000."),
        ("closures.0.last", "2026-01-01", "This ends before it starts."),
        ("closures.0.first", "soon", "Enter a date."),
        ("stops.0.end", "2026-11-27T12:00", "This ends before it starts."),
        ("overtime.0.start", "", "Enter date and time."),
        ("reserve", "101", "Enter a number from 0 to 100."),
        ("machines.0.length", "", "Enter length, width and height, or none of them."),
        ("machines.0.tolerance", "0", "Enter a number above 0, up to 100,000."),
        ("machines.3.tonnage", "many", "Enter a number."),
        ("declared.0.hours", "-5", "Enter a number from 0 to 100,000."),
        ("declared.1.hours", "", "Enter a number."),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_saved(
    coordinator: httpx.Client, town: Town, name: str, value: str, said: str
) -> None:
    before = store(town, FULL)
    fields = opened(coordinator)
    assert name in fields
    answer = press(coordinator, fields | {name: [value]})
    assert answer.status_code == 422
    assert f'<span class="field-error" id="error-{name}">{said}</span>' in answer.text
    assert f'<a href="#{name}">' in answer.text
    assert form_in(answer.text, AOKI)[name] == [value]
    assert stored(town) == before


def test_a_shift_without_a_weekday_is_told(coordinator: httpx.Client, town: Town) -> None:
    store(town, FULL)
    fields = opened(coordinator)
    del fields["shifts.0.days"]
    answer = press(coordinator, fields)
    assert 'id="error-shifts.0.days">Choose at least one weekday.' in answer.text


def test_full_width_digits_and_japanese_commas_are_understood(coordinator: httpx.Client, town: Town) -> None:
    store(town, FULL)
    fields = opened(coordinator) | {
        "shifts.0.start": ["８：３０"],
        "reserve": ["１５"],
        "machines.1.materials": ["SUS304、S45C，A5052"],
        "declared.0.hours": ["1,200"],
    }
    assert press(coordinator, fields).status_code == 303
    saved = stored(town)
    assert saved.calendar is not None
    assert saved.calendar.shifts[0].start_min == 510
    assert saved.reserve == 0.15
    assert saved.abilities["mc-02"].materials == {"SUS304", "S45C", "A5052"}
    assert saved.declared[0].hours == 1200


def test_a_change_in_between_is_told_and_kept(coordinator: httpx.Client, town: Town) -> None:
    store(town, FULL)
    fields = opened(coordinator)
    other = store(town, replace(FULL, reserve=0.5))
    answer = press(coordinator, fields, reserve="20")
    assert answer.status_code == 409
    assert "Not saved: test changed this calendar in between" in answer.text
    again = form_in(answer.text, AOKI)
    assert again["reserve"] == ["20"]
    assert press(coordinator, again).status_code == 409  # the revision is still the one they began with
    assert stored(town) == other


def test_a_form_of_another_site_or_a_broken_one_is_refused(coordinator: httpx.Client, town: Town) -> None:
    before = store(town, FULL)
    fields = opened(coordinator)
    assert press(coordinator, fields, form_token="0" * 64).status_code == 403
    assert press(coordinator, fields, revision="x").status_code == 422
    assert press(coordinator, fields, shown_from="x").status_code == 422
    assert stored(town) == before


def test_the_preview_says_when_machines_work(coordinator: httpx.Client, town: Town) -> None:
    shift = Shift(WEEKDAYS, 480, 1020, (Break(720, 780),))
    store(town, replace(FULL, calendar=Calendar((shift, Shift(WEEKDAYS, 1020, 1440, staff=0)))))
    text = re.sub(r"<[^>]+>|\s+", " ", coordinator.get(AOKI).text)
    text = re.sub(r" +", " ", text)
    assert "23 Nov Mon closed Labor Thanksgiving Day closed" in text
    assert "24 Nov Tue 08:00–12:00 (4/4), 13:00–17:00 (4/4) 32.0" in text
    assert "23 Nov 2026-W48 128.0 h 30 Nov 2026-W49 160.0 h" in text


def test_names_are_shown_as_text(coordinator: httpx.Client, town: Town) -> None:
    evil = Closure(date(2026, 12, 1), date(2026, 12, 1), '"><script>alert(1)</script>')
    store(town, replace(FULL, calendar=Calendar(closures=(evil,))))
    assert "<script>alert" not in coordinator.get(AOKI).text


def test_without_factories_the_list_says_what_comes_first(tmp_path: Path) -> None:
    town = found_town(tmp_path, settled=False)
    with served(town) as (address, _), signed_in(town, address, "coordinator") as client:
        assert "No factory has connected yet." in client.get("/factories").text
