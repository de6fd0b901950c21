"""Lines are those that the client library makes, whatever stands in ids and jobs."""

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.influx import points

TEXT = st.text(st.characters(blacklist_categories=["C"]), min_size=1, max_size=12)
JOB = st.one_of(TEXT, st.sampled_from(["", '"', "\\", '\\"', "a b,c=d", "a\nb", "注文-1"]))


@given(factory=TEXT, machine=TEXT, job=JOB, number=st.integers(-1, 2**63 - 1))
def test_a_line_is_the_librarys(factory: str, machine: str, job: str, number: int) -> None:
    key = MachineKey(factory, machine)
    window = Window(key, 1_795_446_000_000, 60_000, (1, 2, 3, 4, 5, 59_985), 7, 5, None, number, job)
    fields: dict[str, int | str] = dict(
        zip(points.SUM_FIELDS, (60_000, 1, 2, 3, 4, 5, 59_985, 7, 5, 1, 0, 0), strict=True)
    )
    library = points.made_line(
        points.WINDOWS,
        {"factory": factory, "machine": machine},
        window.start_ms,
        {**fields, "cycles_total": number, "job": job},
    )
    assert points.window_line(window) == library
