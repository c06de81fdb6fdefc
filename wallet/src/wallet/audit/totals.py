"""What must hold over all wallets together."""

from typing import Final

from sqlalchemy import Connection, text

from ..storage.queries import HELD_BY_CURRENCY, to_sums
from ..storage.spans import SIZES
from ..storage.spreading import is_spread
from .replay import Fault

_ORPHANS: Final = """
SELECT what, wallet_id FROM (
  SELECT 'an entry' AS what, wallet_id FROM entries
  UNION ALL SELECT 'an operation', wallet_id FROM operations
  UNION ALL SELECT 'a span', wallet_id FROM spans
  UNION ALL SELECT 'a change', wallet_id FROM changes
  UNION ALL SELECT 'a hold', wallet_id FROM holds
) AS rows_of
LEFT JOIN wallets ON wallets.id = wallet_id
WHERE wallets.id IS NULL LIMIT 1
"""
# Those that a history completes were compared with it; there may be no others.
_SPANS: Final = """
SELECT wallet_id, size, number
FROM spans JOIN wallets ON wallets.id = wallet_id
WHERE size NOT IN (:small, :large) OR (number + 1) * size > version LIMIT 1
"""
_TRANSFERS: Final = """
SELECT min(wallet_id), operation_id FROM entries WHERE counterparty IS NOT NULL
GROUP BY operation_id
HAVING count(*) <> 2 OR sum(amount_minor) <> 0 OR min(wallet_id) = max(wallet_id)
  OR min(wallet_id) <> min(counterparty) OR max(wallet_id) <> max(counterparty)
LIMIT 1
"""
# A reversal comes after what it undoes, and takes back all of it. From what was undone
# an index leads to the reversal, entry by entry, whatever a planner knows of the table.
REVERSALS: Final = """
SELECT wallet_id, version FROM entries WHERE kind = 'reversal'
EXCEPT
SELECT wallet_id, (
  SELECT version FROM entries AS reversal
  WHERE reversal.wallet_id = undone.wallet_id
    AND reversal.reverses = undone.operation_id
    AND reversal.version > undone.version
    AND reversal.amount_minor = -undone.amount_minor
    AND coalesce(reversal.counterparty, '') = coalesce(undone.counterparty, '')
)
FROM entries AS undone WHERE kind <> 'reversal'
LIMIT 1
"""
# Each key of a creation must lead to its wallet, or it could make another one.
_CREATIONS: Final = """
SELECT id FROM (
  (SELECT creation_key, id FROM wallets WHERE creation_key IS NOT NULL
   EXCEPT SELECT key, wallet_id FROM creations)
  UNION ALL (SELECT key, wallet_id FROM creations
   EXCEPT SELECT creation_key, id FROM wallets)
) AS odd LIMIT 1
"""
_MOVED_BY_CURRENCY: Final = """
SELECT currency, sum(amount_minor / 1000000000), sum(amount_minor % 1000000000)
FROM entries JOIN wallets ON wallets.id = wallet_id
WHERE counterparty IS NULL GROUP BY currency
"""


def check_totals(connection: Connection) -> None:
    """Check orphans, spans, both sides of every transfer, and the sums of currencies.

    :raises Fault: it names the first row, or the currency, that is wrong.
    """
    if found := connection.execute(text(_ORPHANS)).first():
        what, wallet_id = found
        raise Fault(f"{wallet_id}: there is {what}, but no such wallet")
    small, large = SIZES
    sizes = {"small": small, "large": large}
    if found := connection.execute(text(_SPANS), sizes).first():
        wallet_id, size, number = found
        raise Fault(f"{wallet_id}: no entries make the span {number} of size {size}")
    if found := connection.execute(text(_TRANSFERS)).first():
        wallet_id, operation_id = found
        raise Fault(
            f"{wallet_id}: the two sides of the transfer {operation_id} do not fit"
            " together"
        )
    if found := connection.execute(text(REVERSALS)).first():
        wallet_id, version = found
        raise Fault(f"{wallet_id} version {version}: it undoes nothing that was done")
    if is_spread(connection) and (
        found := connection.execute(text(_CREATIONS)).first()
    ):
        raise Fault(f"{found[0]}: the key of its creation does not lead to it")
    held = to_sums(connection.execute(text(HELD_BY_CURRENCY)))
    moved = to_sums(connection.execute(text(_MOVED_BY_CURRENCY)))
    for currency, balance in sorted(held.items()):
        if balance != moved.get(currency, 0):
            raise Fault(
                f"{currency}: the balances sum to {balance}, but deposits less"
                f" withdrawals to {moved.get(currency, 0)}"
            )
