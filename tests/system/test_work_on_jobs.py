"""Two jobs on a simulated press, with kills in between: what the API counts for them is the ground truth.

The first is started, and the aggregator killed; it ends, and the second starts, while the broker is away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.stack import running, wait_until
from tests.system.press import PATIENCE_S, Press, Sums, now_ms

MINUTE_MS = 60_000


@dataclass
class Shift:
    """What was made, and when; in every one of the three moments the press stood."""

    press: Press
    first: str
    second: str
    began_ms: int = 0
    changed_ms: int = 0
    ended_ms: int = 0

    @property
    def made_first(self) -> Sums:
        """What the press really made for the first job."""
        return self.press.made(self.began_ms, self.changed_ms)

    @property
    def made_second(self) -> Sums:
        """What the press really made for the second job."""
        return self.press.made(self.changed_ms, self.ended_ms)


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    with running(tmp_path_factory.mktemp("work"), "test") as stack:
        press = Press(stack)
        shift = Shift(press, press.approve(), press.approve())
        begin(shift)
        press.kill_aggregator()
        press.shows(shift.first)
        press.works_for(3)
        change_without_broker(shift)
        press.works_for(1)
        stack.start_broker()
        press.shows(shift.second)
        press.works_for(3)
        end(shift)
        yield shift


def begin(shift: Shift) -> None:
    """Start the first job."""
    press = shift.press
    with press.standing():
        press.start_agent()
        press.seen_standing()
        press.post(f"jobs/{shift.first}/start", machine="pr-01", request="tablet-0001")
        shift.began_ms = now_ms()
        press.shows(shift.first)


def change_without_broker(shift: Shift) -> None:
    """End the first job and start the second; the agent does not hear of it, its next window counts."""
    press = shift.press
    with press.standing():
        press.seen_standing()
        press.stack.end("broker")
        press.post(f"jobs/{shift.first}/pause")
        press.post(f"jobs/{shift.second}/start", machine="pr-01")
        shift.changed_ms = now_ms()
        next_minute_ms = (shift.changed_ms // MINUTE_MS + 1) * MINUTE_MS
        wait_until(lambda: now_ms() > next_minute_ms, "the next window begins", PATIENCE_S)


def end(shift: Shift) -> None:
    """Finish the second job."""
    press = shift.press
    with press.standing():
        press.seen_standing()
        press.post(f"jobs/{shift.second}/finish", reason="材料の不足")
        shift.ended_ms = now_ms()
        press.shows("")


def test_a_job_counts_exactly_what_was_made_for_it_though_the_aggregator_was_killed(shift: Shift) -> None:
    made = shift.made_first
    assert made.good > 0
    assert shift.press.settled(shift.first, made) == made


def test_a_job_that_was_started_while_the_broker_was_away_counts_all_the_same(shift: Shift) -> None:
    made = shift.made_second
    assert made.good > 0
    assert shift.press.settled(shift.second, made) == made


def test_time_that_was_counted_for_the_wrong_job_moves_to_the_right_one_and_back(shift: Shift) -> None:
    both = Sums(*(sum(pair) for pair in zip(shift.made_first, shift.made_second, strict=True)))
    count_second_part_for(shift, shift.first)
    assert shift.press.settled(shift.first, both) == both
    assert shift.press.settled(shift.second, Sums(0, 0)) == Sums(0, 0)
    count_second_part_for(shift, shift.second)
    assert shift.press.settled(shift.first, shift.made_first) == shift.made_first
    assert shift.press.settled(shift.second, shift.made_second) == shift.made_second


def count_second_part_for(shift: Shift, job: str) -> None:
    """Correct it as people do who find their mistake afterwards."""
    since, until = (
        datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (shift.changed_ms, shift.ended_ms)
    )
    shift.press.post(
        f"jobs/{shift.first}/correct",
        **{"machine": "pr-01", "since": since, "until": until, "right": job, "reason": "入力の間違い"},
    )
