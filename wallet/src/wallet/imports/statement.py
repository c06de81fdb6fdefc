"""A bank's file as movements, the oldest first, and what of it is none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

from ..ledger.money import CURRENCIES, format_amount
from .amounts import find_mark, read_amount
from .cells import SEPARATORS, Line, Unreadable, decode, split
from .columns import Columns, find_header
from .dates import DateForm, find_order, read_date

#: What is written in one transaction.
MOST_LINES: Final = 10_000
_LONGEST: Final = {"note": 500, "payee": 200}
_AMOUNTS: Final = ("amount", "in", "out", "fee", "balance")
#: What takes from a wallet.
_OUT: Final = frozenset(("out", "fee"))
#: Lines without a date that sum up others.
_SUMS: Final = re.compile(
    r"\b(totals?|subtotal|balance|opening|closing|brought|carried|saldo)\b", re.I
)


class Row(NamedTuple):
    """A movement: what the wallet gains by it, or loses."""

    line: int
    date: date
    minor: int
    note: str | None
    payee: str | None
    balance_minor: int | None = None


class Odd(NamedTuple):
    """A line that is not taken, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Form:
    """How a file was read.

    :param columns: the heading of each column that is used, by what it holds.
    :param dates: the forms that were met.
    :param certain: the file itself decides which number is the day.
    """

    encoding: str
    separator: str
    decimal: str
    columns: dict[str, str]
    dates: list[DateForm]
    certain: bool


@dataclass(slots=True)
class Statement:
    """What a file says.

    :param rows: the movements in order, the oldest first.
    :param skipped: lines that say nothing of a movement, such as totals.
    :param refused: lines that cannot be read.
    """

    form: Form
    rows: list[Row] = field(default_factory=list)
    skipped: list[Odd] = field(default_factory=list)
    refused: list[Odd] = field(default_factory=list)


def read_statement(data: bytes, currency: str) -> Statement:
    """Read a file of a wallet's bank.

    :raises Unreadable: it is no statement.
    """
    text, encoding = decode(data)
    separator, head, columns = find_header(text)
    lines = split(text, separator)
    body = [line for line in lines if line.number > head.number]
    if len(body) > MOST_LINES:
        raise Unreadable(f"has more than {MOST_LINES} lines: bring it in by parts")
    dates = [_cell(line, columns, "date") for line in body]
    order, certain = find_order(dates)
    amounts = [_cell(line, columns, name) for line in body for name in _AMOUNTS]
    mark = find_mark(filter(None, amounts), currency)
    shown = {role: head.cells[at] for role, at in columns.items()}
    form = Form(encoding, SEPARATORS[separator], mark, shown, [], certain)
    above = [
        Odd(line.number, "is above the columns")
        for line in lines
        if line.number < head.number
    ]
    statement = Statement(form, skipped=above)
    reader = _Reader(currency, mark, order, columns, len(head.cells))
    reader.find_signs(body)
    read = [reader.read(line, statement) for line in body]
    _put_in_order(statement, [each for each in read if each is not None], currency)
    return statement


@dataclass(slots=True)
class _Reader:
    """Reads lines by what the whole file says of its forms."""

    currency: str
    mark: str
    order: DateForm
    columns: Columns
    width: int
    #: What takes away by being added.
    negative: set[str] = field(default_factory=set)

    def find_signs(self, lines: Sequence[Line]) -> None:
        """Find out which columns of money that goes out have a minus of their own."""
        for name in _OUT & self.columns.keys():
            moved = [each for line in lines if (each := self._amount(line, name))]
            if moved and max(moved) < 0:
                self.negative.add(name)

    def read(self, line: Line, statement: Statement) -> Row | Odd | None:
        """Read a movement, or note what else the line is."""
        said = _cell(line, self.columns, "date")
        told = [n for n in _AMOUNTS[:-1] if _cell(line, self.columns, n)]
        dated = read_date(said, self.order) if said else None
        if dated is None:
            is_a_date = not said or re.search("[0-9]", said)
            if told and is_a_date and not _SUMS.search(" ".join(line.cells)):
                why = f"{_quoted(said)} is no date" if said else "has no date"
                return Odd(line.number, why)
            statement.skipped.append(Odd(line.number, "is no movement: it has no date"))
            return None
        if any(line.cells[self.width :]):
            return Odd(line.number, "has more cells than there are columns")
        day, form = dated
        if form not in statement.form.dates:
            statement.form.dates.append(form)
        found = self._movement(line, day, told)
        if isinstance(found, Row) and not found.minor:
            statement.skipped.append(
                Odd(line.number, "is no movement: it has no amount")
            )
            return None
        return found

    def _movement(self, line: Line, day: date, told: Sequence[str]) -> Row | Odd:
        minor = 0
        for name in told:
            found = self._amount(line, name)
            if found is None:
                text = _quoted(_cell(line, self.columns, name))
                return Odd(line.number, f"{text} is no amount in {self.currency}")
            minor += -found if name in _OUT - self.negative else found
        note, payee = (_cell(line, self.columns, name) for name in _LONGEST)
        for (name, longest), text in zip(_LONGEST.items(), (note, payee), strict=True):
            if len(text) > longest:
                return Odd(line.number, f"its {name} has more than {longest} letters")
        balance = self._amount(line, "balance")
        return Row(line.number, day, minor, note or None, payee or None, balance)

    def _amount(self, line: Line, name: str) -> int | None:
        text = _cell(line, self.columns, name)
        return read_amount(text, self.currency, self.mark) if text else None


def _put_in_order(statement: Statement, moved: list[Row | Odd], currency: str) -> None:
    if _is_newest_first(moved):
        moved.reverse()
    due = _balances_due(moved)
    for each in moved:
        if isinstance(each, Odd):
            statement.refused.append(each)
        elif each.line in due:
            told = [each.balance_minor or 0, due[each.line]]
            said, right = (format_amount(n, CURRENCIES[currency]) for n in told)
            why = f"its balance is {said}, but the movement before makes it {right}"
            statement.refused.append(Odd(each.line, why))
        else:
            statement.rows.append(each)
    statement.refused.sort()
    statement.rows.sort(key=lambda row: row.date)


def _is_newest_first(moved: Sequence[Row | Odd]) -> bool:
    """Whether more dates fall than rise; if they tell nothing, what balances say."""
    rows = [each for each in moved if isinstance(each, Row)]
    rises = sum(later.date > row.date for row, later in pairwise(rows))
    falls = sum(later.date < row.date for row, later in pairwise(rows))
    if rises != falls:
        return falls > rises
    return len(_balances_due(moved[::-1])) < len(_balances_due(moved))


def _balances_due(moved: Sequence[Row | Odd]) -> dict[int, int]:
    """Tell what the balance should be, by the line of each movement that has another.

    It is the balance of the movement before, and the amount.
    """
    wrong = {}
    for before, row in pairwise(moved):
        if isinstance(before, Odd) or isinstance(row, Odd):
            continue
        if before.balance_minor is None or row.balance_minor is None:
            continue
        due = before.balance_minor + row.minor
        if due != row.balance_minor:
            wrong[row.line] = due
    return wrong


def _cell(line: Line, columns: Columns, name: str) -> str:
    place = columns.get(name, len(line.cells))
    return line.cells[place] if place < len(line.cells) else ""


def _quoted(text: str) -> str:
    short = text if len(text) <= 40 else f"{text[:39]}…"
    return f"“{short}”"
