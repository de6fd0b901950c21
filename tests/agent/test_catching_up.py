"""What an agent says of its progress: little, and what an installer wants to know."""

from agent.catching_up import CatchingUp


def test_a_few_records_are_no_word_worth() -> None:
    catching_up = CatchingUp()
    assert [catching_up.note(waiting, at) for at, waiting in enumerate((0, 40, 999, 3))] == [None] * 4


def test_beginning_progress_and_end_are_told() -> None:
    catching_up = CatchingUp()
    said = [catching_up.note(max(0, 120_000 - 1_000 * at_s), at_s) for at_s in range(0, 130, 5)]
    assert [each for each in said if each] == [
        "120000 records wait and are delivered now",
        "catching up: 90000 records wait, about 2 min to go",
        "catching up: 60000 records wait, about 1 min to go",
        "catching up: 30000 records wait, about 0 min to go",
        "caught up: 120000 records in 120 s",
    ]
    assert catching_up.note(5_000, 1_000) == "5000 records wait and are delivered now"


def test_a_centre_that_takes_nothing_is_told_too() -> None:
    catching_up = CatchingUp()
    assert catching_up.note(5_000, 0) is not None
    assert catching_up.note(5_100, 31) == "catching up: 5100 records wait, and they become no fewer"
