"""What must hold over all wallets together."""

from typing import Any
from typing import Final

from sqlalchemy import ColumnElement
from sqlalchemy import Connection
from sqlalchemy import FromClause
from sqlalchemy import Integer
from sqlalchemy import cast
from sqlalchemy import func
from sqlalchemy import or_
from sqlalchemy import select

from ..storage.spans import SIZES
from ..storage.tables import entries
from ..storage.tables import operations
from ..storage.tables import spans
from ..storage.tables import wallets
from .replay import Fault

#: Sums over all wallets may not fit in 64 bits, so they are taken in two parts.
_PART: Final = 10**9


def check_totals(connection: Connection) -> None:
    """Check orphans, spans, both sides of every transfer, and the sums of currencies.

    :raises Fault: it names the first row, or the currency, that is wrong.
    """
    _check_orphans(connection)
    _check_spans(connection)
    _check_transfers(connection)
    _check_sums(connection)


def held_by_currency(connection: Connection) -> dict[str, int]:
    """Sum the balances of all wallets, for each currency."""
    return _sums(connection, wallets.c.balance_minor, wallets)


def _check_orphans(connection: Connection) -> None:
    orphans: tuple[tuple[str, FromClause, ColumnElement[str]], ...] = (
        ("an entry", entries, entries.c.wallet_id),
        ("an operation", operations, operations.c.wallet_id),
        ("a span", spans, spans.c.wallet_id),
    )
    for what, table, owner in orphans:
        orphan = connection.execute(
            select(owner)
            .join_from(table, wallets, wallets.c.id == owner, isouter=True)
            .where(wallets.c.id.is_(None))
            .limit(1)
        ).scalar()
        if orphan is not None:
            raise Fault(f"{orphan}: there is {what}, but no such wallet")


def _check_spans(connection: Connection) -> None:
    # Those that a history completes were compared with it; there may be no others.
    end = (spans.c.number + 1) * spans.c.size
    bad = connection.execute(
        select(spans.c.wallet_id, spans.c.size, spans.c.number)
        .join_from(spans, wallets, wallets.c.id == spans.c.wallet_id)
        .where(or_(spans.c.size.not_in(SIZES), end > wallets.c.version))
        .limit(1)
    ).one_or_none()
    if bad is not None:
        raise Fault(f"{bad[0]}: no entries make the span {bad[2]} of size {bad[1]}")


def _check_transfers(connection: Connection) -> None:
    one, other = func.min(entries.c.wallet_id), func.max(entries.c.wallet_id)
    bad = connection.execute(
        select(one, entries.c.operation_id)
        .where(entries.c.kind == "transfer")
        .group_by(entries.c.operation_id)
        .having(
            or_(
                func.count() != 2,
                func.sum(entries.c.amount_minor) != 0,
                one == other,
                one != func.min(entries.c.counterparty),
                other != func.max(entries.c.counterparty),
            )
        )
        .limit(1)
    ).one_or_none()
    if bad is not None:
        raise Fault(
            f"{bad[0]}: the two sides of the transfer {bad[1]} do not fit together"
        )


def _check_sums(connection: Connection) -> None:
    held = held_by_currency(connection)
    moved = _sums(
        connection,
        entries.c.amount_minor,
        entries.join(wallets, wallets.c.id == entries.c.wallet_id),
        entries.c.kind != "transfer",
    )
    for currency, balance in sorted(held.items()):
        if balance != moved.get(currency, 0):
            raise Fault(
                f"{currency}: the balances sum to {balance}, but deposits less"
                f" withdrawals to {moved.get(currency, 0)}"
            )


def _sums(
    connection: Connection,
    amount: ColumnElement[int],
    source: FromClause,
    *conditions: ColumnElement[bool],
) -> dict[str, int]:
    def total(part: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(part), 0)

    rows = connection.execute(
        select(
            wallets.c.currency,
            total(amount.op("/")(cast(_PART, Integer))),
            total(amount.op("%")(cast(_PART, Integer))),
        )
        .select_from(source)
        .where(*conditions)
        .group_by(wallets.c.currency)
    )
    return {currency: int(high) * _PART + int(low) for currency, high, low in rows}
