"""What a wallet held at many moments, and within many ranges of its history.

A moment is found through the times of the spans and at most one run of entries. What
is read never changes any more, so several statements need no common snapshot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    ScalarSelect,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from ..ledger.outcomes import WalletState
from ..storage.spans import SIZES, Range
from ..storage.tables import entries, spans

#: The lowest and the highest balance.
Extremes = tuple[int, int]

_wallet: BindParameter[str] = bindparam("wallet_id")
_RANGE = ("place", "size", "first", "last")


@dataclass(frozen=True, slots=True)
class Held:
    """What a wallet held, and how many entries it had."""

    version: int
    balance_minor: int


def held_before(
    connection: Connection, wallet: WalletState, times_us: Sequence[int]
) -> list[Held]:
    """Tell what a wallet held just before each of some moments.

    Entries that were added after the wallet was read are left out.
    """
    empty, now = Held(0, 0), Held(wallet.version, wallet.balance_minor)
    last_us = wallet.last_entry_at_us
    held = [now if time_us > last_us else empty for time_us in times_us]
    asked = [
        (place, time_us)
        for place, time_us in enumerate(times_us)
        if wallet.created_at_us < time_us <= last_us
    ]
    for place, found in _look_up(connection, wallet, _moments, asked):
        held[place] = Held(*found) if found else empty
    return held


def extremes_within(
    connection: Connection, wallet: WalletState, ranges: Sequence[Range]
) -> list[Extremes]:
    """Tell the lowest and the highest balance within each of some ranges."""
    asked = [(n, each.size, each.first, each.last) for n, each in enumerate(ranges)]
    of_spans = [each for each in asked if each[1] > 1]
    extremes: dict[int, Extremes] = {}
    for place, (low, high, count) in _look_up(connection, wallet, _of_spans, of_spans):
        # Where a program wrote that knew no spans, some are missing.
        if count == ranges[place].last - ranges[place].first + 1:
            extremes[place] = (low, high)
    of_entries = [each for each in asked if each[0] not in extremes]
    for place, found in _look_up(connection, wallet, _of_entries, of_entries):
        extremes[place] = found
    return [extremes[place] for place in range(len(ranges))]


def _look_up(
    connection: Connection,
    wallet: WalletState,
    statement: Callable[[bool], Executable],
    asked: Sequence[tuple[int, ...]],
) -> list[tuple[int, Any]]:
    if not asked:
        return []
    sqlite = connection.dialect.name == "sqlite"
    given: dict[str, Any] = {"wallet_id": wallet.id, "version": wallet.version}
    if sqlite:
        given["rows"] = msgspec.json.encode(asked).decode()
    else:
        columns = enumerate(zip(*asked, strict=True))
        given |= {f"column_{place}": list(values) for place, values in columns}
    document = connection.execute(statement(sqlite), given).scalar_one()
    return msgspec.json.decode(document, type=list[tuple[int, Any]])


def _given(sqlite: bool, *names: str) -> FromClause:
    """Take rows of numbers: as JSON, or on PostgreSQL as an array for each column."""
    if sqlite:
        row = func.json_each(bindparam("rows")).table_valued("value").c.value
        members = (
            func.json_extract(row, f"$[{place}]", type_=BigInteger).label(name)
            for place, name in enumerate(names)
        )
        return select(*members).subquery("given")
    arrays = (
        bindparam(f"column_{place}", type_=ARRAY(BigInteger))
        for place in range(len(names))
    )
    columns = (column(name, BigInteger) for name in names)
    return func.unnest(*arrays).table_valued(*columns).render_derived("given")


@cache
def _moments(sqlite: bool) -> Executable:
    given = _given(sqlite, "place", "at_us")
    # The small run in which the moment is, or what follows the last run.
    stop = (
        select((spans.c.number + 1) * SIZES[0])
        .where(
            spans.c.wallet_id == _wallet,
            spans.c.size == SIZES[0],
            spans.c.last_at_us >= given.c.at_us,
        )
        .order_by(spans.c.last_at_us, spans.c.number)
        .limit(1)
        .scalar_subquery()
    )
    stops = select(*given.c, func.coalesce(stop, bindparam("version")).label("stop"))
    # Were this not done first, SQLite would look for the first moment's run only.
    near = stops.cte("near").prefix_with("MATERIALIZED")
    # From its end backwards, at most a run is passed.
    last = (
        select(_together(sqlite, entries.c.version, entries.c.balance_minor))
        .where(
            entries.c.wallet_id == _wallet,
            entries.c.version <= near.c.stop,
            entries.c.at_us < near.c.at_us,
        )
        .order_by(entries.c.version.desc())
        .limit(1)
    )
    return _document(sqlite, near.c.place, last.scalar_subquery())


@cache
def _of_spans(sqlite: bool) -> Executable:
    given = _given(sqlite, *_RANGE)
    among = select(
        _together(
            sqlite,
            func.min(spans.c.low_minor),
            func.max(spans.c.high_minor),
            func.count(),
        )
    ).where(
        spans.c.wallet_id == _wallet,
        spans.c.size == given.c.size,
        spans.c.number.between(given.c.first, given.c.last),
    )
    return _document(sqlite, given.c.place, among.scalar_subquery())


@cache
def _of_entries(sqlite: bool) -> Executable:
    given = _given(sqlite, *_RANGE)
    balance = entries.c.balance_minor
    start, end = given.c.first * given.c.size, (given.c.last + 1) * given.c.size
    among = select(_together(sqlite, func.min(balance), func.max(balance))).where(
        entries.c.wallet_id == _wallet, entries.c.version.between(start + 1, end)
    )
    return _document(sqlite, given.c.place, among.scalar_subquery())


def _document(
    sqlite: bool, place: ColumnElement[int], found: ScalarSelect[list[int]]
) -> Executable:
    # All rows come out as one text: one by one, each would be read by itself.
    if sqlite:
        each = func.json_array(place, func.json(found))
        return select(func.json_group_array(each, type_=Text))
    return select(cast(func.json_agg(func.json_build_array(place, found)), Text))


def _together(sqlite: bool, *values: ColumnElement[int]) -> ColumnElement[list[int]]:
    # A scalar subquery has one column, and a second one would read the rows again.
    make = func.json_array if sqlite else func.json_build_array
    return make(*values, type_=JSON)
