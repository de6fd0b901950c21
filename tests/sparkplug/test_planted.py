"""Every check lets sound traffic pass, and says so when exactly its own rule is broken."""

import pytest

from tests.sparkplug import planted
from tests.sparkplug.edge_rows import EDGE
from tests.sparkplug.host_rows import HOST


@pytest.mark.parametrize("id", EDGE)
def test_a_check_of_edge_nodes_sees_what_is_planted(id: str) -> None:
    check, spoil = EDGE[id]
    assert list(check(planted.edge())) == []
    assert list(check(spoil(planted.edge()))) != []


@pytest.mark.parametrize("id", HOST)
def test_a_check_of_hosts_sees_what_is_planted(id: str) -> None:
    check, spoil = HOST[id]
    assert list(check(planted.host())) == []
    assert list(check(spoil(planted.host()))) != []
