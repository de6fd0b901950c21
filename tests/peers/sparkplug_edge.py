"""A foreign edge node: pysparkplug, told over standard input what its machine does.

Usage: sparkplug_edge.py PORT FEDERATION FACTORY MACHINE PARTS, as sparkplug_edge.js. It runs in an
environment of its own (`.ci/peers`), and as the package's own samples: commands are not answered.
"""

import sys
import time

from pysparkplug import Client, DataType, Device, EdgeNode, Metric


def metrics(rpm: float, alarm: bool, parts: int) -> list[Metric]:
    """Return what the machine shows; the count has no time."""
    now_ms = time.time_ns() // 1_000_000
    return [
        Metric(now_ms, "Spindle/RPM", DataType.DOUBLE, value=rpm),
        Metric(now_ms, "Alarm", DataType.BOOLEAN, value=alarm),
        Metric(None, "Counters/Good", DataType.UINT32, value=parts),
    ]


def main() -> None:
    """Be there until standard input ends or says stop."""
    port, group, node, machine, parts = sys.argv[1:]
    edge = EdgeNode(
        group,
        node,
        [Metric(time.time_ns() // 1_000_000, "Hardware", DataType.STRING, value="x")],
        Client(f"foreign-{node}"),
    )
    edge.register(Device(machine, metrics(0.0, False, int(parts))))
    edge.connect("127.0.0.1", port=int(port), keepalive=5)
    for line in sys.stdin:
        words = line.split()
        if words == ["stop"]:
            edge.disconnect()
            return
        if words[0] == "bare":
            edge.update_device(machine, metrics(0.0, False, int(words[1]))[2:])
        else:
            rpm, alarm, count = words
            edge.update_device(machine, metrics(float(rpm), alarm == "1", int(count)))


if __name__ == "__main__":
    main()
