"""Lines that sum up others, by a cell of theirs that says so and nothing else."""

import re
from collections.abc import Iterable
from typing import Final

from ..ledger.money import CURRENCIES
from .dates import MONTHS

_MOVED: Final = (
    r"(?:(?:service |bank )?(?:credit|debit|deposit|withdrawal|fee|charge|payment"
    r"|transaction|amount|vat|interest)s?(?: amounts?| charged)?"
    r"|(?:(?:money|paid) )?(?:in|out))"
)
_TOTAL: Final = (
    r"(?:(?:sub|grand|page|net|running)[- ]?)?(?:totals?|totaal)"
    rf"(?:[\W\d_]{{1,20}}(?:of )?{_MOVED})?"
)
_BALANCE: Final = (
    r"(?:your )?(?:(?:opening|closing|starting|beginning|ending|final|available"
    r"|current|previous|new|statement|ledger|account) ){0,2}balances?"
    r"(?: (?:brought|carried) (?:forward|fwd|down)| [bc]/(?:fwd|[fd]))?"
)
_SALDO: Final = (
    r"(?:(?:alter|neuer|aktueller) )?(?:[a-zäöü]{0,20}saldo|kontostand)(?: oorgedra)?"
)
_OTHERS: Final = (
    r"(?:brought|carried) (?:forward|fwd|down)|opening|closing|net movements?"
    r"|sum|summe|gesamt(?:betrag|summe)?"
)
_WHEN: Final = (
    r"(?: (?:as (?:of|at)|at|on|for|per|am)(?: (?:the )?(?:period|month|page))?)?"
)
_BESIDE: Final = "|".join((*MONTHS, *CURRENCIES, "rand", "r", "cr", "dr")).casefold()
#: A sum and its day, or an amount, fill the whole cell: “Total Garage” is a shop.
_SUM: Final = re.compile(
    rf"(?:{_TOTAL}|{_BALANCE}|{_SALDO}|{_OTHERS}){_WHEN}"
    rf"(?:[\W\d_]|\b(?:{_BESIDE})\b)*"
)
#: No sum is longer.
_LONGEST: Final = 100


def is_sum(cells: Iterable[str]) -> bool:
    """Whether one of the cells says that its line is a sum."""
    short = (cell.casefold() for cell in cells if len(cell) <= _LONGEST)
    return any(map(_SUM.fullmatch, short))
