"""The pages of orders as a browser asks for them: risks first, causes named, the ledger to take away."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from io import BytesIO
from urllib.parse import unquote

import httpx
import pytest
from pypdf import PageObject, PdfReader

from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.machine import Factory
from aggregator.model.progress import OrderProgress
from aggregator.store.order_rows import OrderRows
from aggregator.web.alert_letter import letter_of
from tests.aggregator.alerting.orders_seen import ORDER
from tests.aggregator.faces import browsing, form_token_in
from tests.aggregator.town import Town, served
from tests.aggregator.web.orders_town import HandMadeBook, orders_served


@dataclass
class Desk:
    """The coordinator's browser, and what is behind the pages."""

    client: httpx.Client
    town: Town
    book: HandMadeBook
    url: str

    def read(self, path: str, language: str = "en") -> str:
        answer = self.client.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 200, path
        return answer.text

    def said(self, path: str, language: str = "en") -> str:
        return text_of(self.read(path, language))

    def post(self, path: str, **fields: str) -> httpx.Response:
        token = form_token_in(self.client.get("/orders").text)
        return self.client.post(path, data={"form_token": token} | fields)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with orders_served(tmp_path_factory.mktemp("desk")) as (url, town, book), browsing(url) as client:
        client.cookies.set(SESSION_COOKIE, town.session())
        yield Desk(client, town, book, url)


@pytest.fixture(autouse=True)
def same_progress(desk: Desk) -> Iterator[None]:
    known = dict(desk.book.known)
    yield
    desk.book.known = known


