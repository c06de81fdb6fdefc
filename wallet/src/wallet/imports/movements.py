"""A line of a bank's file as a movement, or why it is none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from ..ledger.money import LARGEST_MINOR
from .amounts import read_amount
from .cells import Line, Unreadable
from .columns import Columns, cell_of, read_header
from .currencies import has_other, is_currency, is_meant
from .dates import DateForm, read_date
from .sides import find_doubt, side_of
from .sums import is_sum

#: What moves money, and what of it takes from a wallet.
MOVING: Final = ("amount", "in", "out", "fee")
_OUT: Final = ("out", "fee")
#: Why a line with a date is none.
NO_AMOUNT: Final = "is no movement: it has no amount"
_LONGEST: Final = {"note": 500, "payee": 200}


class Row(NamedTuple):
    """A movement: what the wallet gains by it, or loses.

    A line with a balance and no amount is one of zero: it must leave the balance alone.
    """

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


class _Unclear(ValueError):
    """A line cannot be read; the message says why."""


class _NoMovement(ValueError):
    """A line says nothing of a movement; the message says so, and what it lacks."""


@dataclass(slots=True)
class Reader:
    """Reads lines by what the whole file says of its forms.

    :param head: the line that names the columns.
    :param dates: the forms that were met.
    :param skipped: lines that say nothing of a movement, such as totals.
    """

    currency: str
    mark: str
    order: DateForm
    columns: Columns
    head: Line
    dates: list[DateForm] = field(default_factory=list)
    skipped: list[Odd] = field(default_factory=list)
    #: Columns as its headings name them.
    _used: Columns = field(init=False)
    #: Columns of what goes out that have a minus of their own.
    _negative: set[str] = field(default_factory=set, init=False)
    #: Amounts that have a debit or a credit beside them have a sign as well.
    _signed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._used = read_header(self.head.cells, self.currency) or {}

    def find_signs(self, dated: Sequence[Line]) -> None:
        """Find out what amounts with a minus mean, from all lines with a date.

        In a column of what goes out, most amounts decide; or else their sum, because
        what comes back is seldom more than what went.

        :raises Unreadable: neither does.
        """
        for name in _OUT:
            moved = [minor for line in dated if (minor := self._read(line, name))]
            plain = sum(minor > 0 for minor in moved)
            verdict = 2 * plain - len(moved) or sum(moved)
            if moved and not verdict:
                heading = _quoted(cell_of(self.head, self.columns, name))
                raise Unreadable(f"does not show what a minus under {heading} means")
            if verdict < 0:
                self._negative.add(name)
        told = [line for line in dated if cell_of(line, self.columns, "side")]
        self._signed = any((self._read(line, "amount") or 0) < 0 for line in told)
        self._require_signs(dated)

    def _require_signs(self, dated: Sequence[Line]) -> None:
        """Require that nothing but a sign or a balance says which way amounts go."""
        if self.columns.keys() & {"side", "in", "out"}:
            return
        moved = [line for line in dated if self._read(line, "amount")]
        if any((self._read(line, "amount") or 0) < 0 for line in moved):
            return
        if any(self._read(line, "balance") is not None for line in dated):
            return
        if doubt := find_doubt(self.head, moved, self.columns):
            heading, word = map(_quoted, doubt)
            raise Unreadable(
                f"has amounts without a sign, and {word} under {heading} may say which"
                " way they go: write debit and credit there, or remove the column"
            )

    def read(self, line: Line) -> Row | Odd | None:
        """Read a movement, or tell what is odd; ``None`` if there is none."""
        try:
            return self._movement(line)
        except _Unclear as why:
            return Odd(line.number, str(why))
        except _NoMovement as why:
            self.skipped.append(Odd(line.number, str(why)))
            return None

    def _movement(self, line: Line) -> Row:
        day = self._day(line)
        minor = self._moved(line)
        balance = self._read(line, "balance")
        if not minor:
            if balance is None:
                raise _NoMovement(NO_AMOUNT)
            return Row(line.number, day, 0, None, None, balance)
        named = cell_of(line, self.columns, "currency")
        if is_meant(named) and not is_currency(named, self.currency):
            raise _Unclear(f"is in {_quoted(named)}, not in {self.currency}")
        note, payee = (cell_of(line, self.columns, name) for name in _LONGEST)
        for (name, longest), text in zip(_LONGEST.items(), (note, payee), strict=True):
            if len(text) > longest:
                raise _Unclear(f"its {name} has more than {longest} characters")
        if balance is None and (said := cell_of(line, self.columns, "balance")):
            raise _Unclear(f"{_quoted(said)} is no balance in {self.currency}")
        return Row(line.number, day, minor, note or None, payee or None, balance)

    def _day(self, line: Line) -> date:
        said = cell_of(line, self.columns, "date")
        dated = read_date(said, self.order)
        if dated is None:
            self._require_columns(line)
            told = [cell_of(line, self.columns, name) for name in MOVING]
            # Words alone are no movement: pages may repeat their headings.
            meant = not said or re.search("[0-9]", " ".join((said, *told)))
            # A note may well speak of a balance; what stands for the date says more.
            sums = is_sum([said] if said else line.cells)
            if any(told) and meant and not sums:
                raise _Unclear(f"{_quoted(said)} is no date" if said else "has no date")
            raise _NoMovement("is no movement: it has no date")
        if any(line.cells[len(self.head.cells) :]):
            raise _Unclear("has more cells than there are columns")
        day, form = dated
        if form not in self.dates:
            self.dates.append(form)
        return day

    def _require_columns(self, line: Line) -> None:
        """Require that headings that are repeated are those that are used."""
        columns = read_header(line.cells, self.currency)
        if columns is None:
            return
        headings = (line.cells[at] for at in columns.values())
        foreign = any(has_other(heading, self.currency) for heading in headings)
        if foreign or columns != self._used:
            raise _Unclear(f"names other columns than line {self.head.number}")

    def _moved(self, line: Line) -> int:
        """Add up what moves; an amount beside what came in or went out is the same."""
        amount, *apart, fee = (self._minor(line, name) for name in MOVING)
        amount, beside = self._directed(line, amount), sum(apart)
        if amount and any(apart) and amount != beside:
            raise _Unclear("has an amount beside what came in or went out")
        minor = (amount or beside) + fee
        if abs(minor) > LARGEST_MINOR:
            raise _Unclear("its amount is larger than a balance can ever be")
        return minor

    def _directed(self, line: Line, amount: int) -> int:
        """Make an amount that has no sign a debit or a credit, if a column says so."""
        if not amount or "side" not in self.columns:
            return amount
        said = cell_of(line, self.columns, "side")
        if not self._signed:
            if not said:
                raise _Unclear("does not say whether it is a debit or a credit")
            return amount * side_of(said)
        if said and amount * side_of(said) < 0:
            raise _Unclear(f"is {_quoted(said)}, but its amount has the other sign")
        return amount

    def _minor(self, line: Line, name: str) -> int:
        """Read what the wallet gains by a cell, 0 if it is empty."""
        found = self._read(line, name)
        if found is None:
            if said := cell_of(line, self.columns, name):
                raise _Unclear(f"{_quoted(said)} is no amount in {self.currency}")
            return 0
        return -found if name in _OUT and name not in self._negative else found

    def _read(self, line: Line, name: str) -> int | None:
        text = cell_of(line, self.columns, name)
        return read_amount(text, self.currency, self.mark) if text else None


def _quoted(text: str) -> str:
    short = text if len(text) <= 40 else f"{text[:39]}…"
    return f"“{short}”"
