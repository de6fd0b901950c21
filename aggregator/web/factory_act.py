"""A posted form of the factory's page in, one use case of work done; what cannot be read raises."""

from collections.abc import Callable
from datetime import datetime

from starlette.datastructures import FormData

from aggregator.model.machine import MachineKey
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.work.act import Act
from aggregator.work.correcting import Stretch
from aggregator.work.errors import NoSuchJob

Fields = dict[str, str]
LONGEST = 500
NAMES = frozenset(
    {
        *("do", "job", "machine", "good", "scrap", "pieces", "to_job", "handover", "accepted", "rejected"),
        *("since", "until", "reason", "request", "takeover"),
    }
)


class Unreadable(Exception):
    """A number or a moment that nobody can read."""


def fields_of(form: FormData) -> Fields:
    """Return the fields that the page has, without what surrounds them."""
    return {
        name: value.strip()[:LONGEST]
        for name, value in form.multi_items()
        if name in NAMES and isinstance(value, str) and value.strip() and "\0" not in value
    }


def act_on(found: Services, user: User, fields: Fields) -> str:
    """Do what the form says and return its name; raises WorkError or Unreadable. Blocks on the store."""
    name = fields.get("do", "")
    use_case = _USE_CASES.get(name)
    if use_case is None:
        raise NoSuchJob("nothing that can be done here")
    act = Act(user, reason=fields.get("reason"), request=fields.get("request"))
    use_case(found, user, fields, act)
    return name


def _start(found: Services, _user: User, fields: Fields, act: Act) -> None:
    takeover = fields.get("takeover") == "yes"
    found.work.start(_job(fields), act, fields.get("machine"), takeover=takeover)


def _pause(found: Services, _user: User, fields: Fields, act: Act) -> None:
    found.work.pause(_job(fields), act, fields.get("machine"))


def _finish(found: Services, _user: User, fields: Fields, act: Act) -> None:
    found.work.finish(_job(fields), act)


def _reopen(found: Services, _user: User, fields: Fields, act: Act) -> None:
    found.work.reopen(_job(fields), act)


def _report(found: Services, _user: User, fields: Fields, act: Act) -> None:
    found.work.report(_job(fields), act, _number(fields, "good"), _number(fields, "scrap"))


def _send(found: Services, _user: User, fields: Fields, act: Act) -> None:
    found.work.hand_over(_job(fields), act, _number(fields, "pieces"), fields.get("to_job"))


def _receive(found: Services, _user: User, fields: Fields, act: Act) -> None:
    handover = _number(fields, "handover")
    found.work.receive(handover, act, _number(fields, "accepted"), _number(fields, "rejected"))


def _correct(found: Services, user: User, fields: Fields, act: Act) -> None:
    key = MachineKey(user.factory or "", fields.get("machine", ""))
    stretch = Stretch(key, _moment(found, fields, "since"), _moment(found, fields, "until"))
    found.work.correct(stretch, act, fields.get("job"))


_USE_CASES: dict[str, Callable[[Services, User, Fields, Act], None]] = {
    "start": _start,
    "pause": _pause,
    "finish": _finish,
    "reopen": _reopen,
    "report": _report,
    "send": _send,
    "receive": _receive,
    "correct": _correct,
}


def _job(fields: Fields) -> str:
    job = fields.get("job", "")
    if not job:
        raise NoSuchJob("no job is named")
    return job


def _number(fields: Fields, name: str) -> int:
    """Return a whole number, 0 when nothing was entered; full-width digits are digits too."""
    text = fields.get(name, "0").replace(",", "").replace("、", "").replace("−", "-").replace("－", "-")
    try:
        number = int(text)
    except ValueError:
        raise Unreadable from None
    if abs(number) > 10**9:
        raise Unreadable
    return number


def _moment(found: Services, fields: Fields, name: str) -> int:
    try:
        local = datetime.fromisoformat(fields.get(name, ""))
    except ValueError:
        raise Unreadable from None
    return int(local.replace(tzinfo=found.config.zone).timestamp() * 1000)
