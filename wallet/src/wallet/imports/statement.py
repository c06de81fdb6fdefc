"""A bank's file as movements, the oldest first, and what of it is none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ..ledger.money import CURRENCIES, format_amount
from .amounts import find_mark
from .cells import SEPARATORS, Unreadable, decode, split
from .columns import cell_of, find_header
from .currencies import has_other
from .dates import DateForm, find_order, read_date
from .movements import MOVING, NO_AMOUNT, Odd, Reader, Row
from .sides import find_side

#: What is written in one transaction.
MOST_LINES: Final = 10_000


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
    separator, head, columns = find_header(text, currency)
    _require_currency([head.cells[at] for at in columns.values()], currency)
    lines = list(split(text, separator))
    body = [line for line in lines if line.number > head.number]
    if len(body) > MOST_LINES:
        raise Unreadable(f"has more than {MOST_LINES} lines: bring it in by parts")
    dates = [cell_of(line, columns, "date") for line in body]
    order, certain = find_order(dates)
    dated = [n for n, said in zip(body, dates, strict=True) if read_date(said, order)]
    columns |= find_side(head, dated, columns)
    amounts = [
        cell_of(line, columns, name) for line in body for name in (*MOVING, "balance")
    ]
    mark = find_mark(filter(None, amounts), currency)
    reader = Reader(currency, mark, order, columns, head)
    reader.find_signs(dated)
    read = [reader.read(line) for line in body]
    shown = {role: head.cells[at] for role, at in columns.items()}
    form = Form(encoding, SEPARATORS[separator], mark, shown, reader.dates, certain)
    above = [
        Odd(line.number, "is above the columns")
        for line in lines
        if line.number < head.number
    ]
    statement = Statement(form, skipped=above + reader.skipped)
    _put_in_order(statement, [each for each in read if each is not None], currency)
    return statement


def _require_currency(headings: Iterable[str], currency: str) -> None:
    for heading in headings:
        if has_other(heading, currency):
            raise Unreadable(f"has “{heading}”, but the wallet is in {currency}")


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
            if not each.minor:
                why = f"has no amount, but its balance is {said}, and was {right}"
            statement.refused.append(Odd(each.line, why))
        elif each.minor:
            statement.rows.append(each)
        else:
            statement.skipped.append(Odd(each.line, NO_AMOUNT))
    statement.refused.sort()
    statement.skipped.sort()
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

    It is the last balance before it, and all amounts since, if each of them is known.
    """
    wrong, due = {}, None
    for row in moved:
        if isinstance(row, Odd):
            due = None
            continue
        if due is not None:
            due += row.minor
        if row.balance_minor is not None:
            if due not in (None, row.balance_minor):
                wrong[row.line] = due
            due = row.balance_minor
    return wrong
