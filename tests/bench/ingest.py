"""How fast records pass from an agent's outbox through the broker into the store.

`python -m tests.bench.ingest [ROWS]` sends that many minutes of one machine (864,000: twenty months) to a
`machikoba serve` of its own and prints the rate and the processor time that the aggregator used.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.agent.brokers import running
from tests.aggregator.ingest.delivery import Delivery
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.serving import Serve


def main(rows: int) -> None:
    """Run the measurement once."""
    with tempfile.TemporaryDirectory() as name, running("mosquitto", Path(name)) as broker:
        serve = Serve(Path(name), broker.port)
        serve.start()
        try:
            _measure(serve, broker.port, rows)
        finally:
            serve.kill()


def _measure(serve: Serve, port: int, rows: int) -> None:
    process = psutil.Process(serve.pid)
    with Edge(port) as edge:
        delivery = Delivery(edge, rows)
        began, used = time.monotonic(), process.cpu_times()
        delivery.run()
        took_s, now = time.monotonic() - began, process.cpu_times()
    busy_s = now.user + now.system - used.user - used.system
    print(f"{rows:,} rows in {took_s:.1f} s, {rows / took_s:,.0f} rows/s; births {delivery.births}")
    memory_mb = process.memory_info().rss >> 20
    print(f"aggregator: {busy_s:.1f} s of one core, {rows / busy_s:,.0f} rows/s; {memory_mb} MB of memory")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 864_000)
