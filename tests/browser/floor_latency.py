"""From a machine to the screen: how long until a state changed in the simulator stands on `/floor`."""

import json
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from playwright.sync_api import Page

from tests.browser.visiting import launched
from tests.stack import AGENT, PASSWORD, Stack, free_port, wait_until

MACHINES = 6
WAIT_S = 20  # after the anchor, before the first scripted change: everything is up by then
EVERY_S = 6
ROUNDS = 10

# Runs in the page. It notes when a tile's state changed, whatever way the page brings that about.
WATCH = """() => {
  const seen = new Map(); window.changes = []; window.loadedOnce = true;
  const look = () => {
    for (const tile of document.querySelectorAll('[data-machine][data-state]')) {
      const key = tile.dataset.factory + '/' + tile.dataset.machine;
      if (seen.get(key) !== tile.dataset.state) {
        if (seen.has(key)) window.changes.push([Date.now(), key, tile.dataset.state]);
        seen.set(key, tile.dataset.state);
      }
    }
  };
  look();
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""


@dataclass(frozen=True)
class Change:
    """A machine (`factory/id`) went into `state` at `at_ms`."""

    at_ms: int
    machine: str
    state: str


@dataclass(frozen=True)
class Latency:
    """Milliseconds from each change to its sight, and the changes that were never seen."""

    seen_ms: list[int]
    unseen: list[Change]

    @property
    def p50_ms(self) -> float:
        return quantiles(self.seen_ms, n=20)[9]

    @property
    def p95_ms(self) -> float:
        return quantiles(self.seen_ms, n=20)[18]


def scenario() -> str:
    """Return six machines of two factories, each stopped and released in turn, half OPC UA, half Modbus."""
    every_day = (
        '[{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "24:00" }]'
    )
    anchor = datetime.now().astimezone().isoformat()
    lines = ['federation = "latency"', "seed = 1", f"anchor = {anchor}"]
    for factory, port in (("north", "opcua_port"), ("south", "modbus_port")):
        lines += ["[[factories]]", f'id = "{factory}"', f"{port} = {free_port()}", "load = 1.0"]
        lines += [f"shifts = {every_day}"]
    for index in range(MACHINES):
        factory, kind = (("north", "machining_centre"), ("south", "press"))[index % 2]
        lines += ["[[machines]]", f'id = "m-{index}"', f'factory = "{factory}"', f'kind = "{kind}"']
        lines += [
            "[machines.rhythm]",
            "cycle_s = 2.5",
            "setup_s = 0",
            "starve_every_s = 0",
            "stop_every_s = 0",
        ]
        lines += ["batch = 100000", "mtbf_s = 0"]
        for turn in range(ROUNDS):
            after_s = WAIT_S + turn * EVERY_S + index * EVERY_S / MACHINES
            lines += ["[[machines.events]]", f"after_s = {after_s}", 'state = "DOWN"', "for_s = 2.7"]
    return "\n".join(lines) + "\n"


def start_factories(stack: Stack) -> Path:
    """Start the simulator and an agent a factory; return the ground truth's path."""
    folder = stack.folder
    (folder / "scenario.toml").write_text(scenario())
    simulate = (*AGENT, "simulate", "--scenario", folder / "scenario.toml")
    mqtt = f"127.0.0.1:{stack.mqtt_port}"
    configure = stack.start("configure", (*simulate, "--write-agents", folder / "agents", "--mqtt", mqtt))
    assert configure.wait(60) == 0, stack.log("configure")
    truth = folder / "ground_truth.jsonl"
    stack.start("simulator", (*simulate, "--ground-truth", truth))
    for config in sorted((folder / "agents").glob("*.toml")):
        stack.start(f"agent-{config.stem}", (*AGENT, "run", "--config", config))
    wait_until(truth.exists, "the simulator writes its ground truth")
    return truth


def changes_in(truth: Path) -> list[Change]:
    """Return every state change of the ground truth."""
    events = [json.loads(line) for line in truth.read_text().splitlines() if line.endswith("}")]
    return [
        Change(
            round(datetime.fromisoformat(event["at"]).timestamp() * 1000),
            f"{event['factory']}/{event['machine']}",
            event["state"],
        )
        for event in events
        if event["event"] == "state"
    ]


def match(truth: list[Change], seen: list[Change]) -> Latency:
    """Pair each change with the first sight of it before the same machine's next change."""
    found: list[int] = []
    unseen: list[Change] = []
    for index, change in enumerate(truth):
        later = (other.at_ms for other in truth[index + 1 :] if other.machine == change.machine)
        until_ms = next(later, sys.maxsize)
        sights = [
            sight.at_ms
            for sight in seen
            if (sight.machine, sight.state) == (change.machine, change.state)
            and change.at_ms - 50 <= sight.at_ms < until_ms + 30_000
        ]
        if sights:
            found.append(min(sights) - change.at_ms)
        else:
            unseen.append(change)
    return Latency(found, unseen)


def sign_in(page: Page, url: str) -> None:
    """Sign the coordinator in and open the floor."""
    page.goto(f"{url}/login")
    page.fill("input[name=name]", "coordinator")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.goto(f"{url}/floor")


def watch_floor(stack: Stack, truth: Path, wanted: int) -> tuple[Latency, bool]:
    """Watch `/floor` in Chromium until `wanted` changes happened; also tell whether it was never reloaded."""
    with launched() as chromium:
        page = chromium.new_page()
        sign_in(page, stack.url)
        page.wait_for_function(
            "n => document.querySelectorAll('[data-machine]:not([data-state=OFFLINE])').length === n",
            arg=MACHINES,
            timeout=90_000,
        )
        page.evaluate(WATCH)
        began_ms = time.time() * 1000

        def happened() -> list[Change]:
            return [change for change in changes_in(truth) if change.at_ms > began_ms]

        end = time.monotonic() + WAIT_S + ROUNDS * EVERY_S + 60
        while len(happened()) < wanted and time.monotonic() < end:
            page.wait_for_timeout(500)
        expected = happened()
        page.wait_for_timeout(5_000)  # what is still on its way
        seen: list[Any] = page.evaluate("() => window.changes")
        kept = bool(page.evaluate("() => window.loadedOnce === true"))
    return match(expected, [Change(*sight) for sight in seen]), kept
