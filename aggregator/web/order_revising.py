"""An order is revised on its page: what is entered in; what follows, or why not, out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggregator.model.match import Decision
from aggregator.model.order import OrderDraft
from aggregator.model.user import User
from aggregator.planning.errors import DraftRefused
from aggregator.planning.revising import RevisionRefused, Why, revise
from aggregator.services import Services
from aggregator.store.order_rows import OrderRows, StoredOrder
from aggregator.web.entered_text import EnteredText
from aggregator.web.formats import N_

REFUSED: Mapping[Why, str] = {
    Why.CLOSED: N_("This order is over, so it is not revised any more. Enter a new one."),
    Why.NOTHING: N_("Nothing was changed."),
    Why.MORE: N_(
        "More pieces are more work: enter an order for the difference, and its team is proposed at once."
    ),
    Why.BEGUN: N_(
        "Work on this order has begun, so fewer pieces are not possible here: call the order off and enter it"
        " anew, or finish it."
    ),
    Why.SMALL: N_("A lot would become smaller than allowed: call the order off and enter it anew."),
}
WRONG = N_("Enter part, buyer, a whole quantity and a due date from today on.")
NO_REASON = N_("Say why the order is revised: the reason is kept with the revision.")
PROPOSE = N_("The order is revised. Its proposal is still the old one: open it and propose again.")


@dataclass(frozen=True, slots=True)
class Entered:
    """`refused` is a message id that says why it was not done, or not wholly."""

    refused: str = ""


def enter_revision(found: Services, user: User, order: StoredOrder, fields: Mapping[str, str]) -> Entered:
    """Give the order the form that was entered; blocks on the store."""
    reason = fields.get("reason", "").replace("\0", "")[:500]
    if not reason:
        return Entered(NO_REASON)
    draft = _entered(found, order, fields)
    if draft is None:
        return Entered(WRONG)
    rows, decision = OrderRows(found.records.engine), Decision(user.name, found.now(), reason)
    try:
        revised = revise(found.planning, rows, order, draft, decision)
    except RevisionRefused as refused:
        return Entered(REFUSED[refused.why])
    except DraftRefused:
        return Entered(WRONG)
    found.order_book.nudge()
    return Entered(PROPOSE if revised.old_proposal else "")


def _entered(found: Services, order: StoredOrder, fields: Mapping[str, str]) -> OrderDraft | None:
    text = EnteredText(found.config.zone)
    quantity = text.needed_count("quantity", fields.get("quantity", ""))
    due = text.date("due", fields.get("due", ""))
    part, buyer = (fields.get(name, "").strip() for name in ("part", "buyer"))
    if text.wrong or not part or not buyer or "\0" in part + buyer:
        return None
    return replace(order.draft, part=part, buyer=buyer, quantity=quantity, due=due)