def text_of(html: str) -> str:
    """Return what people read, spaces joined."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_the_likeliest_late_order_stands_first_and_each_says_why_in_words(desk: Desk) -> None:
    html = desk.read("/orders")
    assert re.findall(r'<th scope="row"><a href="/orders/([\d-]+)"', html) == [
        "2026-0001",
        "2026-0002",
        "2026-0004",
        "2026-0003",
    ]
    said = text_of(html)
    for words in ("1 order is likely late.", "Likely late", "At risk", "Cannot be told", "On its way", "80%"):
        assert words in said
    assert "試作フランジ" in said.split("To be decided")[1]
    japanese = desk.said("/orders", "ja")
    assert "1 件の注文が遅れそうです。" in japanese
    assert "進行中の注文（遅れそうな順）" in japanese


def test_filters_leave_what_they_say(desk: Desk) -> None:
    assert "2026-0002" not in desk.read("/orders?risk=late")
    assert "No order fits this filter." in desk.said("/orders?risk=done")
    assert "2026-0003" in desk.read("/orders?risk=nonsense")


def test_an_empty_town_says_what_to_do_next(empty_url: str, empty_session: str) -> None:
    with browsing(empty_url) as client:
        client.cookies.set(SESSION_COOKIE, empty_session)
        said = text_of(client.get("/orders").text)
    assert "No order yet" in said
    assert "Enter the first one" in said


@pytest.fixture
def empty_session(empty_town: Town) -> str:
    return empty_town.session()


@pytest.fixture
def empty_url(empty_town: Town) -> Iterator[str]:

    with served(empty_town) as (url, _):
        yield url


def test_an_order_says_when_it_comes_what_makes_it_late_and_who_inherits(desk: Desk) -> None:
    said = desk.said(f"/orders/{ORDER}")
    assert "Likely done on Sat 12 Dec, 1 day after the due date." in said
    assert "On time, by Fri 11 Dec 20%" in said
    assert "16 h late by itself: a breakdown 14 h, slower work than planned 2.0 h" in said
    assert "16 h inherited from step 2" in said
    assert "Backup: 北村製作所" in said
    japanese = desk.said(f"/orders/{ORDER}", "ja")
    assert "完成見込みは 12月12日(土)。納期より 1 日遅れます。" in japanese
    assert "自工程で 16 時間の遅れ（設備の故障 14 時間、計画より遅い加工 2.0 時間）" in japanese
    assert "工程 2 から 16 時間の遅れ" in japanese


def test_the_chart_has_words_and_a_table_behind_it(desk: Desk) -> None:
    html = desk.read(f"/orders/{ORDER}")
    labels = [unescape(label).strip() for label in re.findall(r'role="img" aria-label="([^"]*)"', html)]
    assert any(
        label.startswith("1. Cutting, 青木精機: planned from 24 Nov to Thu 26 Nov") for label in labels
    )
    assert "The same as a table" in text_of(html)
    assert "style=" not in html  # the policy allows none


def test_pieces_say_who_counted_them_and_unknown_is_not_zero(desk: Desk) -> None:
    html = desk.read(f"/orders/{ORDER}")
    assert "500 by machines" in text_of(html)
    order = desk.book.known[ORDER]
    first = order.steps[0]
    mixed = replace(first.jobs[0], pieces=replace(first.jobs[0].pieces, measured=400, reported=100))
    desk.book.known[ORDER] = replace(order, steps=(replace(first, jobs=(mixed,)), *order.steps[1:]))
    assert "measured 400, reported 100" in desk.said(f"/orders/{ORDER}")
    assert "不明" in desk.said(f"/orders/{ORDER}", "ja").split("台帳")[1]


def test_an_alert_stands_on_the_order_until_it_is_over_and_remembers_who_saw_it(desk: Desk) -> None:
    said = desk.said(f"/orders/{ORDER}")
    assert "This order is likely late: 80%" in said
    assert "The cause lies in step 2: a breakdown." in said
    assert "Mail to kakari@example.jp : on its way" in said or "Mail to kakari@example.jp: on its way" in said
    alert = desk.town.services.alerts.store.of(ORDER)[0]
    answer = desk.post(f"/orders/{ORDER}", action="seen", alert=str(alert.id))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/orders/{ORDER}")
    assert "Seen by coordinator" in desk.said(f"/orders/{ORDER}")


@pytest.mark.parametrize("fields", [{}, {"action": "nonsense"}, {"action": "seen", "alert": "x"}])
def test_a_button_that_is_none_is_refused(desk: Desk, fields: dict[str, str]) -> None:
    assert desk.post(f"/orders/{ORDER}", **fields).status_code == 422


def test_what_nothing_changed_is_not_sent_again(desk: Desk) -> None:
    for path in ("/orders", f"/orders/{ORDER}"):
        first = desk.client.get(path)
        again = desk.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        order = desk.book.known[ORDER]
        desk.book.known[ORDER] = replace(order, now_ms=order.now_ms + 1)  # the clock alone is no news
        again = desk.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        desk.book.known[ORDER] = replace(order, share=order.share + 0.01)
        assert desk.client.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_orders_that_are_not_there_and_people_who_may_not(desk: Desk) -> None:
    for path in (
        "/orders/2026-9999",
        "/orders/2026-9999/ledger.csv",
        "/orders/2026-0005/ledger.pdf",
    ):
        assert desk.client.get(path).status_code == 404, path
    with browsing(desk.url) as client:
        client.cookies.set(SESSION_COOKIE, desk.town.session("aoki"))
        for path in (
            "/orders",
            f"/orders/{ORDER}",
            f"/orders/{ORDER}/ledger.csv",
            f"/orders/{ORDER}/ledger.pdf",
        ):
            assert client.get(path).status_code == 403, path
        assert ">Buyers' orders<" not in unescape(client.get("/floor").text)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_csv_opens_in_excel_and_its_rows_add_up(desk: Desk) -> None:
    answer = desk.client.get(f"/orders/{ORDER}/ledger.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert unquote(answer.headers["content-disposition"]) == f'attachment; filename="ledger-{ORDER}.csv"'
    found = rows(answer.content)
    kinds = [row["Row"] for row in found]
    assert kinds.count("job") == kinds.count("step") == 3
    assert kinds.count("hand-over") == 2
    for column in ("Planned pieces", "Good, together", "Handed on", "Accepted", "Rejects"):
        sums = [
            sum(int(row[column]) for row in found if row["Row"] == kind) for kind in ("job", "step", "total")
        ]
        assert sums[0] == sums[1] == sums[2], column
    accepted = [int(row["Accepted"]) for row in found if row["Row"] == "hand-over"]
    assert sum(accepted) == 496
    delays = [row["Own delay (h)"] for row in found if row["Row"] in ("step", "total")]
    assert delays == ["0.0", "16.0", "0.0", "16.0"]
    assert {row["Scrap"] for row in found if row["Row"] == "job"} == {"3", "unknown"}
    assert "区分" in desk.client.get(f"/orders/{ORDER}/ledger.csv", headers={"Accept-Language": "ja"}).text


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+2", "@SUM(A1)", "\tx", "＝1+1"])
def test_no_cell_of_the_csv_is_a_formula(desk: Desk, name: str) -> None:
    desk.town.services.records.remember([named("aoki", name)], [])
    try:
        content = desk.client.get(f"/orders/{ORDER}/ledger.csv").content
    finally:
        desk.town.services.records.remember([named("aoki", "青木精機")], [])
    cells = [cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for cell in row]
    assert f"'{name}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "＝"))]


def named(factory: str, name: str) -> Factory:
    return Factory(factory, name)


def text_in(page: PageObject) -> str:
    """Return a page's text; pypdf reads both bytes of a sign."""
    return page.extract_text().replace("\0", "")


