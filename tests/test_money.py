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
    "1 234,56": "1234.56",
    "R\u00a01\u00a0234.56": "1234.56",
    " 7.05 ": "7.05",
    "R\u202f1\u202f234,56": "1234.56",
    "1 234 567": "1234567.00",
    "-50": "-50.00",
    "-R 50.00": "-50.00",
    "-R\u00a01\u00a0234.56": "-1234.56",
    "- 5": "-5.00",
    "0": "0.00",
    "-0": "0.00",
    "-0.00": "0.00",
    "007": "7.00",
    "999999999999.99": "999999999999.99",
    "-999 999 999 999.99": "-999999999999.99",
}

REFUSED = [
    "",
    " ",
    "abc",
    "nan",
    "inf",
    "-Infinity",
    "1e3",
    "0x10",
    "__import__('os')",
    "1.2.3",
    "1,234",
    "1,234.56",
    "1,234,567",
    "1.234",
    "1.234,56",
    "1 234,567",
    "+5",
    ".5",
    "5.",
    ",5",
    "--5",
    "5-",
    "R",
    "-",
    "RR5",
    "R-5",
    "$5",
    "5R",
    "1_000",
    "1'234",
    "\u0661\u0662",
    "\uff11\uff12",
    "\u00b2",
    "1\n234",
    "5\n",
    "5\x00",
    "<b>5</b>",
    "1000000000000",
    "-1000000000000.00",
    "9" * 5000,
]


@pytest.mark.parametrize(("text", "amount"), ACCEPTED.items())
def test_an_accepted_text_is_read_exactly(server, text, amount):
    """Two decimals always, and never a negative zero."""
    assert str(server.parse_rand(text)) == amount


@pytest.mark.parametrize("text", REFUSED)
def test_any_other_text_is_refused(server, text):
    """The sentence shows what to type instead."""
    with pytest.raises(ValueError, match=r"^Type rands and cents, such as 1234\.56"):
        server.parse_rand(text)


def test_what_the_page_writes_can_be_pasted_back(server):
    """The page's own text is read as the very amount it was made from."""
    random = Random(1)
    for _ in range(1000):
        cents = random.randint(-(10**14) + 1, 10**14 - 1) >> random.randrange(40)
        amount = Decimal(cents).scaleb(-2)

        assert server.parse_rand(server.rand(amount)) == amount
