"""The line to real brokers, as an independent subscriber sees it."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agent.contract import names
from agent.contract.sparkplug import DataType, Metric, Payload, encode
from agent.contract.states import State
from agent.measuring.machine import Live
from agent.outbox import open_outbox
from agent.publisher import Publisher
from tests.agent import brokers
from tests.agent.brokers import BROKERS, Broker, publish_raw
from tests.agent.centre import Centre
from tests.agent.configs import settings
from tests.agent.publishing import HEALTH, IDLE, now, running, until
from tests.agent.records import NOON_MS, windows


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with brokers.running(request.param, tmp_path) as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path) as broker:
        yield broker


@pytest.fixture
def centre(broker: Broker) -> Iterator[Centre]:
    with Centre(broker.port) as centre:
        yield centre


def is_born(centre: Centre, times: int = 1) -> bool:
    return len(centre.of_type("NBIRTH")) == times and len(centre.of_type("DBIRTH")) == 2 * times


async def test_births_come_first_and_deaths_last_with_seq_over_all(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    async with running(settings(tmp_path, broker.port)) as line:
        await line.append(*windows(1, 3))
        await until(line.publisher.delivered.is_set, "all is stored")
    await until(lambda: centre.of_type("NDEATH"), "the goodbye")
    types = [heard.type for heard in centre.heard]
    assert types[:3] == ["NBIRTH", "DBIRTH", "DBIRTH"]
    assert types[-3:] == ["DDEATH", "DDEATH", "NDEATH"]
    assert [heard.payload.seq for heard in centre.heard[:-1]] == list(range(len(types) - 1))
    birth, death = centre.of_type("NBIRTH", "NDEATH")
    assert death.payload.seq is None
    assert [metric.value for metric in death.payload.metrics] == [birth.payload.metrics[0].value]
    assert not any(heard.retain for heard in centre.heard)
    assert all(metric.timestamp_ms for heard in centre.heard for metric in heard.payload.metrics)
    assert centre.records() == windows(1, 3)


async def test_births_tell_who_and_how_the_factory_is(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    async with running(settings(tmp_path, broker.port)) as line:
        await until(lambda: is_born(centre), "births")
        node, machine = centre.live("fujimi"), centre.live("fujimi", "pr-02")
        assert node.items() >= HEALTH.items()
        assert (node[names.EPOCH], node[names.NAME]) == (line.outbox.epoch, "富士見プレス")
        assert (node[names.FORGOTTEN_THROUGH], node[names.OUTBOX_RECORDS]) == (0, 0)
        assert (machine[names.STATE], machine[names.CYCLES_TOTAL]) == ("IDLE", 100)
        assert (machine[names.NAME], machine[names.PROCESS]) == ("プレス 1号機", "pressing")


async def test_live_values_go_out_as_they_change(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    async with running(settings(tmp_path, broker.port)) as line:
        await until(lambda: is_born(centre), "births")
        line.publisher.show("pr-02", Live(State.RUNNING, NOON_MS + 1, 101, 0.25, "job-1"))
        await until(lambda: centre.live("fujimi", "pr-02")["State"] == "RUNNING", "the state")
        found = centre.live("fujimi", "pr-02")
        assert (found["State Since"], found["Cycles Total"]) == (NOON_MS + 1, 101)
        assert (found["Utilization"], found["Job"]) == (0.25, "job-1")
        assert centre.live("fujimi", "pr-01")["State"] == "IDLE"
        (data,) = centre.of_type("DDATA")
        assert all(metric.name is None and metric.datatype is None for metric in data.payload.metrics)


async def test_a_machine_that_cannot_be_read_dies_and_is_born_again(
    mosquitto: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sparkplug 3.0, 5.7; what is known of it, that it is unknown, is delivered all the same."""
    monkeypatch.setattr("agent.reach.LOST_S", 0.3)
    with Centre(mosquitto.port) as centre:
        async with running(settings(tmp_path, mosquitto.port)) as line:
            await until(lambda: is_born(centre), "births")
            line.publisher.reach("pr-02", False)
            line.publisher.show("pr-02", Live(State.OFFLINE, NOON_MS + 1, 100, None, ""))
            await until(lambda: centre.of_type("DDEATH"), "its death")
            assert [heard.machine for heard in centre.of_type("DDEATH")] == ["pr-02"]
            assert centre.live("fujimi", "pr-02")["State"] == "OFFLINE"

            line.publisher.show("pr-02", Live(State.OFFLINE, NOON_MS + 1, 100, None, "job-1"))
            line.publisher.show("pr-01", Live(State.RUNNING, NOON_MS + 1, 101, None, ""))
            await line.append(*windows(1, 2))
            await until(line.publisher.delivered.is_set, "records go on")
            await until(lambda: centre.live("fujimi", "pr-01")["State"] == "RUNNING", "so do the others")
            data = [heard.machine for heard in centre.of_type("DDATA")]
            assert data.count("pr-02") == 1, "nothing of a dead machine but its last word"

            centre.rebirth("fujimi")
            await until(lambda: len(centre.of_type("DDEATH")) == 2, "born with the others, it dies again")
            line.publisher.show("pr-02", Live(State.RUNNING, NOON_MS + 9, 107, None, "job-1"))
            line.publisher.reach("pr-02", True)
            await until(lambda: len(centre.of_type("DBIRTH")) == 5, "it is born again")
            found = centre.live("fujimi", "pr-02")
            assert (found["State"], found["Cycles Total"], found["Job"]) == ("RUNNING", 107, "job-1")
        await until(lambda: centre.of_type("NDEATH"), "the goodbye")
        sent = [heard for heard in centre.heard if heard.type != "NDEATH"]
        births = [place for place, heard in enumerate(sent) if heard.type == "NBIRTH"]
        numbers = [heard.payload.seq for heard in sent]
        assert numbers == [*range(births[1]), *range(len(sent) - births[1])]


