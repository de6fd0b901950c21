import threading

import pytest
from sqlalchemy import Engine

from aggregator.model.consent import UNASKED, Field
from aggregator.store.audit import Audit
from aggregator.store.consents import ConsentStore

AT_MS = 1_000


@pytest.fixture
def store(engine: Engine) -> ConsentStore:
    return ConsentStore(engine)


def test_nobody_answered_yet_and_the_defaults_hold(store: ConsentStore) -> None:
    consents = store.read()
    assert {field: consents.agrees("aoki", field) for field in Field} == dict(UNASKED)
    assert [each.changed_by for each in consents.of("aoki")] == [None] * len(Field)


def test_an_answer_holds_for_its_factory_and_field_alone(store: ConsentStore) -> None:
    assert store.change("aoki", Field.NAME_TO_BUYERS, True, "hana", AT_MS)
    consents = store.read()
    assert consents.agrees("aoki", Field.NAME_TO_BUYERS)
    assert not consents.agrees("sakura", Field.NAME_TO_BUYERS)
    assert consents.agrees("aoki", Field.BANDS) == UNASKED[Field.BANDS]


def test_what_is_taken_back_is_gone_at_the_next_look(store: ConsentStore) -> None:
    store.change("aoki", Field.NAME_TO_BUYERS, True, "hana", AT_MS)
    store.change("aoki", Field.NAME_TO_BUYERS, False, "ken", AT_MS + 1)
    assert not store.read().agrees("aoki", Field.NAME_TO_BUYERS)


def test_every_change_is_in_the_audit_log_and_no_change_is_not(store: ConsentStore, engine: Engine) -> None:
    assert store.change("aoki", Field.BANDS, False, "hana", AT_MS)
    assert not store.change("aoki", Field.BANDS, False, "hana", AT_MS + 1)
    assert store.change("aoki", Field.BANDS, True, "ken", AT_MS + 2)
    entries = Audit(engine).entries("aoki")
    assert [(each.who, each.action, each.at_ms) for each in entries] == [
        ("ken", "consent changed", AT_MS + 2),
        ("hana", "consent changed", AT_MS),
    ]
    assert dict(entries[0].detail) == {"field": "bands", "granted": True, "before": False}


def test_of_many_who_give_the_same_answer_at_once_one_changes_it(store: ConsentStore, engine: Engine) -> None:
    start, changed = threading.Barrier(6), list[bool]()

    def answer(who: str) -> None:
        start.wait()
        changed.append(store.change("aoki", Field.NAME_TO_BUYERS, True, who, AT_MS))

    threads = [threading.Thread(target=answer, args=(f"person-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(changed) == [False] * 5 + [True]
    assert len(Audit(engine).entries("aoki")) == 1
