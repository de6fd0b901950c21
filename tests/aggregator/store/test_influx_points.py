"""Lines are those that the client library makes, whatever stands in ids, jobs and names."""

from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.influx import points

TEXT = st.text(st.characters(blacklist_categories=["C"]), min_size=1, max_size=12)
JOB = st.one_of(TEXT, st.sampled_from(["", '"', "\\", '\\"', "a b,c=d", "a\nb", "注文-1"]))


@given(factory=TEXT, machine=TEXT, text=JOB, number=st.integers(-1, 2**63 - 1))
def test_a_line_is_the_librarys(factory: str, machine: str, text: str, number: int) -> None:
    ours = points.made_line("m", {"factory": factory, "machine": machine}, 1_795, {"a": number, "z": text})
    library = Point("m").tag("factory", factory).tag("machine", machine).field("a", number)  # type: ignore[no-untyped-call]
    assert ours == library.field("z", text).time(1_795, WritePrecision.MS).to_line_protocol()


def test_a_window_has_all_its_fields() -> None:
    window = Window(MachineKey("f 1", "m,1"), 9, 60_000, (1, 2, 3, 4, 5, 59_985), 7, 5, None, None, "J")
    assert points.window_line(window) == (
        "windows,factory=f\\ 1,machine=m\\,1 length_ms=60000i,running_ms=1i,setup_ms=2i,idle_ms=3i,"
        "down_ms=4i,planned_stop_ms=5i,offline_ms=59985i,cycles=7i,good=5i,good_known=1i,scrap=0i,scrap_known=0i,"
        'cycles_total=-1i,job="J" 9'
    )


def test_shares_are_floats() -> None:
    assert points.made_line("m", {}, 1, {"a": 0.0, "b": 1e-07, "c": 2 / 3}) == (
        "m a=0.0,b=1e-07,c=0.6666666666666666 1"
    )
