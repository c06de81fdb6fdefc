"""What an operation did in the wallet on its other side.

No index leads from an operation to its entries. But its id has the time of its making,
and entries are in the order of theirs, so only those around that time are read.
"""

from typing import Final

from ..ledger.ids import made_at_us
from ..ledger.outcomes import Entry, WalletState
from ..storage.queries import ENTRY, to_entry
from ..storage.store import Store
from .held import held_before

#: How many entries are read on either side of that time: other moves overtake one that
#: waits for a lock, and a history goes on where a clock went back.
AROUND: Final = 5_000
_BY_OPERATION: Final = f"""
{ENTRY} AND entries.version > :after AND entries.version <= :last
  AND entries.operation_id = :operation_id
"""


def find_on_other_side(
    store: Store, wallet: WalletState, operation_id: str
) -> Entry | None:
    """Find the entry that an operation of another wallet made in this one."""
    (held,) = held_before(store, wallet, [made_at_us(operation_id)])
    given = {"after": held.version - AROUND, "last": held.version + AROUND}
    found = store.reader.rows(
        _BY_OPERATION, wallet_id=wallet.id, operation_id=operation_id, **given
    )
    return to_entry(found[0]) if found else None