async def test_a_rebirth_is_given_when_asked_for_and_keeps_the_number(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    async with running(settings(tmp_path, broker.port)):
        await until(lambda: is_born(centre), "births")
        for _ in range(20):
            centre.rebirth("fujimi")
        await until(lambda: is_born(centre, 2), "births again")
        first, second = centre.of_type("NBIRTH")
        assert first.payload.metrics[0].value == second.payload.metrics[0].value
        assert second.payload.seq == 0
        await asyncio.sleep(0.5)
        assert is_born(centre, 2), "many requests at once are one"


async def test_each_connection_has_the_next_number_and_history_is_marked(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    async with running(settings(tmp_path, broker.port)) as line:
        await until(lambda: is_born(centre), "births")
        await line.append(*windows(1, 2))
        await until(line.publisher.delivered.is_set, "all is stored")
    assert not any(centre.historical())
    outbox = open_outbox(tmp_path)
    outbox.append(windows(3, 4), {})
    outbox.close()
    async with running(settings(tmp_path, broker.port)) as line:
        await until(line.publisher.delivered.is_set, "what had waited is stored")
        assert centre.historical()[-1]
    assert [heard.payload.metrics[0].value for heard in centre.of_type("NBIRTH")] == [0, 1]
    assert centre.records() == windows(1, 4)


async def test_what_is_not_announced_is_sent_again_and_kept(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    centre.announces = False
    async with running(settings(tmp_path, broker.port, {"timeout_s": 0.3})) as line:
        await until(lambda: is_born(centre), "births")
        await line.append(*windows(1, 3))
        (stored,) = await _stored_times(centre, 3)
        assert set(stored) == {1, 2, 3}
        assert line.outbox.pending_count == 3
        assert centre.historical()[0] is False
        assert all(centre.historical()[1:])
        centre.announces = True
        await until(line.publisher.delivered.is_set, "all is stored")
    assert centre.records() == windows(1, 3)


async def _stored_times(centre: Centre, times: int) -> list[dict[int, int]]:
    def came() -> bool:
        epochs = list(centre.epochs.values())
        return bool(epochs) and min(epochs[0].times.values(), default=0) >= times

    await until(came, f"every record came {times} times")
    return [stored.times for stored in centre.epochs.values()]


async def test_false_announcements_are_ignored_and_told_once(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    centre.announces = False
    async with running(settings(tmp_path, broker.port)) as line:
        await line.append(*windows(1, 3))
        await until(lambda: centre.records() == windows(1, 3), "all has come")
        for _ in range(5):
            centre.announce("fujimi", "not ours", 3)
        line.publisher.show("pr-01", Live(State.DOWN, NOON_MS + 1, 100, None, ""))
        centre.command("fujimi", Metric(names.JOB, "seen", DataType.STRING), machine="pr-01")
        await until(lambda: line.jobs, "the command behind them")
        assert line.outbox.pending_count == 3
        assert caplog.text.count("it is for the epoch 'not ours'") == 1
        centre.announce("fujimi", line.outbox.epoch, 3)
        await until(line.publisher.delivered.is_set, "the true announcement counts")


@pytest.mark.parametrize("boots_alone", [0, 2], ids=["broker there", "broker away at two starts"])
async def test_an_outbox_that_was_restored_from_an_old_copy_delivers_under_a_new_epoch(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture, boots_alone: int
) -> None:
    line_to = settings(tmp_path, broker.port, {"in_flight_records": 20, "timeout_s": 30})
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 10), {})
    outbox.close()
    file = tmp_path / "outbox.db"
    copy = await asyncio.to_thread(file.read_bytes)
    async with running(line_to) as line:
        await line.append(*windows(11, 200))
        await until(line.publisher.delivered.is_set, "all is stored")
        old = line.outbox.epoch
    await asyncio.to_thread(file.write_bytes, copy)
    centre.is_strict = False
    if boots_alone:
        broker.kill()
    last = 200
    for _ in range(boots_alone):  # its sequences pass what the centre knows before it can hear so
        async with running(line_to) as line:
            await line.append(*windows(last + 1, last + 200))
            last += 200
    async with running(line_to) as line:
        assert line.outbox.epoch == old
        await line.append(*windows(last + 1, last + 100))
        last += 100
        if boots_alone:
            await asyncio.to_thread(broker.start)
        await until(lambda: line.outbox.epoch != old, "the outbox is renewed")
        await line.append(*windows(last + 1, last + 10))
        await until(line.publisher.delivered.is_set, "all is stored")
        new = line.outbox.epoch
        await until(lambda: _epoch_of_birth(centre) == new, "births tell of it")
    assert "its file is an old copy" in caplog.text
    assert centre.epochs[old].records == dict(enumerate(windows(1, 200), start=1))
    assert [record for _, record in sorted(centre.epochs[new].records.items())] == [
        *windows(1, 10),
        *windows(201, last + 10),
    ]


async def test_a_restored_outbox_that_hears_nothing_for_a_time_out_sends_nothing_under_its_old_epoch(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The centre is away: its old word, heard when it is back, makes nothing forgotten that it never got."""
    caplog.set_level("INFO")
    line_to = settings(tmp_path, broker.port, {"timeout_s": 1})
    file = tmp_path / "outbox.db"
    async with running(line_to) as line:
        await line.append(*windows(1, 10))
        await until(line.publisher.delivered.is_set, "all is stored")
    copy = await asyncio.to_thread(file.read_bytes)
    async with running(line_to) as line:
        await line.append(*windows(11, 60))
        await until(line.publisher.delivered.is_set, "what the copy does not know is stored too")
        old = line.outbox.epoch
    await asyncio.to_thread(file.write_bytes, copy)
    centre.stores = centre.announces = False
    async with running(line_to) as line:
        await line.append(*windows(101, 180))
        await until(lambda: _epoch_of_birth(centre) != old, "births of a new epoch")
        new = line.outbox.epoch
        centre.announce("fujimi", old, 60)
        await line.append(*windows(181, 190))
        centre.stores = centre.announces = True
        await until(line.publisher.delivered.is_set, "all is stored")
        assert line.outbox.epoch == new, "once is enough"
    assert "does not say how far it has stored" in caplog.text
    assert centre.epochs[old].records == dict(enumerate([*windows(1, 10), *windows(11, 60)], start=1))
    assert [record for _, record in sorted(centre.epochs[new].records.items())] == windows(101, 190)


def _epoch_of_birth(centre: Centre) -> object:
    metrics = centre.of_type("NBIRTH")[-1].payload.metrics
    return {metric.name: metric.value for metric in metrics}[names.EPOCH]


async def test_false_announcements_make_the_outbox_new_but_once(
    mosquitto: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Centre(mosquitto.port) as centre:
        centre.announces = False
        async with running(settings(tmp_path, mosquitto.port)) as line:
            await line.append(*windows(1, 3))
            await until(lambda: centre.records() == windows(1, 3), "all has come")
            epochs = {line.outbox.epoch}
            for _ in range(3):
                centre.announce("fujimi", line.outbox.epoch, 10**9)
                await asyncio.sleep(0.3)
                epochs.add(line.outbox.epoch)
            assert len(epochs) == 2
            assert line.outbox.pending_count == 3
            centre.announces = True
            centre.announce("fujimi", line.outbox.epoch, 3)
            await until(line.publisher.delivered.is_set, "the true announcement counts")


async def test_malformed_commands_are_ignored_and_told(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(settings(tmp_path, broker.port)) as line:
        await until(lambda: is_born(centre), "births")
        centre.publish("fujimi", b"\xff\xff\xff")
        centre.publish("fujimi", b"")
        centre.command("fujimi", Metric("Nonsense", 1, DataType.INT64))
        centre.command("fujimi", Metric(names.JOB, "x", DataType.STRING), machine="pr-99")
        centre.command("fujimi", Metric(names.STATE, "IDLE", DataType.STRING), machine="pr-01")
        centre.command("fujimi", Metric(names.JOB, "受注-7", DataType.STRING), machine="pr-01")
        await until(lambda: line.jobs == [("pr-01", "受注-7")], "the right command behind them")
    for told in (
        "3 bytes are no Sparkplug payload",
        "unknown metric 'Nonsense'",
        "there is no machine 'pr-99' here",
        "State cannot be written",
    ):
        assert told in caplog.text


async def test_a_command_that_someone_left_on_the_broker_is_refused_at_every_connection(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = encode(Payload(1, (Metric(names.JOB, "of last week", DataType.STRING),)))
    centre.publish("fujimi", left, "pr-01", retain=True)
    async with running(settings(tmp_path, broker.port)) as line:
        await until(lambda: "it is retained, so it may be long out of date" in caplog.text, "it is told")
        await until(lambda: is_born(centre), "births")
        centre.command("fujimi", Metric(names.JOB, "of today", DataType.STRING), machine="pr-01")
        await until(lambda: line.jobs, "the command")
        assert line.jobs == [("pr-01", "of today")]


async def test_a_flood_of_malformed_commands_leaves_a_short_log(
    mosquitto: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Centre(mosquitto.port) as centre:
        async with running(settings(tmp_path, mosquitto.port)) as line:
            await until(lambda: is_born(centre), "births")
            for number in range(300):
                centre.command("fujimi", Metric(f"Nonsense {number}", number, DataType.INT64))
            centre.command("fujimi", Metric(names.JOB, "x", DataType.STRING), machine="pr-01")
            await until(lambda: line.jobs, "the right command behind them")
    assert caplog.text.count("is ignored: unknown metric") <= 5


async def test_a_topic_that_no_broker_should_pass_on_does_not_cost_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with brokers.running("iotcore", tmp_path) as broker, Centre(broker.port) as centre:
        async with running(settings(tmp_path, broker.port)) as line:
            await until(lambda: is_born(centre), "births")
            for _ in range(20):
                await asyncio.to_thread(publish_raw, broker.port, b"spBv1.0/higashimachi/DCMD/fujimi/+")
            centre.command("fujimi", Metric(names.JOB, "受注-7", DataType.STRING), machine="pr-01")
            await until(lambda: line.jobs, "the right command behind it")
            assert line.publisher.reconnects == 0
        assert len(centre.of_type("NBIRTH")) == 1
    assert "exception" not in caplog.text


async def test_another_factorys_commands_do_not_reach_us(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    async with running(settings(tmp_path, broker.port)) as line:
        await until(lambda: is_born(centre), "births")
        centre.command("other", Metric(names.JOB, "theirs", DataType.STRING), machine="pr-01")
        centre.command("fujimi", Metric(names.JOB, "ours", DataType.STRING), machine="pr-01")
        await until(lambda: line.jobs, "the command")
        assert line.jobs == [("pr-01", "ours")]


async def test_a_backlog_is_delivered_in_order_and_in_small_messages(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 5_000), {})
    outbox.close()
    async with running(
        settings(tmp_path, broker.port, {"in_flight_records": 500, "records_per_s": 1e5})
    ) as line:
        await until(line.publisher.delivered.is_set, "the backlog is stored")
    assert centre.records() == windows(1, 5_000)
    (stored,) = centre.epochs.values()
    assert set(stored.times.values()) == {1}, "nothing was sent twice without need"
    assert max(heard.size for heard in centre.heard) <= 16 * 1024


async def test_seq_goes_round_after_255_and_a_birth_begins_it_anew(mosquitto: Broker, tmp_path: Path) -> None:
    one_each = settings(tmp_path, mosquitto.port, {"records_per_message": 1})
    with Centre(mosquitto.port) as centre:
        async with running(one_each) as line:
            await line.append(*windows(1, 700))
            await until(line.publisher.delivered.is_set, "all is stored")
            centre.rebirth("fujimi")
            await until(lambda: is_born(centre, 2), "the second births")
        await until(lambda: centre.of_type("NDEATH"), "the goodbye")
        heard = centre.heard[:-1]  # NDEATH has no seq
    second = [message.type for message in heard].index("NBIRTH", 1)
    seqs = [message.payload.seq for message in heard]
    assert second > 700
    assert seqs[:second] == [number % 256 for number in range(second)]
    assert seqs[second:] == list(range(len(heard) - second))


async def test_a_change_of_state_overtakes_a_backlog(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 20_000), {})
    outbox.close()
    async with running(settings(tmp_path, broker.port, {"records_per_s": 8_000})) as line:
        await until(lambda: len(centre.of_type("NDATA")) > 5, "the backlog flows")
        line.publisher.show("pr-01", Live(State.RUNNING, NOON_MS + 1, 100, None, ""))
        await until(lambda: centre.live("fujimi", "pr-01")["State"] == "RUNNING", "the state")
        assert line.outbox.pending_count > 1_000
        await until(line.publisher.delivered.is_set, "the backlog is stored")
    assert len(centre.records()) == 20_000


async def test_a_broker_that_dies_is_found_again_and_nothing_is_lost(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # What goes out before the centre has subscribed again is lost, and comes after the time-out.
    async with running(settings(tmp_path, broker.port, {"timeout_s": 2})) as line:
        await line.append(*windows(1, 100))
        await until(lambda: is_born(centre), "births")
        broker.kill()
        await line.append(*windows(101, 200))
        line.publisher.show("pr-01", Live(State.DOWN, NOON_MS + 5, 100, None, ""))
        await until(lambda: "is lost" in caplog.text or "cannot be reached" in caplog.text, "it is said")
        await asyncio.to_thread(broker.start)
        await until(line.publisher.delivered.is_set, "all is stored")
        await until(lambda: line.publisher.reconnects == 1, "one reconnect is counted")
        # The centre may subscribe too late for the births, and then asks for them.
        centre.rebirth("fujimi")
        await until(lambda: centre.live("fujimi", "pr-01")["State"] == "DOWN", "the present is told")
    assert centre.records() == windows(1, 200)
    assert caplog.text.count("trying again until it works") == 1
    assert caplog.text.count(f"connected to the MQTT broker 127.0.0.1:{broker.port} again") == 1


async def test_a_line_that_is_cut_makes_the_broker_publish_the_will(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    outbox = open_outbox(tmp_path)
    publisher = Publisher(
        settings(tmp_path, broker.port), outbox, now, health=lambda: HEALTH, set_job=lambda *_: None
    )
    for machine in ("pr-01", "pr-02"):
        publisher.show(machine, IDLE)
    others = _sockets_to(broker.port)
    task = asyncio.create_task(publisher.run())
    await until(lambda: is_born(centre), "births")
    (ours,) = _sockets_to(broker.port) - others
    _cut(ours)
    await until(lambda: centre.of_type("NDEATH"), "the will")
    await until(lambda: len(centre.of_type("NBIRTH")) == 2, "the agent is back")
    publisher.stop()
    await task
    outbox.close()
    will = centre.of_type("NDEATH")[0]
    assert (will.payload.seq, [metric.value for metric in will.payload.metrics]) == (None, [0])
    assert centre.of_type("NBIRTH")[1].payload.metrics[0].value == 1
    assert not will.retain


def _sockets_to(port: int) -> set[int]:
    """Return the file numbers of this process's connections to a port."""
    connections = psutil.Process().net_connections("tcp")
    return {found.fd for found in connections if found.raddr and found.raddr.port == port}


def _cut(file_number: int) -> None:
    """Shut a connection down as a network would: without a word of MQTT."""
    found = socket.socket(fileno=file_number)
    found.shutdown(socket.SHUT_RDWR)
    found.detach()


async def test_it_waits_for_a_broker_that_is_not_there_and_stops_when_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with running(settings(tmp_path, closed.getsockname()[1])):
            await until(lambda: "cannot be reached" in caplog.text, "it is said")
            await asyncio.sleep(1.2)
    assert caplog.text.count("cannot be reached") == 1
    assert "check mqtt.host and mqtt.port, and that the broker runs; records are kept" in caplog.text


async def test_mqtt_5_works_as_well(mosquitto: Broker, tmp_path: Path) -> None:
    with Centre(mosquitto.port) as centre:
        async with running(settings(tmp_path, mosquitto.port, protocol="5")) as line:
            await line.append(*windows(1, 3))
            await until(line.publisher.delivered.is_set, "all is stored")
        await until(lambda: centre.of_type("NDEATH"), "the goodbye")
        assert centre.records() == windows(1, 3)
