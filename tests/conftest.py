"""What all tests share: how hypothesis searches, and in which order files run."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines: a busy computer is no bug. In CI always the same examples, so that a failure can be repeated.
settings.register_profile("machikoba", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("machikoba"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "machikoba")

LONGEST = Path(__file__).parent / "system/test_demo.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that runs the demo for minutes, mostly waiting: with `-n`, others run beside it."""
    items.sort(key=lambda item: item.path != LONGEST)
