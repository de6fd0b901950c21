"""An order is revised on its page: what is entered in; the new form and what follows, or why not, out.

Before approval a new proposal is made of it. After approval buyer, part and due date hold at once, for they
move no work; another quantity does, so it is refused with what to do instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggregator.model.match import Decision, OrderStatus
from aggregator.model.order import OrderDraft
from aggregator.model.user import User
from aggregator.planning.errors import PlanningError
from aggregator.services import Services
from aggregator.store.order_rows import OrderRows, StoredOrder
from aggregator.web.entered_text import EnteredText
from aggregator.web.formats import N_

CLOSED = N_("This order is over, so it is not revised any more. Enter a new one.")
WRONG = N_("Enter part, buyer, a whole quantity and a due date from today on.")
NOTHING = N_("Nothing was changed.")
MORE = N_("More pieces are more work: enter an order for the difference, and its team is proposed at once.")
FEWER = N_("Fewer pieces free hours that jobs hold: call the order off and enter it anew, or finish it.")
NO_REASON = N_("Say why the order is revised: the reason is kept with the revision.")
PROPOSE = N_("The order is revised. Its proposal is still the old one: open it and propose again.")


@dataclass(frozen=True, slots=True)
class Revised:
    """`refused` is a message id that says why it was not done, or not wholly."""

    refused: str = ""


def revise(found: Services, user: User, order: StoredOrder, fields: Mapping[str, str]) -> Revised:
    """Give the order the form that was entered; blocks on the store."""
    if order.status not in {OrderStatus.PROPOSED, OrderStatus.APPROVED}:
        return Revised(CLOSED)
    reason = fields.get("reason", "").replace("\0", "")[:500]
    if not reason:
        return Revised(NO_REASON)
    draft = _entered(found, order, fields)
    if draft is None or found.planning.faults(replace(draft, steps=order.draft.steps)):
        return Revised(WRONG)
    if draft == order.draft:
        return Revised(NOTHING)
    if order.status is OrderStatus.APPROVED and draft.quantity != order.draft.quantity:
        return Revised(MORE if draft.quantity > order.draft.quantity else FEWER)
    return _keep(found, order, draft, Decision(user.name, found.now(), reason, _changes(order.draft, draft)))


def _keep(found: Services, order: StoredOrder, draft: OrderDraft, decision: Decision) -> Revised:
    OrderRows(found.records.engine).revise(order.id, draft, decision)
    found.order_book.nudge()
    if order.status is OrderStatus.PROPOSED and order.match:
        try:
            found.planning.again(order.match, decision.who)
        except PlanningError:
            return Revised(PROPOSE)
    return Revised()


def _entered(found: Services, order: StoredOrder, fields: Mapping[str, str]) -> OrderDraft | None:
    text = EnteredText(found.config.zone)
    quantity = text.needed_count("quantity", fields.get("quantity", ""))
    due = text.date("due", fields.get("due", ""))
    part, buyer = (fields.get(name, "").strip() for name in ("part", "buyer"))
    if text.wrong or not part or not buyer or "\0" in part + buyer:
        return None
    return replace(order.draft, part=part, buyer=buyer, quantity=quantity, due=due)


def _changes(before: OrderDraft, after: OrderDraft) -> dict[str, object]:
    names = ("part", "buyer", "quantity", "due")
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in names}
    return {name: [str(old), str(new)] for name, (old, new) in pairs.items() if old != new}
