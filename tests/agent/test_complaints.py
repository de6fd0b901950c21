"""Complaints: a log that stays readable whatever others send."""

from agent.complaints import PER_PERIOD, PERIOD_S, Complaints


def told(complaints: Complaints, what: str, now_s: float) -> list[str]:
    return list(complaints.about(what, now_s))


def test_the_same_complaint_is_told_once_in_a_row() -> None:
    complaints = Complaints()
    said = [told(complaints, what, 5) for what in ("bad topic", "bad topic", "bad job", "bad topic")]
    assert said == [["bad topic"], [], ["bad job"], ["bad topic"]]


def test_a_flood_is_held_back_and_counted() -> None:
    complaints = Complaints()
    flood = [told(complaints, f"bad job {number}", number / 100) for number in range(1_000)]
    assert sum(map(len, flood)) == PER_PERIOD
    assert told(complaints, "bad job x", PERIOD_S) == [
        f"{1_000 - PER_PERIOD} more complaints of this kind were not logged",
        "bad job x",
    ]


def test_after_a_quiet_time_nothing_is_said_of_the_past() -> None:
    complaints = Complaints()
    assert told(complaints, "bad topic", 0) == ["bad topic"]
    assert told(complaints, "bad job", 10 * PERIOD_S) == ["bad job"]
