"""Checks what stands beside a wallet's entries: its changes, kept answers and holds."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, text

from ..ledger.digests import reseal, row_digest
from ..ledger.held import HoldEnd, HoldState
from ..ledger.outcomes import Change, WalletState
from ..storage.loading import to_hold
from .heads import Beside, Head
from .replay import Fault

_CHANGES: Final = """
SELECT wallet_id, number, name, floor_minor, archived_at_us, key_version, version, at_us
FROM changes WHERE wallet_id = :wallet_id ORDER BY number
"""
# Refusals, and what was answered about holds: no entry proves them.
_ANSWERS: Final = """
SELECT wallet_id, id, principal, key, fingerprint, status, body, at_us
FROM operations
WHERE wallet_id = :wallet_id AND (status <> 201 OR body LIKE '{"hold":%')
"""
_HOLDS: Final = """
SELECT wallet_id, id, amount_minor, captured_minor, note, state, created_at_us,
  expires_at_us, closed_at_us
FROM holds WHERE wallet_id = :wallet_id
"""


def read_changes(connection: Connection, wallet: WalletState) -> list[Change]:
    """Read all that a wallet was; its row is the last of it.

    :raises Fault: one is missing, or the row is another.
    """
    rows = connection.execute(text(_CHANGES), {"wallet_id": wallet.id})
    changes = [Change(*row) for row in rows]
    for number, change in enumerate(changes):
        if change.number != number:
            raise Fault(f"{wallet.id}: its change {number} is missing")
    if max(len(changes) - 1, 0) != wallet.changes:
        raise Fault(
            f"{wallet.id}: its row has {wallet.changes} changes, but there are"
            f" {max(len(changes) - 1, 0)}"
        )
    now = (wallet.name, wallet.floor_minor, wallet.archived_at_us, wallet.key_version)
    last = changes[-1][2:6] if changes else (*now[:2], None, 1)
    if now != last:
        raise Fault(f"{wallet.id}: its row is not what its last change made it")
    return changes


def check_beside(
    connection: Connection,
    wallet: WalletState,
    changes: Sequence[Change],
    captured: dict[str, int],
) -> Beside:
    """Compare holds with entries, and all of it with the seal.

    :param captured: what the entries have paid out of each hold.
    :raises Fault: it names what does not fit.
    """
    rows = connection.execute(text(_ANSWERS), {"wallet_id": wallet.id})
    answers = [row_digest("operations", row) for row in rows]
    holds = _read_holds(connection, wallet, captured)
    changed = _sum_of_changes(changes)
    rest = reseal(changed, answers)
    if _with_holds(rest, holds) != wallet.seal:
        raise Fault(
            f"{wallet.id}: its kept refusals, its changes or its holds are not those"
            " that were written"
        )
    as_placed = map(_as_if_open, holds)
    rest = _with_holds(reseal(bytes(32), answers), as_placed)
    return Beside(wallet.changes, changed, len(answers), len(holds), rest)


def must_still_be(
    wallet: WalletState, changes: Sequence[Change], now: Beside, head: Head
) -> None:
    """Compare what is beside the entries with a head that was kept.

    Changes, answers and holds only ever grow in number. Which of the answers and holds
    were there is known only as long as there are no others.

    :raises Fault: it is not what has come of that.
    """
    if (kept := head.beside) is None:
        return
    first = changes[: kept.changes + 1] if kept.changes else []
    if now.changes < kept.changes or _sum_of_changes(first) != kept.changed:
        raise Fault(
            f"{wallet.id}: its first {kept.changes} changes of name, floor, archive"
            " and key are not those of the head that was kept"
        )
    for what, before, count in (
        ("answers", kept.answers, now.answers),
        ("holds", kept.holds, now.holds),
    ):
        if count < before:
            raise Fault(
                f"{wallet.id}: it has {count} {what} beside its entries, though a head"
                f" with {before} was kept"
            )
    then = (head.version, kept.answers, kept.holds)
    if then == (wallet.version, now.answers, now.holds) and now.rest != kept.rest:
        raise Fault(
            f"{wallet.id}: its kept refusals or its holds were rewritten, they are not"
            " those of the head that was kept"
        )


def _read_holds(
    connection: Connection, wallet: WalletState, captured: dict[str, int]
) -> list[HoldState]:
    """Compare holds with what was paid out of them, and with what is set aside."""
    held, first_us, holds = 0, None, []
    with connection.execute(text(_HOLDS), {"wallet_id": wallet.id}) as rows:
        for row in rows:
            hold = to_hold(row)
            if captured.pop(hold.id, 0) != hold.captured_minor:
                raise Fault(f"{wallet.id}: {hold.id} says otherwise about its captures")
            if (
                hold.state is HoldEnd.EXPIRED
                and hold.closed_at_us != hold.expires_at_us
            ):
                raise Fault(f"{wallet.id}: {hold.id} expired before or after its time")
            if hold.remaining_minor:
                held += hold.remaining_minor
                first_us = min(hold.expires_at_us, first_us or hold.expires_at_us)
            holds.append(hold)
    if captured:
        raise Fault(f"{wallet.id}: its hold {min(captured)} is missing")
    if held != wallet.held_minor:
        raise Fault(
            f"{wallet.id}: its row sets {wallet.held_minor} aside, but its holds {held}"
        )
    if first_us is not None and (wallet.next_expiry_us or first_us + 1) > first_us:
        raise Fault(f"{wallet.id}: a hold expires before its row says so")
    return holds


def _sum_of_changes(changes: Iterable[Change]) -> bytes:
    return reseal(bytes(32), (row_digest("changes", each) for each in changes))


def _with_holds(total: bytes, holds: Iterable[HoldState]) -> bytes:
    return reseal(total, (row_digest("holds", each) for each in holds))


def _as_if_open(hold: HoldState) -> HoldState:
    # That a hold expires is written down by whatever happens next, even by nothing.
    if hold.state is not HoldEnd.EXPIRED:
        return hold
    return hold._replace(state=HoldEnd.OPEN, closed_at_us=None)
