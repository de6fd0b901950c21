"""Memory and processor time of one agent, by how many machines it follows.

`python -m tests.bench.agent_load [SECONDS]` starts simulated factories with 1, 5 and 20 machines, half on
OPC UA and half on Modbus, told or polled four times a second, and watches each one's agent for 60 seconds.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from tests.agent.brokers import running
from tests.stack import AGENT, Stack, free_port, wait_until

HEAD = """
federation = "test"
seed = 1
time_zone = "Asia/Tokyo"
anchor = {anchor}
[[factories]]
id = "north"
name = "北工場"
opcua_port = {opcua}
modbus_port = {modbus}
load = 1.0
shifts = [{{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "24:00" }}]
"""
MACHINE = """
[[machines]]
factory = "north"
id = "m-{number:02}"
name = "機械 {number}"
kind = "{kind}"
protocol = "{protocol}"
"""
KINDS = (("machining_centre", "opcua"), ("press", "modbus"))
SETTLED_S = 20.0


def main(seconds: float) -> None:
    """Measure once for each size."""
    for machines in (1, 5, 20):
        with tempfile.TemporaryDirectory() as name, running("mosquitto", Path(name)) as broker:
            stack = Stack(Path(name), "test")
            try:
                measure(stack, broker.port, machines, seconds)
            finally:
                stack.end_all()


def measure(stack: Stack, port: int, machines: int, seconds: float) -> None:
    """Start simulator and agent; print what the agent took."""
    scenario, folder = stack.folder / "scenario.toml", stack.folder / "agents"
    anchor = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    text = HEAD.format(anchor=anchor, opcua=free_port(), modbus=free_port())
    for number in range(machines):
        kind, protocol = KINDS[number % 2]
        text += MACHINE.format(number=number, kind=kind, protocol=protocol)
    if machines == 1:
        text = "\n".join(line for line in text.splitlines() if not line.startswith("modbus_port"))
    scenario.write_text(text, encoding="utf-8")
    write = stack.start(
        "write",
        (*AGENT, "simulate", "--scenario", scenario, "--write-agents", folder, "--mqtt", f"127.0.0.1:{port}"),
    )
    assert write.wait(60) == 0, stack.log("write")
    stack.start("simulator", (*AGENT, "simulate", "--scenario", scenario))
    wait_until(lambda: "running" in stack.log("simulator"), "the simulator runs")
    agent = psutil.Process(stack.start("agent", (*AGENT, "run", "--config", folder / "north.toml")).pid)
    time.sleep(SETTLED_S)
    before, began = agent.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, took_s = agent.cpu_times(), time.monotonic() - began
    share = (after.user + after.system - before.user - before.system) / took_s
    print(f"{machines} machines: {agent.memory_info().rss / 1e6:.0f} MB, {share:.1%} of a core", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
