"""A foreign node of which the configuration explains nothing: welcome, numbered as it likes."""

import pytest

from agent.contract import names
from agent.contract.sparkplug import DataType, Payload
from aggregator.ingest.events import LiveChanged, MachineBorn, NodeBorn, NodeDied, Refused
from aggregator.ingest.session import GRACE_MS, REORDER_MS
from tests.aggregator.ingest.messages import (
    AT_MS,
    dbirth,
    ddata,
    metric,
    minutes,
    nbirth,
    ndata,
    ndeath,
    topic,
)
from tests.aggregator.ingest.test_session import Host, only


@pytest.fixture
def host() -> Host:
    return Host()


def test_a_foreign_node_brings_machines_whose_trust_is_best_effort(host: Host) -> None:
    node, machine = host.hear(nbirth(epoch=None, bd_seq=None), dbirth(1, trust="measured"))
    assert isinstance(node, NodeBorn)
    assert node.epoch is None
    assert isinstance(machine, MachineBorn)
    assert machine.machine.trust == names.TRUST_BEST_EFFORT


def test_a_foreign_node_may_number_from_anywhere(host: Host) -> None:
    host.hear(nbirth(200, epoch=None), dbirth(201))
    only(host.hear(ddata(202, cycles_total=1)), LiveChanged)


def test_a_foreign_node_may_not_number_at_all(host: Host) -> None:
    host.hear(nbirth(None, epoch=None), dbirth(None))
    only(host.hear(ddata(None, cycles_total=1)), LiveChanged)
    only(host.hear(ddata(None, cycles_total=2)), LiveChanged)


def test_a_foreign_node_that_always_numbers_wrongly_is_taken_as_it_comes(host: Host) -> None:
    for _ in range(3):
        host.hear(nbirth(epoch=None), dbirth(0))
        host.wait(REORDER_MS)
        host.now_ms += GRACE_MS
    host.hear(nbirth(epoch=None), dbirth(0))
    only(host.hear(ddata(0, cycles_total=1)), LiveChanged)
    only(host.hear(ddata(0, cycles_total=2)), LiveChanged)


def test_a_foreign_death_without_its_number_counts(host: Host) -> None:
    host.hear(nbirth(epoch=None, bd_seq=None), dbirth(1))
    only(host.hear(ndeath(None)), NodeDied)


def test_a_foreign_node_cannot_deliver_records_without_an_epoch(host: Host) -> None:
    table = ndata(1, minutes(1, 1))[1].metrics[0].value
    host.hear(nbirth(epoch=None, more=[metric(names.RECORDS, None, DataType.DATASET, 22)]))
    refused = only(host.hear((topic("NDATA"), Payload(AT_MS, (metric(None, table, None, 22),), 1))), Refused)
    assert isinstance(refused, Refused)
    assert "delivery" in refused.reason
