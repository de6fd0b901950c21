"""The audit log only grows, and whoever changes it behind our back is found, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from aggregator.__main__ import main
from aggregator.store.audit import Audit, _hash, verify
from aggregator.store.database import open_engine, reading, writing
from aggregator.store.migration import migrate
from aggregator.store.planning_schema import audit, audit_end
from aggregator.store.timeseries import StoreError


@pytest.fixture
def log(engine: Engine) -> Engine:
    """A database with five entries."""
    for number in range(1, 6):
        Audit(engine).add(number, "kenta", "approved", f"2026-{number:04}-p1", {"reason": "納期"})
    return engine


def verified(engine: Engine) -> tuple[int, list[str]]:
    with reading(engine) as connection:
        return verify(connection)


@contextmanager
def tampering(engine: Engine) -> Iterator[Connection]:
    """Open the wall that the database itself is, as whoever owns it can."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        else:
            for what in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER audit_only_grows_{what}"))
        yield connection


def test_an_untouched_log_is_whole(log: Engine) -> None:
    assert verified(log) == (5, [])


def test_an_empty_log_is_whole(engine: Engine) -> None:
    assert verified(engine) == (0, [])


@pytest.mark.parametrize("statement", [update(audit).values(who="x"), delete(audit)])
def test_the_database_refuses_to_change_or_delete_entries(log: Engine, statement: object) -> None:
    with pytest.raises(StoreError, match="the audit log only grows"), writing(log) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
    assert verified(log) == (5, [])


@pytest.mark.parametrize(
    "change",
    [{"at_ms": 9}, {"who": "x"}, {"action": "x"}, {"subject": "x"}, {"detail": "{}"}, {"hash": "x"}],
)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_entry_is_found(log: Engine, number: int, change: dict[str, object]) -> None:
    with tampering(log) as connection:
        connection.execute(update(audit).where(audit.c.sequence == number).values(change))
    count, faults = verified(log)
    assert count == 5
    assert f"entry {number} was changed" in faults


@pytest.mark.parametrize("number", [1, 3, 5])
def test_an_entry_whose_hash_was_made_anew_is_found(log: Engine, number: int) -> None:
    with tampering(log) as connection:
        row = connection.execute(select(audit).where(audit.c.sequence == number)).one()
        content = (row.sequence, row.at_ms, "x", row.action, row.subject, row.detail, row.previous)
        changed = {"who": "x", "hash": _hash(*content)}
        connection.execute(update(audit).where(audit.c.sequence == number).values(changed))
    assert verified(log)[1]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1], "entry 1 is missing"),
        ([2, 3], "entry 2 to 3 are missing"),
        ([5], "entry 5 is missing at its end"),
        ([1, 2, 3, 4, 5], "entry 1 to 5 are missing at its end"),
    ],
)
def test_a_missing_entry_is_found(log: Engine, numbers: list[int], said: str) -> None:
    with tampering(log) as connection:
        connection.execute(delete(audit).where(audit.c.sequence.in_(numbers)))
    assert said in verified(log)[1]


def test_a_forged_entry_behind_the_last_is_found(log: Engine) -> None:
    with writing(log) as connection:
        last = connection.execute(select(audit.c.hash).where(audit.c.sequence == 5)).scalar_one()
        content = (6, 6, "x", "approved", "x", "{}", last)
        connection.execute(insert(audit).values((*content, _hash(*content))))
    assert verified(log)[1] == ["its last entry was noted as 5 with another content"]


def test_the_note_of_the_end_has_to_be_there(log: Engine) -> None:
    with writing(log) as connection:
        connection.execute(delete(audit_end))
    assert verified(log)[1] == ["the note of its last entry is missing"]


@pytest.mark.parametrize("missing", [[1, 2, 3, 4, 5], [4, 5], [5]])
def test_what_is_missing_at_the_end_stays_missing_when_the_log_goes_on(
    log: Engine, missing: list[int]
) -> None:
    with tampering(log) as connection:
        connection.execute(delete(audit).where(audit.c.sequence.in_(missing)))
    Audit(log).add(6, "kenta", "approved", "x", {})
    count, faults = verified(log)
    assert count == 6 - len(missing)
    said = f"{missing[0]} is" if len(missing) == 1 else f"{missing[0]} to 5 are"
    assert faults == [f"entry {said} missing"]


def test_a_last_entry_that_was_made_anew_is_found_when_the_log_goes_on(log: Engine) -> None:
    with tampering(log) as connection:
        row = connection.execute(select(audit).where(audit.c.sequence == 5)).one()
        content = (row.sequence, row.at_ms, "x", row.action, row.subject, row.detail, row.previous)
        changed = {"who": "x", "hash": _hash(*content)}
        connection.execute(update(audit).where(audit.c.sequence == 5).values(changed))
    Audit(log).add(6, "kenta", "approved", "x", {})
    assert verified(log) == (6, ["entry 6 does not follow the one before it: one of them was changed"])


def test_an_entry_forged_behind_the_last_stays_found_and_nobody_is_kept_from_deciding(log: Engine) -> None:
    with writing(log) as connection:
        last = connection.execute(select(audit.c.hash).where(audit.c.sequence == 5)).scalar_one()
        content = (6, 6, "x", "approved", "x", "{}", last)
        connection.execute(insert(audit).values((*content, _hash(*content))))
    Audit(log).add(7, "kenta", "approved", "x", {})
    assert verified(log) == (7, ["entry 7 does not follow the one before it: one of them was changed"])


def test_a_lost_note_of_the_end_stays_found_when_the_log_goes_on(log: Engine) -> None:
    with writing(log) as connection:
        connection.execute(delete(audit_end))
    Audit(log).add(6, "kenta", "approved", "x", {})
    assert verified(log) == (6, ["entry 6 does not follow the one before it: one of them was changed"])


def test_the_command_says_it_in_one_sentence(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    monkeypatch.setenv("MACHIKOBA_DATABASE_URL", database_url)
    for number in range(3):
        Audit(engine).add(number, "kenta", "approved", "x", {})
    assert main(["db", "verify", "--federation", "a"]) == 0
    assert "the audit log is whole: 3 entries" in capsys.readouterr().out
    with tampering(engine) as connection:
        connection.execute(delete(audit).where(audit.c.sequence == 2))
    engine.dispose()
    assert main(["db", "verify", "--federation", "a"]) == 1
    error = capsys.readouterr().err
    assert "the audit log was tampered with: entry 2 is missing" in error and error.count("\n") == 1
