"""Which runs there are, and how a range of a history is cut into them."""

from hypothesis import given
from hypothesis import strategies as st

from wallet.storage.spans import SIZES, cut

versions = st.integers(0, 3 * SIZES[-1])


@given(versions, versions)
def test_a_cut_is_the_whole_range_and_nothing_else(one, other):
    """The parts follow each other from the first entry to the last."""
    start, end = sorted((one, other))
    parts = sorted(cut(start, end), key=lambda part: part.first * part.size)
    reached = start
    for part in parts:
        assert part.first * part.size == reached
        assert part.size in (1, *SIZES)
        reached = (part.last + 1) * part.size
    assert reached == end


@given(versions, versions)
def test_a_cut_reads_few_rows(one, other):
    """At each end less than one run of each size, and between them the largest."""
    start, end = sorted((one, other))
    rows = sum(part.last - part.first + 1 for part in cut(start, end))
    small, large = SIZES
    assert rows <= 2 * (small - 1) + 2 * (large // small - 1) + end // large
