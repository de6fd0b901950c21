"""Whatever stands in a field of a form, it is understood or it is wrong."""

from zoneinfo import ZoneInfo

import pytest

from aggregator.web.entered_text import NO_MOMENT, EnteredText


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize(
    "text", ["", "soon", "2026-08-13T08:00+09:00", "0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30T08:00"]
)
def test_a_moment_that_cannot_be_is_wrong_or_a_number(text: str, zone: str) -> None:
    reader = EnteredText(ZoneInfo(zone))
    found = reader.moment_ms("start", text)
    if text[:4] not in {"0001", "9999"}:  # which of them UTC can tell depends on the zone
        assert reader.wrong["start"].reason == NO_MOMENT
    assert found == 0 or not reader.wrong


def test_full_width_digits_are_understood() -> None:
    reader = EnteredText(ZoneInfo("Asia/Tokyo"))
    assert reader.moment_ms("start", "２０２６／０８／１３Ｔ０８：００") == 1_786_575_600_000
    assert reader.count("pieces", "１，０００") == 1_000
    assert reader.wrong == {}
