"""The pages of matching, as a browser asks for them: both languages, forms, decisions, everything wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape

import httpx
import pytest

from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.match import Match
from aggregator.model.order import Needs
from tests.aggregator.faces import form_token_in
from tests.aggregator.planning.markets import DRAFT, HandMadeSpare, market
from tests.aggregator.planning.towns import matching
from tests.aggregator.town import Town
from tests.stack import NO_TLS

FORM = {
    "buyer": "大手精機 <b>株式会社</b>",
    "part": "ブラケット",
    "quantity": "６００",  # as a Japanese keyboard writes it
    "due": "2027-01-08",
    "steps.0.process": "cutting",
    "steps.0.cycle": "60",
    "steps.0.pieces_per_cycle": "1",
    "steps.0.setup": "1",
    "steps.0.after": "",
    "steps.0.transport": "1",
    "steps.1.process": "inspection",
    "steps.1.cycle": "20",
    "steps.1.pieces_per_cycle": "1",
    "steps.1.setup": "",
    "steps.1.after": "1",
    "steps.1.transport": "0",
}


@dataclass
class Desk:
    """The coordinator's browser, and what is behind the pages."""

    client: httpx.Client
    town: Town
    spare: HandMadeSpare

    def read(self, path: str, language: str = "en") -> str:
        answer = self.client.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 200, path
        return answer.text

    def post(self, path: str, **fields: str) -> httpx.Response:
        token = form_token_in(self.client.get("/matches").text)
        return self.client.post(path, data={"form_token": token} | fields)

    def propose(self) -> Match:
        return self.town.services.planning.propose(DRAFT, "coordinator")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with matching(tmp_path_factory.mktemp("desk")) as (url, town, spare):
        cookies = {SESSION_COOKIE: town.session()}
        headers = {"Accept-Language": "en"}
        with httpx.Client(
            base_url=url, cookies=cookies, headers=headers, timeout=60, verify=NO_TLS
        ) as client:
            yield Desk(client, town, spare)


@pytest.fixture(autouse=True)
def same_capacity(desk: Desk) -> None:
    desk.spare.offered = market()


