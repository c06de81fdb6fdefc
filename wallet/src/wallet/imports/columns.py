"""The line that names the columns, and what each of them holds."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final
from unicodedata import normalize

from ..ledger.money import CURRENCIES
from .cells import SEPARATORS, Line, Unreadable, split
from .currencies import has_own

#: How banks call a column, what says most first: money moves when it is posted.
_NAMES: Final = {
    "date": (
        *("date", "posting date", "posted date", "post date", "booking date"),
        *("transaction date", "trans date", "txn date", "date of transaction"),
        *("process date", "processed date", "effective date", "value date"),
        *("entry date", "datum", "transaksiedatum", "buchungstag", "buchungsdatum"),
        *("wertstellung", "valutadatum"),
    ),
    "amount": ("amount", "transaction amount", "value", "sum", "bedrag", "betrag"),
    "in": (
        *("in", "money in", "paid in", "credit", "credits", "credit amount"),
        *("deposit", "deposits", "deposit amount", "deposit amt", "received"),
        *("krediet", "gutschrift"),
    ),
    "out": (
        *("out", "money out", "paid out", "debit", "debits", "debit amount"),
        *("withdrawal", "withdrawals", "withdrawal amount", "withdrawal amt"),
        *("payment", "payments", "spent", "debiet", "belastung"),
    ),
    "fee": (
        *("fee", "fees", "service fee", "service fees", "bank fee", "bank fees"),
        *("charge", "charges", "bank charge", "bank charges"),
        *("service charge", "service charges"),
    ),
    "note": (
        *("note", "notes", "description", "transaction description", "details"),
        *("transaction details", "statement description", "narrative", "narration"),
        *("reference", "memo", "particulars", "beskrywing", "verwysing"),
        *("verwendungszweck", "buchungstext", "beschreibung"),
    ),
    "payee": (
        *("payee", "beneficiary", "beneficiary name", "recipient", "paid to"),
        *("counterparty", "counterparty name", "merchant", "begunstigde"),
        *("empfänger auftraggeber", "auftraggeber empfänger", "empfänger"),
        *("begünstigter zahlungspflichtiger", "beguenstigter zahlungspflichtiger"),
        *("zahlungsempfänger", "auftraggeber"),
    ),
    "balance": (
        *("balance", "running balance", "account balance", "closing balance"),
        *("running bal", "saldo", "kontostand"),
    ),
    "currency": (
        *("currency", "currency code", "ccy", "account currency"),
        *("transaction currency", "geldeenheid", "währung", "waehrung"),
    ),
}
ROLES: Final = {
    name: (role, rank)
    for role, names in _NAMES.items()
    for rank, name in enumerate(names)
}
#: What stands beside a name: a currency, mostly.
_BESIDE: Final = re.compile(
    rf"\([^()]*\)|\b(?:{'|'.join(CURRENCIES).casefold()}|rand)\b"
)

#: So far down a file the headings are looked for.
_WITHIN: Final = 100
#: Whatever is longer names no column and no side, and is not read.
_LONGEST: Final = 100
MOST_COLUMNS: Final = 200

#: Where each role stands in a line.
Columns = dict[str, int]


def find_header(text: str, currency: str) -> tuple[str, Line, Columns]:
    """Find the separator under which one of the first lines names most columns.

    :returns: the separator, the line with the headings, and its columns.
    :raises Unreadable: there is no such line, or it has too many columns.
    """
    found: list[tuple[str, Line, Columns]] = []
    faults = []
    for separator in SEPARATORS:
        try:
            lines = split(text, separator, _WITHIN)
            named = (
                (separator, line, read_header(line.cells, currency)) for line in lines
            )
            found += islice(((s, line, cols) for s, line, cols in named if cols), 1)
        except Unreadable as fault:
            faults.append(fault)
    if len(faults) < len(SEPARATORS):
        # What one separator makes of the quotes is no fault where another reads them.
        faults.clear()
    if found:
        best = max(found, key=lambda each: len(each[2]))
        if len(best[1].cells) > MOST_COLUMNS:
            raise Unreadable(f"has more than {MOST_COLUMNS} columns")
        return best
    if faults:
        raise faults[0]
    raise Unreadable(
        "has no line that names its columns: a date, and an amount, or money in and"
        " money out"
    )


def read_header(cells: Sequence[str], currency: str) -> Columns | None:
    """Tell what the columns hold; ``None`` if a date or an amount is not among them.

    Of those that say the same, one in this currency comes first.
    """
    best: dict[str, tuple[int, bool, int]] = {}
    for place, cell in enumerate(cells):
        known = ROLES.get(plain(cell))
        if known is not None:
            role, rank = known
            found = (rank, not has_own(cell, currency), place)
            best[role] = min(best.get(role, found), found)
    if "date" not in best or not best.keys() & {"amount", "in", "out"}:
        return None
    return {role: place for role, (*_, place) in best.items()}


def cell_of(line: Line, columns: Columns, role: str) -> str:
    """Return what a line says in a column, nothing if there is no such column."""
    place = columns.get(role, len(line.cells))
    return line.cells[place] if place < len(line.cells) else ""


def plain(cell: str) -> str:
    """Return the words of a heading or a side, without what stands beside them."""
    if len(cell) > _LONGEST:
        return ""
    bare = _BESIDE.sub(" ", normalize("NFC", cell).casefold())
    return " ".join(re.sub(r"[\W\d_]+", " ", bare).split())
