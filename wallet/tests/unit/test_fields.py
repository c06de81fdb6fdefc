"""What fields may hold, apart from the calls that have them."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.ledger.money import LARGEST_MINOR, read_amount
from wallet.web import fields
from wallet.web.problems import Problem

KINDS = {
    "amount": (fields.Amount, "1"),
    "floor": (fields.Floor, "-1"),
    "name": (fields.Name, "Ada"),
    "note": (fields.Note, "x"),
    "currency": (fields.Currency, "ZAR"),
    "to": (fields.Recipient, "w_1"),
    "key": (fields.Key, "k"),
    "If-Match": (fields.IfMatch, '"1"'),
    "after": (fields.WalletId, "w_0193563cb0fb7e4a8c1c6f1a2b3c4d5e"),
}


@pytest.mark.parametrize("field", KINDS)
def test_a_text_is_matched_to_its_last_character(field):
    """A newline at the end is a character like any other."""
    kind, good = KINDS[field]
    assert fields.check(good, kind, field) == good
    with pytest.raises(Problem):
        fields.check(f"{good}\n", kind, field)


TEXT = next(
    meta.pattern
    for kind in get_args(fields.Amount)
    for meta in getattr(kind, "__metadata__", ())
    if meta.pattern
)


@given(st.from_regex(TEXT) | st.integers(1, LARGEST_MINOR))
def test_every_amount_that_is_let_in_is_one_that_the_ledger_reads(value):
    """So an amount can only be refused with a word about its currency."""
    assert msgspec.convert(value, fields.Amount) == value
    assert read_amount(value).unscaled > 0


@pytest.mark.parametrize("amount", [0, -1, 2**63, "0", "0.00", "-1", True, 1.0])
def test_an_amount_is_above_zero_and_can_be_stored(amount):
    """Text or a whole number, never one with a point."""
    with pytest.raises(Problem):
        fields.check(amount, fields.Amount, "amount")
