"""What a balance is worth in the other currency."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.prices.rates import Rate, quote

#: More digits than any product or quotient here can need.
EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN)

balances = st.integers(-(2**63), 2**63 - 1)
prices = st.decimals("1", "1e12", allow_nan=False, allow_infinity=False, places=8)


def at(price):
    return Rate(Decimal(price), 1)


@pytest.mark.parametrize(
    ("balance_minor", "currency", "price", "value_minor", "other"),
    [
        (100_00, "ZAR", "1000000.00", 10_000, "BTC"),
        (-50_00, "ZAR", "1000000", -5_000, "BTC"),
        (0, "ZAR", "1000000", 0, "BTC"),
        (1, "BTC", "1000000", 1, "ZAR"),
        (100_000_000, "BTC", "1234567.89", 1234567_89, "ZAR"),
        # Halves go to the even side, whatever the sign.
        (1, "BTC", "500000", 0, "ZAR"),
        (3, "BTC", "500000", 2, "ZAR"),
        (5, "BTC", "500000", 2, "ZAR"),
        (-3, "BTC", "500000", -2, "ZAR"),
        (1, "ZAR", "2000000", 0, "BTC"),
        (3, "ZAR", "2000000", 2, "BTC"),
    ],
)
def test_a_balance_is_worth(balance_minor, currency, price, value_minor, other):
    """Rand in bitcoin to eight decimals, bitcoin in rand to two."""
    found = quote(balance_minor, currency, at(price))
    assert (found.value_minor, found.currency) == (value_minor, other)
    assert found.rate == at(price)


@pytest.mark.parametrize(
    ("currency", "rate"),
    [("ZAR", None), ("BTC", None), ("USD", at("1000000")), ("JPY", at("1000000"))],
)
def test_there_is_no_worth_without_a_rate_or_in_other_currencies(currency, rate):
    """Neither nothing nor as much again: none at all."""
    assert quote(100, currency, rate) is None


@given(st.sampled_from(["ZAR", "BTC"]), balances, prices)
def test_a_worth_is_rounded_half_even_to_the_minor_unit(currency, balance_minor, price):
    """As Decimal does it with digits to spare."""
    if currency == "ZAR":
        exact = EXACT.divide(Decimal(balance_minor).scaleb(6, EXACT), price)
    else:
        exact = EXACT.multiply(Decimal(balance_minor), price).scaleb(-6, EXACT)
    expected = int(exact.to_integral_value(context=EXACT))
    assert quote(balance_minor, currency, at(price)).value_minor == expected
