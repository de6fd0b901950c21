from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.modbus.blocks import MAX_BITS, Block, coalesce, rejoin, split
from agent.drivers.modbus.settings import BIT_TABLES, TABLES, Point


@st.composite
def some_points(draw: st.DrawFn) -> list[Point]:
    places = st.tuples(st.sampled_from(TABLES), st.integers(0, 400), st.sampled_from((1, 2, 4)))
    return [
        Point(f"s{number}", table, address, 1 if table in BIT_TABLES else width)
        for number, (table, address, width) in enumerate(draw(st.lists(places, max_size=40)))
    ]


limits = st.integers(4, 125)
gaps = st.integers(-1, 20)


def holding(*addresses: int) -> list[Point]:
    return [Point(f"h{address}", "holding", address) for address in addresses]


def spans(blocks: tuple[Block, ...]) -> list[tuple[int, int]]:
    return [(block.address, block.count) for block in blocks]


@given(some_points(), limits, gaps)
def test_every_signal_is_covered_once(wanted: list[Point], limit: int, gap: int) -> None:
    blocks = coalesce(wanted, limit, gap)
    covered = [point for block in blocks for point in block.points]
    assert sorted(covered, key=str) == sorted(wanted, key=str)
    for block in blocks:
        for point in block.points:
            assert point.table == block.table
            assert block.address <= point.address
            assert point.end <= block.address + block.count


@given(some_points(), limits, gaps)
def test_no_block_is_longer_than_the_limit(wanted: list[Point], limit: int, gap: int) -> None:
    for block in coalesce(wanted, limit, gap):
        assert 1 <= block.count <= (MAX_BITS if block.table in BIT_TABLES else limit)


@given(some_points(), limits, gaps)
def test_no_run_of_unwanted_addresses_is_longer_than_the_gap(
    wanted: list[Point], limit: int, gap: int
) -> None:
    for block in coalesce(wanted, limit, gap):
        reach = gap * 16 if block.table in BIT_TABLES and gap > 0 else gap
        end = block.address
        for point in block.points:
            assert point.address - end <= max(reach, 0)
            end = max(end, point.end)
        assert end == block.address + block.count


@given(some_points(), limits)
def test_split_blocks_share_no_address(wanted: list[Point], limit: int) -> None:
    for block in coalesce(wanted, limit, 8):
        singles = split(block, limit)
        for before, after in pairwise(singles):
            assert before.address + before.count <= after.address or before.count == limit


def test_neighbours_are_read_together_and_strangers_apart() -> None:
    assert spans(coalesce(holding(0, 1, 9, 18, 30), gap=8)) == [(0, 19), (30, 1)]
    assert spans(coalesce(holding(0, 1, 9, 18, 30), gap=0)) == [(0, 2), (9, 1), (18, 1), (30, 1)]


def test_bits_of_one_register_are_one_read() -> None:
    bits = [Point(f"b{bit}", "holding", 7, bit=bit) for bit in range(16)]
    assert spans(split(Block("holding", 7, 1, tuple(bits)))) == [(7, 1)]


def test_a_block_of_bits_holds_two_thousand() -> None:
    coils = [Point(f"c{address}", "coil", address) for address in range(0, 2_100, 100)]
    assert spans(coalesce(coils, gap=6)) == [(coil.address, 1) for coil in coils]
    assert spans(coalesce(coils, max_registers=4, gap=7)) == [(0, 1_901), (2_000, 1)]


def test_good_values_are_joined_again_around_the_bad_one() -> None:
    refused = coalesce(holding(0, 1, 2, 3, 4))[0]
    good = [single for single in split(refused) if single.address != 2]
    assert spans(rejoin(good, refused, 125)) == [(0, 2), (3, 2)]


def test_a_device_that_refuses_a_block_but_no_value_is_read_value_by_value() -> None:
    refused = coalesce(holding(0, 1, 2))[0]
    assert spans(rejoin(split(refused), refused, 125)) == [(0, 1), (1, 1), (2, 1)]
