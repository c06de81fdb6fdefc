"""Whom money went to, and whom it came from, within a time."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from ..ledger.outcomes import WalletState
from ..storage.queries import whole
from ..storage.store import Store
from .held import held_before

#: Of more entries no sum is made.
MOST_ADDED: Final = 1_000_000

# What was undone never moved, and neither did what undid it. Sums may not fit in 64
# bits, so they are taken in two parts.
_SUMS: Final = """
SELECT payee, counterparty, amount_minor > 0 AS came, count(*),
  sum(amount_minor / 1000000000), sum(amount_minor % 1000000000)
FROM entries
WHERE wallet_id = :wallet_id AND version > :after AND version <= :until
  AND reverses IS NULL AND NOT EXISTS (
    SELECT 1 FROM entries AS reversals
    WHERE reversals.wallet_id = entries.wallet_id
      AND reversals.reverses = entries.operation_id
  )
GROUP BY payee, counterparty, came
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What went to somebody or came from them, in how many entries.

    :param payee: without the blanks around it; empty where none is named.
    :param counterparty: the wallet on the other side, where no payee is named.
    :param minor: the sum, without a sign.
    """

    payee: str
    counterparty: str
    minor: int
    entries: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What came in and what went out, the largest share first."""

    came: list[Share]
    went: list[Share]


def moved_within(
    store: Store, wallet: WalletState, from_us: int, to_us: int
) -> Moved | None:
    """Add up what moved from one moment until before another.

    :return: ``None`` where that is more than :data:`MOST_ADDED` entries.
    """
    first, last = held_before(store, wallet, (from_us, to_us))
    if last.version - first.version > MOST_ADDED:
        return None
    bounds = {"after": first.version, "until": last.version}
    rows = store.reader.rows(_SUMS, wallet_id=wallet.id, **bounds)
    # Databases differ in what they take for a blank.
    sums: dict[tuple[bool, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for named, counterparty, came, entries, *parts in rows:
        payee = (named or "").strip()
        found = sums[bool(came), payee, "" if payee else counterparty or ""]
        found[0] += abs(whole(*parts))
        found[1] += entries
    moved = Moved([], [])
    for (came, payee, counterparty), total in sums.items():
        share = Share(payee, counterparty, *total)
        (moved.came if came else moved.went).append(share)
    for shares in (moved.came, moved.went):
        shares.sort(key=lambda share: (-share.minor, share.payee, share.counterparty))
    return moved