@pytest.mark.parametrize(("language", "title"), [("ja", "注文台帳"), ("en", "Ledger of an order")])
def test_the_pdf_reads_back_in_both_languages(desk: Desk, language: str, title: str) -> None:
    answer = desk.client.get(f"/orders/{ORDER}/ledger.pdf", headers={"Accept-Language": language})
    assert answer.headers["content-type"] == "application/pdf"
    reader = PdfReader(BytesIO(answer.content))
    said = "".join(text_in(page) for page in reader.pages)
    for words in (title, ORDER, "青木精機", "さくら鍍金", "ブラケット A-1", "大手精機", "16.0", "496"):
        assert words in said, words
    assert f"1 / {len(reader.pages)} ページ" in said or f"page 1 of {len(reader.pages)}" in said
    width, height = (float(side) for side in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)  # A4
    assert len(answer.content) < 200_000  # the font is in it, but only what is used


def test_a_long_order_has_a_ledger_of_several_pages(desk: Desk) -> None:
    order: OrderProgress = desk.book.known[ORDER]
    job = order.steps[0].jobs[0]
    many = tuple(replace(job, job=replace(job.job, id=f"{ORDER}-1-{number}")) for number in range(60))
    desk.book.known[ORDER] = replace(order, steps=(replace(order.steps[0], jobs=many), *order.steps[1:]))
    reader = PdfReader(BytesIO(desk.client.get(f"/orders/{ORDER}/ledger.pdf").content))
    assert len(reader.pages) > 1
    pages = [f"page {number} of {len(reader.pages)}" for number in range(1, len(reader.pages) + 1)]
    assert all(said in text_in(page) for said, page in zip(pages, reader.pages, strict=True))
    assert all("Factory" in text_in(page) for page in reader.pages[:2])  # the head is repeated


def test_a_buyers_link_is_shown_once_and_can_be_revoked(desk: Desk) -> None:
    answer = desk.post(f"/orders/{ORDER}", action="link")
    assert answer.status_code == 201
    address = answer.text.split('id="made-link" type="text" readonly value="')[1].split('"')[0]
    assert "/o/" in address
    page = desk.read(f"/orders/{ORDER}")
    assert address.rpartition("/")[2] not in page
    assert "not opened yet" in text_of(page)
    number = page.split('name="link" value="')[1].split('"')[0]
    other = desk.post("/orders/2026-0002", action="revoke", link=number)
    assert other.status_code == 422  # it is not a link of that order
    assert desk.post(f"/orders/{ORDER}", action="revoke", link=number).status_code == 303
    assert "revoked on" in desk.said(f"/orders/{ORDER}")


