"""What all tests share: how hypothesis searches, and in which order files run."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines: a busy computer is no bug. In CI always the same examples, so that a failure can be repeated.
settings.register_profile("machikoba", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("machikoba"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "machikoba")

TESTS = Path(__file__).parent
LONGEST = (
    "system/test_demo.py",  # runs for minutes, mostly waiting
    "chaos/test_chaos.py",  # two minutes, likewise
    "browser/test_story.py",  # likewise
    "system/test_real_log.py",
    "chaos/test_chaos.py",
    "agent/test_app.py",
    "system/test_work_on_jobs.py",
    "aggregator/backup/test_running.py",
    "chaos/test_two_weeks.py",
    "browser/test_pages.py",
    "browser/test_capacity.py",
    "browser/test_floor_live.py",
    "system/test_demo_killed.py",
    "aggregator/matching/test_answer.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: with `-n`, others run beside them, and none is left over at the end."""
    rank = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
