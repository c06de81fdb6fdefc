"""Whom money went to, and whom it came from, within a time."""

from dataclasses import dataclass
from typing import Final

from ..ledger.outcomes import WalletState
from ..storage.queries import whole
from ..storage.store import Store
from .held import held_before

# What was undone never moved, and neither did what undid it. Sums may not fit in 64
# bits, so they are taken in two parts.
_SUMS: Final = """
SELECT trim(coalesce(payee, '')) AS whom, amount_minor > 0 AS came, count(*),
  sum(amount_minor / 1000000000), sum(amount_minor % 1000000000)
FROM entries
WHERE wallet_id = :wallet_id AND version > :after AND version <= :until
  AND reverses IS NULL AND NOT EXISTS (
    SELECT 1 FROM entries AS reversals
    WHERE reversals.wallet_id = entries.wallet_id
      AND reversals.reverses = entries.operation_id
  )
GROUP BY whom, came
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What went to somebody or came from them, in how many entries.

    :param payee: empty for all entries that name nobody.
    :param minor: the sum, without a sign.
    """

    payee: str
    minor: int
    entries: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What came in and what went out, the largest share first."""

    came: list[Share]
    went: list[Share]


def moved_within(store: Store, wallet: WalletState, from_us: int, to_us: int) -> Moved:
    """Add up what moved from one moment until before another."""
    first, last = held_before(store, wallet, (from_us, to_us))
    bounds = {"after": first.version, "until": last.version}
    moved = Moved([], [])
    for whom, came, entries, *parts in store.reader.rows(
        _SUMS, wallet_id=wallet.id, **bounds
    ):
        share = Share(whom, abs(whole(*parts)), entries)
        (moved.came if came else moved.went).append(share)
    for shares in (moved.came, moved.went):
        shares.sort(key=lambda share: (-share.minor, share.payee))
    return moved
