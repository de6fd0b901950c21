"""What a coordinator does on an order's page: form fields in; what was done, or a sentence why not, out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aggregator.access.links import link_to_order, usual_expiry
from aggregator.capacity.local_time import span_of_days_ms
from aggregator.model.user import User
from aggregator.planning.errors import NotReckoned, PlanningError
from aggregator.services import Services
from aggregator.store.links import LinkError
from aggregator.store.order_rows import StoredOrder
from aggregator.web.formats import N_
from aggregator.web.match_new import NOT_RECKONED
from aggregator.web.order_revising import enter_revision
from aggregator.work.act import Act
from aggregator.work.errors import WorkError

LONGEST_REASON = 500
NO_REASON = N_("Say why: the reason is kept in the audit log.")
NO_BACKUP = N_("The backup cannot take it: the job is finished, or the backup's hours are gone.")
NO_LINK = N_("There is no such link, or it was revoked already.")
NO_SUCH = N_("That cannot be done here.")


@dataclass(frozen=True, slots=True)
class Done:
    """`refused` is a message id that says why nothing was done; `link` the path of a new link, told once."""

    refused: str = ""
    link: str = ""


def do(found: Services, user: User, order: StoredOrder, fields: Mapping[str, str]) -> Done:
    """Do what the pressed button says; blocks on the store."""
    act = _ACTS.get(fields.get("action", ""))
    return act(found, user, order, fields) if act else Done(NO_SUCH)


def _seen(found: Services, user: User, _order: StoredOrder, fields: Mapping[str, str]) -> Done:
    number = _number(fields.get("alert", ""))
    if number is None:
        return Done(NO_SUCH)
    found.alerts.see(number, user.name)
    return Done()


def _backup(found: Services, user: User, order: StoredOrder, fields: Mapping[str, str]) -> Done:
    reason = fields.get("reason", "").replace("\0", "")[:LONGEST_REASON]
    job = next((each for each in found.planning.jobs(order.id) if each.id == fields.get("job")), None)
    if job is None or job.backup is None:
        return Done(NO_BACKUP)
    if not reason:
        return Done(NO_REASON)
    try:
        found.work.move(job.id, Act(user, reason=reason), job.backup)
    except NotReckoned:
        return Done(NOT_RECKONED)
    except (WorkError, PlanningError):
        return Done(NO_BACKUP)
    return Done()


def _link(found: Services, user: User, order: StoredOrder, _fields: Mapping[str, str]) -> Done:
    _, due_ms = span_of_days_ms(None, order.draft.due, found.config.zone)
    expires_ms = usual_expiry(max(due_ms or 0, found.now()))
    return Done(link=link_to_order(found.links, order.id, user.name, found.now(), expires_ms).path)


def _revoke(found: Services, user: User, order: StoredOrder, fields: Mapping[str, str]) -> Done:
    number = _number(fields.get("link", ""))
    own = {each.id for each in found.links.of(orders=[order.id])}
    if number not in own or number is None:
        return Done(NO_LINK)
    try:
        found.links.revoke(number, user.name, found.now())
    except LinkError:
        return Done(NO_LINK)
    return Done()


def _revise(found: Services, user: User, order: StoredOrder, fields: Mapping[str, str]) -> Done:
    return Done(enter_revision(found, user, order, fields).refused)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


_ACTS: Mapping[str, Callable[[Services, User, StoredOrder, Mapping[str, str]], Done]] = {
    "seen": _seen,
    "backup": _backup,
    "link": _link,
    "revoke": _revoke,
    "revise": _revise,
}
