"""What foreign nodes do otherwise than Sparkplug 3.0, as the referee sees it: our host has to live with it.

The sets are exact: a newer version that does better shows here, and the aggregator's README can say so.
"""

import subprocess
from pathlib import Path

import pytest

from tests.agent import brokers
from tests.sparkplug.checks import of
from tests.sparkplug.edge_rows import EDGE
from tests.sparkplug.referee import Referee
from tests.sparkplug.wire import DISCONNECT
from tests.stack import wait_until
from tests.system.test_foreign import NODES

NO_REBIRTH = {
    "topics-nbirth-rebirth-metric",
    "operational-behavior-data-commands-rebirth-name",
    "operational-behavior-data-commands-rebirth-name-aliases",
    "operational-behavior-data-commands-rebirth-datatype",
    "operational-behavior-data-commands-rebirth-value",
    "payloads-nbirth-rebirth-req",
}
WILL_AT_0 = {
    "message-flow-edge-node-birth-publish-will-message-qos",
    "payloads-ndeath-will-message-qos",
}
NAMES_AND_TYPES_EVERYWHERE = {
    "payloads-alias-birth-requirement",
    "payloads-alias-data-cmd-requirement",
    "payloads-metric-datatype-not-req",
}
NO_TIME = {"payloads-name-birth-data-requirement", "operational-behavior-data-publish-dbirth-order"}
BD_SEQ_IS_NO_INT64 = {
    "topics-nbirth-bdseq-included",
    "payloads-nbirth-bdseq",
    "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
    "message-flow-edge-node-birth-publish-nbirth-payload",
    "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
}
BD_SEQ_STANDS = {"topics-nbirth-bdseq-increment"}
COMMANDS_AT_0 = {"message-flow-edge-node-ncmd-subscribe", "message-flow-device-dcmd-subscribe"}
GOODBYE_OF_THE_NEXT = {
    "topics-nbirth-bdseq-matching",
    "operational-behavior-data-commands-rebirth-action-3",
    "payloads-nbirth-bdseq-repeat",
    "payloads-ndeath-bdseq",
}
BOTH = NO_REBIRTH | WILL_AT_0 | NAMES_AND_TYPES_EVERYWHERE | NO_TIME
DEVIATIONS = {
    "npm": BOTH | BD_SEQ_IS_NO_INT64 | BD_SEQ_STANDS | COMMANDS_AT_0,
    "pypi": BOTH | GOODBYE_OF_THE_NEXT,
}


@pytest.mark.parametrize("node", NODES)
def test_a_foreign_node_deviates_as_is_known(node: str, tmp_path: Path) -> None:
    """It is born, counts, is cut off, is born again and says goodbye."""
    with brokers.running("mosquitto", tmp_path) as broker, Referee(broker.port) as referee:
        line = (str(referee.port), "higashimachi", "foreign", "lathe", "5")
        command = [*(str(part) for part in NODES[node]), *line]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stdin is not None
        try:
            wait_until(lambda: of(referee.seen(), "DBIRTH"), "it is born")
            process.stdin.write("900 0 6\nbare 7\n")
            process.stdin.flush()
            wait_until(lambda: len(of(referee.seen(), "DDATA")) == 2, "it counts")
            referee.cut()
            wait_until(lambda: len(of(referee.seen(), "DBIRTH")) == 2, "it is born again")
            process.stdin.write("stop\n")
            process.stdin.flush()
            wait_until(lambda: any(packet.kind == DISCONNECT for packet in referee.seen()), "its goodbye")
        finally:
            process.kill()
            process.communicate()
        assert {id for id, row in EDGE.items() if list(row.check(referee.seen()))} == DEVIATIONS[node]
