"""Names and notes that run from the right, or steer the direction of letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.pages.wording import balanced, isolated

BEGINS, ENDS = "\u2066\u2067\u2068", "\u2069"
#: Letters both ways, and every mark of the algorithm that orders them.
MARKS = "a\u05d0 \u202a\u202b\u202c\u202d\u202e" + BEGINS + ENDS + "\u2029\u200f"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada & Bob", "Ada & Bob"),
        ("\u05d0\u05d1 1", "\u05d0\u05d1 1"),
        ("\u202eAda", "\u202eAda"),
        ("\u2069Ada\u2069", "Ada"),
        ("\u2067Ada", "\u2067Ada\u2069"),
        ("\u2069\u2067Ada\u2069\u2069\u2068", "\u2067Ada\u2069\u2068\u2069"),
        ("Ada\u2029Bob\u00e9", "Ada Bob\u00e9"),
    ],
)
def test_text_ends_what_it_begins(text, shown):
    """And ends nothing that others began."""
    assert balanced(text) == shown


@given(st.text(MARKS))
def test_isolated_text_is_one_isolate(text):
    """It ends at its end and nowhere before; letters stay as they were."""
    whole = isolated(balanced(text))
    depth, depths = 0, []
    for letter in whole:
        depth += (letter in BEGINS) - (letter == ENDS)
        depths.append(depth)
    if not whole.isascii():
        assert (depths[0], depths[-1]) == (1, 0)
        assert 0 not in depths[:-1]
        assert "\u2029" not in whole
    kept = str.maketrans({"\u2029": " "} | dict.fromkeys(BEGINS + ENDS))
    assert whole.translate(kept) == text.translate(kept)
