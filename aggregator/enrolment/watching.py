"""Looks at what ends soon: our own certificate, and those that factories and the broker were given."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.contract.tls import WARN_DAYS, TlsError, about_the_end
from aggregator.config import Config
from aggregator.enrolment.authority import AGGREGATOR, Authority, EnrolmentError, Known
from aggregator.status import Status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 6 * 3_600.0


def ending(known: Iterable[Known], now: datetime) -> list[str]:
    """Return the names whose newest good certificate ends within the time of warning, or has ended."""
    newest: dict[str, datetime] = {}
    for each in known:
        if not each.revoked:
            newest[each.name] = max(each.ends_at, newest.get(each.name, each.ends_at))
    return sorted(name for name, ends_at in newest.items() if ends_at - now < timedelta(days=WARN_DAYS))


@dataclass(frozen=True, slots=True)
class Seen:
    """What everybody may read (`/readyz`), what the log says, and whose certificates it is about."""

    public: tuple[str, ...]
    logged: tuple[str, ...]
    names: tuple[str, ...]


def look(config: Config, now_ms: int) -> Seen:
    """Look at our own certificate and at all that were issued; blocks on the disk."""
    own, (fault, names) = _own(config, now_ms), _issued(config, now_ms)
    public, logged = [own] if own else [], [own] if own else []
    if fault:
        public.append("what was enrolled cannot be read; the log says why")
        logged.append(f"what was enrolled cannot be read: {fault}")
    if names:
        soon = f"within {WARN_DAYS} days or have ended; machikoba enroll --list"
        public.append(f"{len(names)} certificates end {soon}")
        logged.append(f"certificates of {', '.join(names)} end {soon}")
    everybody = {*names, AGGREGATOR} if own else set(names)
    return Seen(tuple(public), tuple(logged), tuple(sorted(everybody)))


def _own(config: Config, now_ms: int) -> str | None:
    tls = config.mqtt.tls
    if tls is None or tls.certificate_file is None:
        return None
    try:
        return about_the_end(tls.certificate_file, now_ms)
    except TlsError as error:
        return str(error)


def _issued(config: Config, now_ms: int) -> tuple[str, list[str]]:
    authority = Authority(config.ca)
    try:
        known = authority.known() if authority.is_there else []
    except EnrolmentError as error:
        return str(error), []
    return "", ending(known, datetime.fromtimestamp(now_ms / 1000, UTC))


async def watch_certificates(config: Config, status: Status, now: Callable[[], int]) -> None:
    """Look until cancelled; what is to be said stands in the log and in the status."""
    while True:
        seen = await asyncio.to_thread(look, config, now())
        status.warnings, status.ending = seen.public, seen.names
        for sentence in seen.logged:
            log.warning("%s", sentence)
        await asyncio.sleep(LOOK_EVERY_S)
