import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.ledger.money import (
    CURRENCIES,
    LARGEST_MINOR,
    Amount,
    AmountError,
    format_amount,
    parse_amount,
    read_amount,
)

exponents = st.sampled_from(sorted(set(CURRENCIES.values())))


@pytest.mark.parametrize(
    ("text", "exponent", "minor"),
    [
        ("0", 2, 0),
        ("125.50", 2, 12550),
        ("125.5", 2, 12550),
        ("7", 2, 700),
        (7, 2, 700),
        ("100", 0, 100),
        ("0.00000001", 8, 1),
        ("92233720368547758.07", 2, LARGEST_MINOR),
        (92233720368547758, 2, 9223372036854775800),
    ],
)
def test_an_amount_is_counted_in_minor_units(text, exponent, minor):
    """Text and whole numbers in major units become exact minor units."""
    assert parse_amount(text, exponent) == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "-1",
        "01",
        "1.",
        ".5",
        "1.234",
        "1,5",
        "1e3",
        "0x1",
        "NaN",
        "Infinity",
        "1_000",
        "\u0661",
        "1.\u0665",
        "9" * 5000,
        "92233720368547758.08",
        92233720368547759,
        -1,
        True,
        1.5,
        None,
    ],
)
def test_what_is_not_an_amount_is_refused(text):
    """Nothing is rounded, guessed or wrapped around."""
    with pytest.raises(AmountError):
        parse_amount(text, 2)


def test_a_currency_without_decimals_takes_none():
    """Yen have no cents."""
    with pytest.raises(AmountError, match="no decimals"):
        parse_amount("1.0", 0)


@given(st.integers(-LARGEST_MINOR, LARGEST_MINOR), exponents)
def test_what_is_written_can_be_read_again(minor, exponent):
    """Formatting and parsing are inverse for every amount that fits."""
    text = format_amount(minor, exponent)
    sign = -1 if text.startswith("-") else 1
    assert sign * parse_amount(text.removeprefix("-"), exponent) == minor


@given(st.integers(0, 10**12), st.integers(0, 8), st.integers(0, 4))
def test_equal_amounts_have_one_canonical_text(unscaled, decimals, zeros):
    """Trailing zeros do not make another amount."""
    amount = Amount(unscaled, decimals)
    padded = Amount(unscaled * 10**zeros, decimals + zeros)
    assert padded.canonical() == amount.canonical()


@given(st.text(alphabet="0123456789.-+eE \u0660", max_size=25), exponents)
def test_reading_text_gives_an_amount_or_a_refusal(text, exponent):
    """No text makes any other error, and what is read is not negative."""
    try:
        minor = parse_amount(text, exponent)
    except AmountError:
        return
    assert 0 <= minor <= LARGEST_MINOR


def test_one_and_its_decimals_are_the_same_amount():
    """A number, its text and its text with decimals ask for the same."""
    texts = {read_amount(value).canonical() for value in (1, "1", "1.0", "1.00")}
    assert texts == {"1"}
    assert read_amount("100").canonical() == "100"
