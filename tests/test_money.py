"""What may be typed as an amount, from the third stage on."""

from decimal import Decimal
from random import Random

import pytest

FIRST_STAGE = 3

ACCEPTED = {
    "1234": "1234.00",
    "1234.5": "1234.50",
    "1234,50": "1234.50",
    "0,5": "0.50",
    "R 1 234.56": "1234.56",
    "R1234.56": "1234.56",
    "1,234.56": "1234.56",
    "1,234.5": "1234.50",
    "1 234,56": "1234.56",
    "zar 1234.56": "1234.56",
    "r 5": "5.00",
    "R\u00a01\u00a0234.56": "1234.56",
    "  1234.56\n": "1234.56",
    "1 234": "1234.00",
    "1 234 567": "1234567.00",
    "1,234,567": "1234567.00",
    "1,234,567.89": "1234567.89",
    "-50": "-50.00",
    "-R 50.00": "-50.00",
    "-R\u00a01\u00a0234.56": "-1234.56",
    "-0": "0.00",
    "0": "0.00",
    "-0.00": "0.00",
    "007": "7.00",
    "999999999999.99": "999999999999.99",
    "-999 999 999 999.99": "-999999999999.99",
}

REFUSED = [
    "",
    " ",
    "\u00a0",
    "abc",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "1e3",
    "0x10",
    "__import__('os')",
    "1.2.3",
    "12 34",
    "1  234",
    "1,23,456",
    "1,234,56",
    "1,234,5",
    "1.234",
    "1.234,56",
    "1 234,567",
    "1 234.567",
    "1,234 567",
    "+5",
    ".5",
    "5.",
    ",5",
    "5,",
    "--5",
    "- 5",
    "5-",
    "R",
    "-",
    "-R",
    "R R 5",
    "R -5",
    "$5",
    "5 R",
    "5%",
    "1_000",
    "1'234",
    "\u0661\u0662",
    "\uff11\uff12",
    "\u00b2",
    "\u22125",
    "1\n234",
    "5\x00",
    "<b>5</b>",
    "1000000000000",
    "-1000000000000.00",
    "999999999999.995",
    "9" * 5000,
]

AMBIGUOUS = ["1,234", "-1,234", "R 12,345", "999,999"]


@pytest.mark.parametrize(("text", "amount"), ACCEPTED.items())
def test_an_accepted_text_is_read_exactly(server, text, amount):
    """Two decimals always, and never a negative zero."""
    assert str(server.parse_rand(text)) == amount


@pytest.mark.parametrize("text", REFUSED)
def test_any_other_text_is_refused(server, text):
    """The sentence shows what to type instead."""
    with pytest.raises(ValueError, match=r"^Type "):
        server.parse_rand(text)


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_a_lone_comma_before_three_digits_is_refused_by_name(server, text):
    """Read either way it could be wrong a thousandfold, and the sentence says so."""
    with pytest.raises(ValueError, match="comma can be read in two ways"):
        server.parse_rand(text)


def test_what_the_page_writes_can_be_pasted_back(server):
    """The page's own text is read as the very amount it was made from."""
    random = Random(1)
    for _ in range(2000):
        cents = random.randint(
            -(10 ** random.randint(1, 14)), 10 ** random.randint(1, 14)
        )
        amount = Decimal(cents).scaleb(-2)

        assert server.parse_rand(server.rand(amount)) == amount
