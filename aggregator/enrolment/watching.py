"""Looks at what ends soon: our own certificate, and those that factories and the broker were given."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from agent.contract.tls import WARN_DAYS, TlsError, about_the_end
from aggregator.config import Config
from aggregator.enrolment.authority import Authority, EnrolmentError, Known
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


def warnings(config: Config, now_ms: int) -> tuple[list[str], list[str]]:
    """Return what everybody may read (`/readyz`), and what the log says; blocks on the disk."""
    told = []
    tls = config.mqtt.tls
    if tls is not None and tls.certificate_file is not None:
        try:
            said = about_the_end(tls.certificate_file, now_ms)
        except TlsError as error:
            said = str(error)
        if said is not None:
            told.append(said)
    authority = Authority(config.data / "ca")
    names: list[str] = []
    if authority.certificate_file.exists():
        try:
            names = ending(authority.known(), datetime.fromtimestamp(now_ms / 1000, UTC))
        except EnrolmentError as error:
            log.warning("what was enrolled cannot be read: %s", error)
    if not names:
        return told, told
    soon = f"within {WARN_DAYS} days or have ended; machikoba enroll --list"
    public = f"{len(names)} certificates end {soon}"
    return [*told, public], [*told, f"certificates of {', '.join(names)} end {soon}"]


async def watch_certificates(config: Config, status: Status, now: Callable[[], int]) -> None:
    """Look until cancelled; what is to be said stands in the log and in `status.warnings`."""
    while True:
        public, logged = await asyncio.to_thread(warnings, config, now())
        status.warnings = tuple(public)
        for sentence in logged:
            log.warning("%s", sentence)
        await asyncio.sleep(LOOK_EVERY_S)
