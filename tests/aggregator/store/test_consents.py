from pathlib import Path

import pytest

from aggregator.model.consent import UNASKED, Field
from aggregator.services import Services
from tests.aggregator.town import found_town

AT_MS = 1_000


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return found_town(tmp_path, settled=False).services


def test_nobody_answered_yet_and_the_defaults_hold(services: Services) -> None:
    consents = services.consents.read()
    assert {field: consents.agrees("aoki", field) for field in Field} == dict(UNASKED)
    assert [each.changed_by for each in consents.of("aoki")] == [None] * len(Field)


def test_an_answer_holds_for_its_factory_and_field_alone(services: Services) -> None:
    assert services.consents.change("aoki", Field.NAME_TO_BUYERS, True, "hana", AT_MS)
    consents = services.consents.read()
    assert consents.agrees("aoki", Field.NAME_TO_BUYERS)
    assert not consents.agrees("sakura", Field.NAME_TO_BUYERS)
    assert consents.agrees("aoki", Field.BANDS) == UNASKED[Field.BANDS]


def test_what_is_taken_back_is_gone_at_the_next_look(services: Services) -> None:
    services.consents.change("aoki", Field.NAME_TO_BUYERS, True, "hana", AT_MS)
    services.consents.change("aoki", Field.NAME_TO_BUYERS, False, "ken", AT_MS + 1)
    assert not services.consents.read().agrees("aoki", Field.NAME_TO_BUYERS)


def test_every_change_is_in_the_audit_log_and_no_change_is_not(services: Services) -> None:
    assert services.consents.change("aoki", Field.BANDS, False, "hana", AT_MS)
    assert not services.consents.change("aoki", Field.BANDS, False, "hana", AT_MS + 1)
    assert services.consents.change("aoki", Field.BANDS, True, "ken", AT_MS + 2)
    entries = services.audit.entries("aoki")
    assert [(each.who, each.action, each.at_ms) for each in entries] == [
        ("ken", "consent changed", AT_MS + 2),
        ("hana", "consent changed", AT_MS),
    ]
    assert dict(entries[0].detail) == {"field": "bands", "granted": True, "before": False}
