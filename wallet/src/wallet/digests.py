"""The chain of digests that makes a history tamper-evident.

An entry's digest covers every one of its columns and the digest before it; the first
entry's predecessor covers what never changes about the wallet. So a row that is
edited, removed, added or moved breaks the chain at that row.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Final

if TYPE_CHECKING:
    from .outcomes import Entry
    from .outcomes import WalletState

#: Part of every digest. A change of the digested columns takes a new number, and the
#: old one stays readable, so that a history is never digested anew.
DIGEST_FORMAT: Final = 1


def first_digest(wallet: "WalletState") -> bytes:
    """Digest what never changes about a wallet: the predecessor of its first entry."""
    return _digest(
        DIGEST_FORMAT,
        wallet.id,
        wallet.name,
        wallet.currency,
        wallet.floor_minor,
        wallet.created_at_us,
        wallet.creation_key,
    )


def entry_digest(previous: bytes, entry: "Entry") -> bytes:
    """Digest an entry together with the digest of the one before it."""
    return _digest(
        DIGEST_FORMAT,
        previous,
        entry.wallet_id,
        entry.version,
        entry.kind.value,
        entry.amount_minor,
        entry.balance_minor,
        entry.operation_id,
        entry.counterparty,
        entry.note,
        entry.at_us,
    )


def _digest(*values: str | int | bytes | None) -> bytes:
    return hashlib.sha256(canonical_bytes(values)).digest()


def canonical_bytes(values: Sequence[str | int | bytes | None]) -> bytes:
    """Write values so that no two different sequences give the same bytes."""
    parts = []
    for value in values:
        if value is None:
            parts.append(b"n")
            continue
        if isinstance(value, bytes):
            mark, raw = b"b", value
        elif isinstance(value, int):
            mark, raw = b"i", b"%d" % value
        else:
            mark, raw = b"s", value.encode()
        parts.append(b"%b%d:" % (mark, len(raw)))
        parts.append(raw)
    return b"".join(parts)