def test_the_backup_of_a_late_step_is_offered_and_needs_a_reason(desk: Desk) -> None:
    said = desk.said(f"/orders/{ORDER}")
    assert "Give the other 380 pieces to 北村製作所" in said
    without = desk.post(f"/orders/{ORDER}", action="backup", job=f"{ORDER}-2a")
    assert without.status_code == 422
    assert "Say why" in text_of(without.text)
    unknown = desk.post(f"/orders/{ORDER}", action="backup", job=f"{ORDER}-2a", reason="故障")
    assert unknown.status_code == 422  # whether the backup has the hours was not reckoned yet
    assert "Spare hours are being calculated" in text_of(unknown.text)
    gone = desk.post(f"/orders/{ORDER}", action="backup", job=f"{ORDER}-1a", reason="x")
    assert gone.status_code == 422  # it is done
    assert "The backup cannot take it" in text_of(gone.text)


def test_the_overview_names_the_order_at_risk_first(desk: Desk) -> None:
    said = desk.said("/")
    assert "1 order is likely late." in said
    assert "First of all ブラケット A-1, due Fri 11 Dec: late with 80%." in said


@pytest.mark.parametrize("path", ["/", "/orders"])
def test_where_the_outlook_is_unknown_nobody_is_told_that_no_order_is_late(desk: Desk, path: str) -> None:
    assert "No order is likely late." not in desk.said(path)
    for order, known in desk.book.known.items():
        desk.book.known[order] = replace(known, order=f"{order}-9", arrival=None)  # no alert is raised for it
    said = desk.said(path)
    assert "No order is likely late." not in said
    assert re.search(r"The outlook of \d orders? is unknown\.", said)
    assert "件の注文は見込みが不明です。" in desk.said(path, "ja")


def test_a_letter_says_it_in_both_languages_and_names_the_page(desk: Desk) -> None:
    services = desk.town.services
    letter = letter_of(services, services.alerts.store.of(ORDER)[0])
    assert letter.subject == "【遅れ注意】ブラケット A-1（大手精機）：遅れる確率 80%"
    assert "原因：工程 2（表面処理）の設備の故障" in letter.text
    assert "Cause: step 2, Surface treatment: a breakdown" in letter.text
    assert f"http://127.0.0.1:8000/orders/{ORDER}" in letter.text
    assert letter.data["late"] == 0.8
    assert (letter.data["step"], letter.data["cause"], letter.data["due"]) == ("2", "breakdown", "2026-12-11")
    assert letter.key == "higashimachi-alert-1"


REVISED = {"action": "revise", "part": "ブラケット A-2", "buyer": "大手精機", "quantity": "500"}
REVISED |= {"reason": "設計変更"}


def test_a_revision_of_an_approved_order_holds_at_once_and_keeps_what_was_before(desk: Desk) -> None:
    answer = desk.post("/orders/2026-0003", **REVISED, due="2026-12-28")
    assert answer.status_code == 303, text_of(answer.text)
    said = desk.said("/orders/2026-0003")
    assert "Revision 2 : ブラケット A-2" in said.replace("Revision 2:", "Revision 2 :")
    assert "Revision 1" in said and "防水カバー" in said
    assert "設計変更" in said
    entry = desk.town.services.audit.entries("2026-0003", 1)[0]
    assert (entry.action, entry.detail["due"]) == ("order revised", ["2026-12-21", "2026-12-28"])
    again = desk.post("/orders/2026-0003", **REVISED, due="2026-12-28")
    assert again.status_code == 422
    assert "Nothing was changed." in text_of(again.text)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"quantity": "600"}, "enter an order for the difference"),
        ({"quantity": "400"}, "Work on this order has begun"),
        ({"quantity": "x"}, "Enter part, buyer, a whole quantity"),
        ({"due": "2020-01-01"}, "Enter part, buyer, a whole quantity"),
        ({"part": " "}, "Enter part, buyer, a whole quantity"),
        ({"reason": ""}, "Say why the order is revised"),
    ],
)
def test_a_revision_that_cannot_be_says_what_to_do_and_loses_nothing(
    desk: Desk, changed: dict[str, str], sentence: str
) -> None:
    fields = {**REVISED, "due": "2026-12-28", **changed}
    answer = desk.post("/orders/2026-0002", **fields)
    assert answer.status_code == 422
    assert sentence in text_of(answer.text)
    assert f'value="{fields["quantity"]}"' in answer.text
    assert len(OrderRows(desk.town.services.records.engine).revisions("2026-0002")) == 1
