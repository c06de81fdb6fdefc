"""A bank's file as movements, the oldest first, and what of it is none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse, pairwise
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
    moved = _settle(moved)
    due = _balances_due(moved)
    for each in moved:
        if isinstance(each, Odd):
            statement.refused.append(each)
        elif each.line in due:
            told = [each.balance_minor or 0, due[each.line]]
            said, right = (format_amount(n, CURRENCIES[currency]) for n in told)
            why = (
                f"its balance is {said}, but the balance and the amounts before it make"
                f" it {right}"
            )
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


def _is_newest_first(moved: list[Row | Odd]) -> bool:
    """Whether more dates of movements fall than rise, or else what balances say.

    If they tell nothing either, the dates of lines without an amount have a say.
    """
    rows = [each for each in moved if isinstance(each, Row)]
    falls = _falls([row for row in rows if row.minor])
    if not falls:
        as_is, turned = _settle(moved), _settle(moved[::-1])
        falls = len(_balances_due(as_is)) - len(_balances_due(turned))
    return (falls or _falls(rows)) > 0


def _falls(rows: Sequence[Row]) -> int:
    """Tell how many more dates fall than rise."""
    pairs = [(row.date, later.date) for row, later in pairwise(rows)]
    return sum((a > b) - (a < b) for a, b in pairs)


def _settle(moved: list[Row | Odd]) -> list[Row | Odd]:
    """Put what has no amount at either end where its date belongs.

    Files may begin or end with a balance of another day, whatever their order.
    """
    places = [n for n, each in enumerate(moved) if isinstance(each, Odd) or each.minor]
    begin, end = (places[0], places[-1] + 1) if places else (0, 0)
    body = moved[begin:end]
    days = [each.date for each in body if isinstance(each, Row)]
    if not days:
        return moved
    first, last = days[0], days[-1]
    head = [each for each in moved[:begin] if isinstance(each, Row)]
    tail = [each for each in moved[end:] if isinstance(each, Row)]

    def is_early(row: Row) -> bool:
        return row.date <= first and row.date < last

    def is_late(row: Row) -> bool:
        return row.date >= last and row.date > first

    return [
        *filter(is_early, tail),
        *filterfalse(is_late, head),
        *body,
        *filterfalse(is_early, tail),
        *filter(is_late, head),
    ]


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
