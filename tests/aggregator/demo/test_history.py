"""The history goes back by local days."""

from datetime import datetime

import pytest

from aggregator.demo.history import days_before


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "days", "begin"),
    [
        ("2026-11-22T10:17:00+09:00", 1, "2026-11-21T00:00:00+09:00"),
        ("2026-11-22T00:30:00+09:00", 1, "2026-11-21T00:00:00+09:00"),
        ("2026-11-21T00:00:00+09:00", 4, "2026-11-17T00:00:00+09:00"),
        ("2026-11-21T15:00:00Z", 0, "2026-11-22T00:00:00+09:00"),
    ],
)
def test_days_begin_at_local_midnight(moment: str, days: int, begin: str) -> None:
    assert days_before(ms(moment), days) == ms(begin)