def text_of(html: str) -> str:
    """Return what people read, spaces joined."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_an_order_becomes_a_proposal_that_says_who_when_and_why(desk: Desk) -> None:
    answer = desk.post("/matches/new", action="propose", **FORM)
    assert answer.status_code == 303, text_of(answer.text)
    path = answer.headers["location"]
    best = desk.town.services.planning.match(path.rpartition("/")[2]).proposal.plans[0]
    japanese, english = text_of(desk.read(path, "ja")), text_of(desk.read(path))
    lot = best.lots[0]
    names = {"aoki": "青木精機", "sato": "佐藤製作所", "higashi": "ひがし計測", "kita": "北検査"}
    assert f"切削は{names[lot.factory]}。" in japanese
    assert f"予備: {names[best.backups[0].factory or '']}" in japanese
    assert f"{names[lot.factory]}" in english
    assert "11月23日の週" in japanese
    assert "week of 23 Nov" in english
    assert "11.0 h" in english
    assert "納期 2027年1月8日(金) に間に合う確率" in japanese
    assert "On time, by Fri 8 Jan 2027" in english
    assert "because" in english
    assert "<b>株式会社</b>" not in desk.read(path)  # escaped
    listed = text_of(desk.read("/matches"))
    assert "600 pieces for 大手精機 <b>株式会社</b>" in listed
    assert "To be decided" in listed


WRONG = {
    "a due date in the past": ({"due": "2026-11-01"}, "due", "2026-11-01 is over."),
    "zero pieces": ({"quantity": "0"}, "quantity", "Enter at least 1 piece."),
    "ten million and more": ({"quantity": "1" + "0" * 30}, "quantity", "too many for one order"),
    "no number": ({"quantity": "many"}, "quantity", "Enter a number."),
    "an empty number": ({"quantity": ""}, "quantity", "Enter a number."),
    "no date": ({"due": "soon"}, "due", "Enter a date."),
    "no buyer": ({"buyer": " "}, "buyer", "This must not be empty."),
    "a process nobody has": ({"steps.0.process": "forging"}, "steps.0.process", "No factory has this"),
    "a loop": ({"steps.0.after": "2"}, "steps.1.after", "wait for each other: 2 → 1 → 2"),
    "a step that is not there": ({"steps.1.after": "9"}, "steps.1.after", "There is no step 9."),
    "no time": ({"steps.0.cycle": "0"}, "steps.0.cycle", "Enter a number from 0.001 to"),
    "not a number": ({"steps.0.cycle": "nan"}, "steps.0.cycle", "Enter a number."),
    "half a size": ({"steps.0.length": "10"}, "steps.0.length", "length, width and height, or none"),
    "a large lot": ({"steps.0.min_lot": "700"}, "steps.0.min_lot", "more than the 600 pieces"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(desk: Desk, case: str) -> None:
    changed, field, sentence = WRONG[case]
    answer = desk.post("/matches/new", action="propose", **{**FORM, **changed})
    assert answer.status_code == 422
    beside = answer.text.split(f'id="error-{field}">')[1].split("</span>")[0]
    assert sentence in unescape(beside)
    assert f'aria-describedby="error-{field}"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert 'value="ブラケット"' in answer.text
    japanese = desk.client.post(
        "/matches/new",
        data={"form_token": form_token_in(answer.text), "action": "propose", **FORM, **changed},
        headers={"Accept-Language": "ja"},
    )
    beside = unescape(japanese.text.split(f'id="error-{field}">')[1].split("</span>")[0])
    assert re.search("[ぁ-ん]", beside), beside


def test_buttons_add_move_and_remove_steps_and_references_follow(desk: Desk) -> None:
    def rows(html: str) -> list[tuple[str, str]]:
        found = []
        for index in range(html.count('class="step"')):
            select = html.split(f'name="steps.{index}.process"')[1].split("</select>", maxsplit=1)[0]
            after = html.split(f'name="steps.{index}.after" value="')[1].split('"', maxsplit=1)[0]
            chosen = re.search(r'value="(\w*)" selected', select)
            found.append((chosen[1] if chosen else "", after))
        return found

    assert rows(desk.read("/matches/new")) == [("cutting", ""), ("inspection", "1")]
    assert rows(desk.post("/matches/new", action="add", **FORM).text)[2:] == [("", "2")]
    moved = rows(desk.post("/matches/new", action="up.1", **FORM).text)
    assert moved == [("inspection", "2"), ("cutting", "")]
    assert rows(desk.post("/matches/new", action="down.0", **FORM).text) == moved
    assert rows(desk.post("/matches/new", action="drop.0", **FORM).text) == [("inspection", "")]
    assert len(rows(desk.post("/matches/new", action="drop.7", **FORM).text)) == 2
    one_step = {"steps.0.process": "cutting"}
    assert len(rows(desk.post("/matches/new", action="template", **one_step).text)) == 2
    assert desk.town.services.planning.matches(1)[0].draft.part  # no button but one stores anything


def test_an_order_is_entered_again_from_what_it_was(desk: Desk) -> None:
    needs = Needs(frozenset({"SUS304", "A5052"}), 12.5, (120.0, 80.0, 0.5), 800.0, frozenset({"三価"}))
    steps = (replace(DRAFT.steps[0], needs=needs, max_lots=2, min_lot=50), DRAFT.steps[1])
    made = desk.town.services.planning.propose(replace(DRAFT, steps=steps), "coordinator")
    html = desk.read(f"/matches/new?like={made.id}")
    fields = {name: unescape(value) for name, value in re.findall(r'name="([\w.]+)" value="([^"]*)"', html)}
    del fields["action"]
    fields |= {"steps.0.process": "cutting", "steps.1.process": "inspection"}
    answer = desk.post("/matches/new", **{**fields, "action": "propose", "form_token": form_token_in(html)})
    again = desk.town.services.planning.match(answer.headers["location"].rpartition("/")[2])
    renamed = (replace(steps[0], id="1"), replace(steps[1], id="2", after=("1",)))
    assert again.draft == replace(made.draft, steps=renamed)
    assert desk.client.get("/matches/new?like=2026-9999-p1").status_code == 404
    assert desk.client.get("/matches/new?like=a%00").status_code == 422


def test_a_million_pieces_say_what_is_missing(desk: Desk) -> None:
    answer = desk.post("/matches/new", action="propose", **{**FORM, "quantity": "1,000,000"})
    page = text_of(desk.read(answer.headers["location"]))
    assert "hours of work have no place." in page
    assert "It can be approved once all work has a place." in page
    refused = desk.post(answer.headers["location"], action="approve")
    assert refused.status_code == 409
    assert "Some work has no place yet." in refused.text


def test_approving_shows_the_jobs_and_a_second_time_that_it_is_decided(desk: Desk) -> None:
    made = desk.propose()
    path = f"/matches/{made.id}"
    assert desk.post(path, action="approve").headers["location"] == path
    page = text_of(desk.read(path))
    assert f"{made.order}-1a" in page and f"{made.order}-2a" in page
    assert "Approve:" not in page
    again = desk.post(path, action="approve")
    assert again.status_code == 409
    assert "This was decided already." in again.text
    assert desk.post(path, action="cancel", reason="注文取消").status_code == 303
    page = text_of(desk.read(path, "ja"))
    assert "注文取消" in page
    assert desk.town.services.orders.jobs() == []


def test_a_stale_proposal_says_so_and_must_be_confirmed(desk: Desk) -> None:
    made = desk.propose()
    path, backup = f"/matches/{made.id}", made.proposal.plans[0].backups[0].factory
    desk.spare.offered = market(**{backup or "": 10})
    assert "could no longer stand in for" in desk.read(path)
    assert "Changed" in text_of(desk.read("/matches"))
    refused = desk.post(path, action="approve")
    assert refused.status_code == 409
    assert "Look at what changed, then confirm." in refused.text
    desk.spare.offered = market(**{made.proposal.plans[0].lots[0].factory: 300})
    assert "No longer fits" in text_of(desk.read("/matches"))
    assert "It cannot be approved: hours are lacking." in text_of(desk.read(path))
    lacking = text_of(desk.post(path, action="approve", confirm="yes").text)
    assert "6.0 h are lacking." in lacking
    newer = desk.post(path, action="again").headers["location"]
    assert newer == f"/matches/{made.order}-p2"
    assert "Replaced by a newer one" in text_of(desk.read(path))
    assert desk.post(newer, action="approve").status_code == 303
    desk.town.services.planning.cancel(made.order, "coordinator", "end of test")


def test_a_changed_plan_stands_beside_what_was_proposed(desk: Desk) -> None:
    made = desk.propose()
    path, lot = f"/matches/{made.id}", made.proposal.plans[0].lots[0]
    other = {"aoki": "sato", "sato": "aoki"}[lot.factory]
    change = {"lots.0.factory": other, "lots.0.first": "2026-W50", "lots.0.last": "2026-W50"}
    assert "kept in the audit log" in desk.post(path, action="edit", **change).text  # no reason
    assert desk.post(path, action="edit", reason="x").status_code == 422  # no change
    back = {"lots.0.first": "2026-W51", "lots.0.last": "2026-W49"}
    assert desk.post(path, action="edit", reason="x", **back).status_code == 422
    newer = desk.post(path, action="edit", reason="治具がある", **change).headers["location"]
    page = text_of(desk.read(newer, "ja"))
    assert f"{made.id} を手で変更したものです" in page
    assert "12月7日の週" in page
    assert "案 2" in page
    desk.spare.offered = market(**{other: 60})
    short = desk.post(
        newer, action="edit", reason="x", **{"lots.0.first": "2026-W51", "lots.0.last": "2026-W51"}
    )
    assert short.status_code == 409
    assert "h are lacking." in text_of(short.text)


def test_another_of_the_plans_is_taken_with_a_reason(desk: Desk) -> None:
    made = desk.propose()
    assert len(made.proposal.plans) > 1
    answer = desk.post(f"/matches/{made.id}", action="choose", plan="1", reason="地元を優先")
    newer = desk.town.services.planning.match(answer.headers["location"].rpartition("/")[2])
    assert newer.proposal.plans[0] == made.proposal.plans[1]
    assert desk.post(f"/matches/{newer.id}", action="choose", plan="99", reason="x").status_code == 422


def test_a_drill_shows_who_would_be_hit(desk: Desk) -> None:
    made = desk.propose()
    desk.town.services.planning.approve(made.id, "coordinator")
    factory = made.proposal.plans[0].lots[0].factory
    page = text_of(desk.read(f"/matches/drill?factory={factory}&from=2026-11-25&days=30"))
    assert f"{made.order}-1a" in page
    assert "No plan was changed".lower() in page.lower()
    desk.town.services.planning.cancel(made.order, "coordinator", "end of test")
    free = desk.read(f"/matches/drill?factory={factory}&from=2026-11-25&days=30")
    assert "No approved order would be hit." in free
    for wrong in ("factory=nobody", "factory=aoki&days=0", "factory=aoki&from=2020-01-01", "days=9" * 9):
        assert desk.client.get(f"/matches/drill?{wrong}").status_code == 422


def test_the_rules_and_the_draw_are_published_with_the_result(desk: Desk) -> None:
    made = desk.propose()
    page = text_of(desk.read(f"/matches/{made.id}", "ja"))
    for rule in ("引き受け先のない作業を", "予備の工場を確保する（BCP）", "公開抽選", made.proposal.draw):
        assert rule in page


def test_only_the_coordinator_sees_or_decides_anything(desk: Desk) -> None:
    made = desk.propose()
    cookies = {SESSION_COOKIE: desk.town.session("aoki")}
    with httpx.Client(base_url=desk.client.base_url, cookies=cookies, verify=NO_TLS) as factory:
        for path in ("/matches", "/matches/new", "/matches/drill?factory=sato", f"/matches/{made.id}"):
            answer = factory.get(path)
            assert answer.status_code == 403
            assert "ブラケット" not in answer.text
        token = form_token_in(factory.get("/").text)
        fields = {"form_token": token, "action": "approve"}
        assert factory.post(f"/matches/{made.id}", data=fields).status_code == 403
    with httpx.Client(base_url=desk.client.base_url, verify=NO_TLS) as nobody:
        assert nobody.get(f"/matches/{made.id}").status_code == 303
    assert desk.town.services.planning.match(made.id).status == "open"


def test_a_form_of_another_site_decides_nothing(desk: Desk) -> None:
    made = desk.propose()
    for token in ("", "0" * 64):
        answer = desk.client.post(f"/matches/{made.id}", data={"form_token": token, "action": "approve"})
        assert answer.status_code == 403
    assert desk.town.services.planning.match(made.id).status == "open"


@pytest.mark.parametrize(
    "path", ["/matches/2026-9999-p1", "/matches/a%00b", "/matches/あ", "/matches/" + "9" * 300]
)
def test_what_is_not_there_is_a_page_that_says_so(desk: Desk, path: str) -> None:
    answer = desk.client.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_every_name_is_escaped(desk: Desk) -> None:
    evil = '<img src=x onerror="alert(1)">'
    made = desk.town.services.planning.propose(replace(DRAFT, part=evil, buyer=evil), "coordinator")
    desk.post(f"/matches/{made.id}", action="reject", reason=evil)
    for path in ("/matches", f"/matches/{made.id}"):
        assert "<img" not in desk.read(path).replace('<img src="/static', "")
