"""The ledger as a PDF on A4, to be filed and signed: words in, pages with an embedded Japanese font out."""

import importlib.resources
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator.model.ledger import Amounts, Ledger
from aggregator.model.progress import OrderProgress
from aggregator.web.formats import N_
from aggregator.web.ledger_table import Names

if TYPE_CHECKING:
    from fpdf import FPDF

INK, THIN, LINE, SHADE, MARK = (26, 31, 38), (74, 84, 96), (190, 198, 208), (238, 241, 245), (23, 64, 122)
MARGIN_MM, WIDTH_MM = 15, 180
TITLE, PAGE = N_("Ledger of an order"), N_("{order}  page {page} of {pages}")
MADE = N_("Machikoba {federation}, as of {at}. Good pieces are measured by machines or reported by people.")
HEAD = (
    N_("Step"),
    N_("Factory"),
    N_("Planned"),
    N_("By machines"),
    N_("By people"),
    N_("Scrap"),
    N_("Handed on"),
    N_("Accepted"),
    N_("Rejects"),
)
DELAYS = (N_("Step"), N_("Own delay (h)"), N_("Inherited delay (h)"), N_("Cause"))
HANDS = (
    N_("Sent"),
    N_("Sent from"),
    N_("Sent to"),
    N_("Pieces"),
    N_("Accepted"),
    N_("Rejects"),
    N_("Counted"),
)
FACTS = (N_("Buyer"), N_("Part"), N_("Quantity"), N_("Due"), N_("Shipped"), N_("Likely done (P50 to P90)"))
TOTAL_ROW, BY_STEP, BY_HAND = N_("All steps together"), N_("Delays"), N_("Hand-overs")
WHO_DID_WHAT, SIGNED = N_("Who did what"), N_("Checked by")


def ledger_pdf(ledger: Ledger, progress: OrderProgress, names: Names, federation: str, now_ms: int) -> bytes:
    """Return the file; the library and its font are read only here."""
    pdf = _blank(names, ledger.order)
    text, fmt = names.say.say.fmt.text, names.say.say.fmt
    pdf.add_page()
    _line(pdf, f"{text(TITLE)}  {ledger.order}", 18, INK)
    _facts(pdf, progress, names)
    _title(pdf, text(WHO_DID_WHAT))
    _table(
        pdf,
        [text(each) for each in HEAD],
        _work_rows(ledger, names),
        (34, 34, 16, 16, 16, 16, 16, 16, 16),
        last=True,
    )
    _title(pdf, text(BY_STEP))
    _table(
        pdf,
        [text(each) for each in DELAYS],
        _delay_rows(ledger, names),
        (34, 24, 28, 94),
        left=(0, 3),
        last=True,
    )
    if ledger.handovers:
        _title(pdf, text(BY_HAND))
        _table(
            pdf,
            [text(each) for each in HANDS],
            _hand_rows(ledger, names),
            (27, 40, 40, 15, 15, 16, 27),
            left=(0, 1, 2, 6),
        )
    pdf.ln(5)
    _line(pdf, text(MADE).format(federation=federation, at=fmt.stamp(now_ms)), 8, THIN)
    _signature(pdf, text(SIGNED))
    return bytes(pdf.output())


