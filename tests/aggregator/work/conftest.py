from pathlib import Path

import pytest

from tests.aggregator.work.floors import Floor, found_floor


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    """An approved order of two steps, nothing started."""
    return found_floor(tmp_path)
