"""Who wins when a machine shows another job than was entered."""

from itertools import pairwise

from aggregator.model.machine import MachineKey
from aggregator.model.work import Assignment, Source
from aggregator.work.agreement import ECHO_MS, PAUSES_MS, Seen, Verdict, Words, judge

MILL = MachineKey("aoki", "mc-01")
J = Assignment(1, MILL, "J", 0)
MINE = Assignment(1, MILL, "J", 0, source=Source.MEASURED)


def words(
    shows: str, wanted: Assignment | None = None, unheard: tuple[str, ...] = (), known: bool = False
) -> Words:
    return Words(shows, wanted, unheard, known)


def test_a_machine_is_told_at_once_and_again_with_growing_pauses() -> None:
    seen, told_ms = Seen(), []
    for now_ms in range(0, 400_000, 1_000):
        verdict, seen = judge(seen, words("", J), now_ms)
        if verdict is Verdict.TELL:
            assert seen.told == "J"
            told_ms.append(now_ms)
    assert told_ms[:5] == [0, 5_000, 15_000, 35_000, 75_000]
    assert {b - a for a, b in pairwise(told_ms[5:])} == {PAUSES_MS[-1]}


def test_a_machine_that_shows_what_is_wanted_is_left_alone() -> None:
    assert judge(Seen(), words("J", J), 0)[0] is Verdict.AGREED
    assert judge(Seen(), words(""), 0)[0] is Verdict.AGREED


def test_a_machine_that_has_not_heard_of_an_end_is_told_to_let_go() -> None:
    verdict, seen = judge(Seen("J"), words("J", None, ("J",), known=True), 0)
    assert (verdict, seen.told) == (Verdict.TELL, "")


def test_a_machine_that_names_an_open_job_of_its_factory_begins_it() -> None:
    assert judge(Seen(""), words("K", known=True), 0)[0] is Verdict.BEGAN
    assert judge(Seen(), words("K", known=True), 0)[0] is Verdict.BEGAN


def test_a_job_that_is_not_known_is_the_factorys_private_matter() -> None:
    assert judge(Seen(""), words("W-77"), 0)[0] is Verdict.PRIVATE


def test_after_a_persons_start_the_machines_newer_word_wins() -> None:
    _, seen = judge(Seen(""), words("J", J), 0)
    assert judge(seen, words("K", J, known=True), ECHO_MS)[0] is Verdict.BEGAN
    assert judge(seen, words("W-77", J), ECHO_MS)[0] is Verdict.LEFT


def test_a_persons_newer_start_wins_over_what_the_machine_showed_before() -> None:
    _, seen = judge(Seen(), words("K", known=True), 0)
    verdict, seen = judge(seen, words("K", J, known=True), 1_000)
    assert (verdict, seen.told) == (Verdict.TELL, "J")


def test_a_late_echo_is_not_the_machines_word() -> None:
    """J was told, then K was started; the machine shows J first."""
    _, seen = judge(Seen(), words("", J), 0)
    other = Assignment(2, MILL, "K", 500)
    _, seen = judge(seen, words("", other), 500)
    verdict, seen = judge(seen, words("J", other, known=True), 1_000)
    assert (verdict, seen.told) in ((Verdict.AGREED, "K"), (Verdict.TELL, "K"))
    assert judge(seen, words("K", other), 2_000)[0] is Verdict.AGREED


def test_an_echo_after_the_end_is_taken_back() -> None:
    _, seen = judge(Seen(), words("", J), 0)
    _, seen = judge(seen, words(""), 500)
    verdict, seen = judge(seen, words("J", None, known=True), 1_000)
    assert (verdict, seen.told) == (Verdict.TELL, "")


def test_a_machine_that_lost_the_job_of_a_person_is_told_again() -> None:
    _, seen = judge(Seen(), words("J", J), 0)
    verdict, seen = judge(seen, words("", J), 1_000)
    assert (verdict, seen.told) == (Verdict.TELL, "J")


def test_a_job_that_the_machine_began_ends_with_it() -> None:
    _, seen = judge(Seen(), words("J", MINE), 0)
    assert judge(seen, words("", MINE), 1_000)[0] is Verdict.LEFT
    assert judge(seen, words("K", MINE, known=True), 1_000)[0] is Verdict.BEGAN
    assert judge(Seen(), words("", MINE), 1_000)[0] is Verdict.LEFT