def _blank(names: Names, order: str) -> "FPDF":
    from fpdf import FPDF

    text = names.say.say.fmt.text

    class Sheet(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font("jp", size=8)
            self.set_text_color(*THIN)
            self.cell(0, 5, text(PAGE).format(order=order, page=self.page_no(), pages="{nb}"), align="R")

    pdf = Sheet(format="A4")
    pdf.set_margin(MARGIN_MM)
    pdf.set_auto_page_break(True, margin=18)
    font = importlib.resources.files("pylopdf_fonts_jp") / "NotoSansJP-Regular.otf"
    pdf.add_font("jp", "", str(font))
    pdf.set_title(f"{text(TITLE)} {order}")
    pdf.set_lang("ja-JP" if names.say.say.fmt.language == "ja" else "en")
    pdf.set_creation_date(datetime.now(UTC))
    return pdf


def _facts(pdf: "FPDF", progress: OrderProgress, names: Names) -> None:
    say, fmt, arrival = names.say, names.say.say.fmt, progress.arrival
    known = arrival is not None and arrival.p50_ms is not None
    done = f"{say.day(arrival.p50_ms)} – {say.day(arrival.p90_ms)}" if known and arrival else fmt.unknown
    values = (
        progress.draft.buyer,
        progress.draft.part,
        fmt.count(progress.draft.quantity),
        say.say.day(progress.draft.due),
        fmt.count(progress.shipped),
        done,
    )
    pdf.ln(2)
    for name, value in zip(FACTS, values, strict=True):
        pdf.set_font("jp", size=9)
        pdf.set_text_color(*THIN)
        pdf.cell(42, 6, fmt.text(name))
        pdf.set_font("jp", size=10.5)
        pdf.set_text_color(*INK)
        pdf.multi_cell(0, 6, value, new_x="LMARGIN", new_y="NEXT")


def _work_rows(ledger: Ledger, names: Names) -> list[list[str]]:
    say = names.say.say
    rows = [
        [
            f"{step.position}. {say.process(step.process)}",
            say.factory(line.job.job.factory),
            *_counts(line.amounts, names),
        ]
        for step in ledger.steps
        for line in step.jobs
    ]
    return [*rows, [say.fmt.text(TOTAL_ROW), "", *_counts(ledger.total, names)]]


def _counts(amounts: Amounts, names: Names) -> list[str]:
    fmt = names.say.say.fmt
    numbers = (
        amounts.planned,
        amounts.measured,
        amounts.reported,
        amounts.scrap,
        amounts.sent,
        amounts.accepted,
        amounts.rejected,
    )
    return [fmt.count(each) for each in numbers]


def _delay_rows(ledger: Ledger, names: Names) -> list[list[str]]:
    say, unknown = names.say, names.say.say.fmt.unknown
    rows = []
    for step in ledger.steps:
        name, delay = f"{step.position}. {say.say.process(step.process)}", step.delay
        hours = [unknown, unknown] if delay is None else [f"{delay.own_h:,.1f}", f"{delay.inherited_h:,.1f}"]
        rows.append([name, *hours, say.delay(delay)])
    own = unknown if ledger.own_h is None else f"{ledger.own_h:,.1f}"
    return [*rows, [say.say.fmt.text(TOTAL_ROW), own, "", ""]]


def _hand_rows(ledger: Ledger, names: Names) -> list[list[str]]:
    fmt = names.say.say.fmt
    return [
        [
            fmt.stamp(each.sent_ms),
            names.jobs.get(each.from_job, each.from_job),
            names.buyer if each.to_job is None else names.jobs.get(each.to_job, each.to_job),
            fmt.count(each.sent),
            "–" if each.accepted is None else fmt.count(each.accepted),
            "–" if each.rejected is None else fmt.count(each.rejected),
            "–" if each.received_ms is None else fmt.stamp(each.received_ms),
        ]
        for each in ledger.handovers
    ]


def _line(pdf: "FPDF", said: str, size: float, colour: tuple[int, int, int]) -> None:
    pdf.set_font("jp", size=size)
    pdf.set_text_color(*colour)
    pdf.multi_cell(0, size * 0.5, said, new_x="LMARGIN", new_y="NEXT")


def _title(pdf: "FPDF", said: str) -> None:
    pdf.ln(5)
    if pdf.will_page_break(30):
        pdf.add_page()
    _line(pdf, said, 12, MARK)
    pdf.ln(1)


def _table(  # noqa: PLR0917
    pdf: "FPDF",
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: tuple[int, ...],
    left: tuple[int, ...] = (0, 1),
    last: bool = False,
) -> None:
    """Draw a table whose head is repeated on every page; the `last` row is a sum."""
    from fpdf.fonts import FontFace

    aligns = tuple("LEFT" if at in left else "RIGHT" for at in range(len(head)))
    pdf.set_font("jp", size=8.5)
    pdf.set_text_color(*INK)
    pdf.set_draw_color(*LINE)
    headings = FontFace(fill_color=SHADE, color=THIN)
    with pdf.table(
        col_widths=widths,
        text_align=aligns,
        width=WIDTH_MM,
        borders_layout="HORIZONTAL_LINES",
        headings_style=headings,
        line_height=5,
        padding=(1, 1.2),
    ) as table:
        table.row(head)
        for number, row in enumerate(rows, 1):
            table.row(row, style=FontFace(fill_color=SHADE) if last and number == len(rows) else None)


def _signature(pdf: "FPDF", said: str) -> None:
    pdf.ln(8)
    if pdf.will_page_break(20):
        pdf.add_page()
    pdf.set_x(MARGIN_MM + WIDTH_MM - 70)
    pdf.set_font("jp", size=9)
    pdf.set_text_color(*THIN)
    pdf.cell(70, 12, said, border="B")
