"""What all tests share: how hypothesis searches, and how tests are spread over workers."""

import os

import pytest
from hypothesis import settings

# No deadlines: a busy computer is no bug. In CI always the same examples, so that a failure can be repeated.
settings.register_profile("machikoba", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("machikoba"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "machikoba")

LONGEST = "system"
"""The group that runs the demo for minutes, mostly waiting: it begins first, the others run beside it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n`, keep each file on one worker, and begin with the longest group."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: _group(item) != LONGEST)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker is not None else ""
