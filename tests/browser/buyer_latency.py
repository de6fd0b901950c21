"""From a cycle of a machine to the buyer's screen: until it is counted on `/o/{token}`."""

import json
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import Any

from aggregator.access.links import link_to_order
from aggregator.clock import now_ms
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import Basis, Decision
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.store.database import open_engine
from aggregator.store.links import Links
from aggregator.store.orders import Orders
from aggregator.store.work import Ledgers
from tests.browser.visiting import launched
from tests.stack import Stack

KEY = MachineKey("north", "m-0")
COUNT = ".stop .stop-count b"

# The order was entered behind the aggregator's back: it counts from its next look at what is entered on.
COUNTS = "selector => Number(document.querySelector(selector)?.textContent) > 0"
# Runs in the page: notes every count that is shown, and when.
WATCH = """selector => {
  window.counts = []; window.loadedOnce = true; let last = null;
  const look = () => {
    const text = document.querySelector(selector)?.textContent;
    if (!text || text === last) return;
    last = text;
    window.counts.push([Date.now(), Number(text.replaceAll(',', ''))]);
  };
  look();
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def place_order(stack: Stack) -> str:
    """Enter an order of one step on the machine that runs, and start it; return the path of a link to it."""
    engine, now = open_engine(f"sqlite:///{stack.folder / 'machikoba.db'}"), now_ms()
    orders, decision = Orders(engine), Decision("coordinator", now)
    draft = OrderDraft(
        "株式会社東海ポンプ", "軸受ケース", 100_000, date(2100, 1, 1), (DraftStep("a", "cutting", 2.5),)
    )
    match = orders.propose(draft, Proposal((), (), "0"), Basis(now), decision, 2026)
    job = Job(
        id=f"{match.order}-1a", order=match.order, step="a", factory=KEY.factory, process="cutting",
        pieces=100_000, minutes=1_000, pieces_per_cycle=1, machines=frozenset({KEY.machine}), work=(),
    )  # fmt: skip
    orders.approve(match.id, decision, lambda _match, _jobs: [job])
    with Ledgers(engine).deciding() as entries:
        entries.set_job(job.id, JobStatus.RUNNING, KEY.machine)
        entries.assign(KEY, job.id, now)
        entries.log(now, "test", "job started", job.id, {})
    path = link_to_order(Links(engine), match.order, "test", now, now + 86_400_000).path
    engine.dispose()
    return path


def cycles_in(truth: Path) -> list[tuple[int, int]]:
    """Return when each cycle of the machine was done (UTC ms), and its running total then."""
    events = [json.loads(line) for line in truth.read_text().splitlines() if line.endswith("}")]
    return [
        (round(datetime.fromisoformat(each["at"]).timestamp() * 1000), each["total"])
        for each in events
        if each["event"] == "cycle" and (each["factory"], each["machine"]) == KEY
    ]


def watch_order(stack: Stack, path: str, for_s: float) -> tuple[list[Any], bool]:
    """Watch the buyer's page for so long; return counts with their times, and whether it never reloaded."""
    with launched() as chromium:
        page = chromium.new_page()
        page.goto(stack.url + path)
        page.wait_for_selector(".live.on", timeout=90_000)
        page.wait_for_function(COUNTS, arg=COUNT, timeout=90_000)
        page.evaluate(WATCH, COUNT)
        page.wait_for_timeout(for_s * 1000)
        seen: list[Any] = page.evaluate("() => window.counts")
        kept = bool(page.evaluate("() => window.loadedOnce === true"))
    return seen, kept


def latency_of(cycles: list[tuple[int, int]], seen: list[Any]) -> tuple[list[int], int]:
    """Return milliseconds from each cycle to the first count that holds it, and how often a count went back.

    The page counts from the moment the job was started. How many cycles that is behind the machine's total
    tells the freshest of its counts: none can be ahead of the machine.
    """
    (_, first), (_, last) = seen[0], seen[-1]
    offset = min(
        max((total for at_ms, total in cycles if at_ms <= seen_ms), default=0) - count
        for seen_ms, count in seen
    )
    found = []
    for at_ms, total in cycles:
        if first < total - offset <= last:
            found.append(next(at for at, count in seen if count >= total - offset) - at_ms)
    back = sum(1 for (_, one), (_, other) in pairwise(seen) if other < one)
    return found, back


def p95(found: list[int]) -> float:
    """Return the 95th percentile."""
    return quantiles(found, n=20)[18]
