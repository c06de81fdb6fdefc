"""What must hold over all wallets together."""

from sqlalchemy import ColumnElement, Connection, FromClause, func, or_, select

from ..storage.queries import held_by_currency, sum_by_currency
from ..storage.spans import SIZES
from ..storage.tables import entries, operations, spans, wallets
from .replay import Fault


def check_totals(connection: Connection) -> None:
    """Check orphans, spans, both sides of every transfer, and the sums of currencies.

    :raises Fault: it names the first row, or the currency, that is wrong.
    """
    _check_orphans(connection)
    _check_spans(connection)
    _check_transfers(connection)
    _checksum_by_currency(connection)


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


def _checksum_by_currency(connection: Connection) -> None:
    held = held_by_currency(connection)
    moved = sum_by_currency(
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
