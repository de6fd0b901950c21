"""What the suites of the store share tells what differs, as tests do."""

import pytest

pytest.register_assert_rewrite(
    "tests.aggregator.store.conformance", "tests.aggregator.store.overlap_conformance"
)
