import pytest

from wallet.ledger.money import LARGEST_MINOR, AmountError
from wallet.pages.forms import read_typed
from wallet.pages.wording import money


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1234", 123400),
        ("1234.5", 123450),
        ("1234,50", 123450),
        ("R 1 234.56", 123456),
        ("1,234.56", 123456),
        ("1 234,56", 123456),
        ("zar 1234.56", 123456),
        ("R\u00a01\u00a0234.56", 123456),
        ("1\u202f234,56", 123456),
        (" 1 234 ", 123400),
        ("1,234,567", 123456700),
        ("007", 700),
        ("-50", -5000),
        ("-R 50.00", -5000),
        ("\u2212R 50.00", -5000),
        ("-0", 0),
        ("0.00", 0),
        ("92233720368547758.07", LARGEST_MINOR),
    ],
)
def test_rand_is_read_as_people_write_it(text, minor):
    """An amount as it is shown, or as it is often written in South Africa."""
    assert read_typed(text, "ZAR") == minor


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "abc", "nan", "inf", "1e3", "0x10", "__import__('os')"),
        *("1.2.3", "12 34", "1,23,456", "1.234", "1,234,5", "+5", ".5", "5.", "--5"),
        *("\u0661\u0662", "1 234 5", "0,123", "R", "USD 5", "5 R", "1  234", "1\n234"),
        "1,234",
        "92233720368547758.08",
        "9" * 60,
    ],
)
def test_what_is_not_rand_is_refused_with_a_sentence(text):
    """Nothing is guessed and nothing is rounded."""
    with pytest.raises(AmountError, match=r"\.$"):
        read_typed(text, "ZAR")


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [
        ("JPY", "JPY 1,234", 1234),
        ("JPY", "1 234", 1234),
        ("BTC", "0,00012345", 12345),
        ("BTC", "BTC 1 234.00000001", 123400000001),
        ("BTC", "1234,567", 123456700000),
        ("KWD", "1.234", 1234),
        ("USD", "USD 1,234.50", 123450),
    ],
)
def test_other_currencies_have_their_code_and_their_decimals(currency, text, minor):
    """What is shown is read back as it was."""
    assert read_typed(text, currency) == minor
    assert read_typed(money(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("currency", "text"),
    [("JPY", "1.5"), ("KWD", "1,234"), ("BTC", "1,234"), ("USD", "R 5"), ("ZAR", "€5")],
)
def test_another_currencys_form_is_refused(currency, text):
    """Decimals that there are none of, a comma with two readings, a foreign symbol."""
    with pytest.raises(AmountError):
        read_typed(text, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123456, "ZAR", "R 1 234.56"),
        (-5000, "ZAR", "\u2212R 50.00"),
        (0, "ZAR", "R 0.00"),
        (-5, "ZAR", "\u2212R 0.05"),
        (1234567, "JPY", "JPY 1 234 567"),
        (12345678, "BTC", "BTC 0.12345678"),
        (LARGEST_MINOR, "ZAR", "R 92 233 720 368 547 758.07"),
    ],
)
def test_money_is_shown_without_a_place_to_break(minor, currency, text):
    """Groups of three, every decimal, and spaces that never break a line."""
    assert money(minor, currency) == text.replace(" ", "\u00a0")
