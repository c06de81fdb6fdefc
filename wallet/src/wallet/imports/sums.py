"""Lines that sum up others, by the words with which a cell of theirs opens."""

import re
from collections.abc import Iterable
from typing import Final

from .dates import MONTHS

#: A sum and its day, or an amount, fill the whole cell: “Total Garage” is a shop.
_SUM: Final = re.compile(
    r"(?:(?:(?:sub|grand)[- ]?)?(?:totals?|totaal)"
    r"(?: (?:of )?(?:credits?|debits?|deposits?|withdrawals?|fees?|(?:money |paid )?"
    r"(?:in|out)))?"
    r"|(?:(?:opening|closing|starting|beginning|ending|final) )?balances?"
    r"(?: (?:brought|carried) (?:forward|down))?"
    r"|(?:brought|carried) (?:forward|down)|opening|closing|sum|summe"
    r"|[a-zäöü]{0,20}saldo)"
    r"(?: (?:as (?:of|at)|at|on|for|per))?"
    rf"[\W\d_]*(?:(?:{'|'.join(MONTHS)})\b[\W\d_]*)?(?:\b(?:zar|r)\b[\W\d_]*)?"
)


def is_sum(cells: Iterable[str]) -> bool:
    """Whether one of the cells says that its line is a sum."""
    return any(_SUM.fullmatch(cell.casefold()) for cell in cells)
