"""Everything that is digested: what was asked, and the chain of a wallet's history.

An entry's digest covers every one of its columns and the digest before it; the first
entry's predecessor covers what never changes about the wallet. So a row that is
edited, removed, added or moved breaks the chain at that row.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from .commands import MoveMoney
from .outcomes import Entry, WalletState

#: Part of every digest. A change of the digested columns takes a new number, and the
#: old one stays readable, so that a history is never digested anew.
DIGEST_FORMAT: Final = 1


def first_digest(wallet: WalletState) -> bytes:
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


def entry_digest(previous: bytes, entry: Entry) -> bytes:
    """Digest an entry together with the digest of the one before it."""
    return _digest(DIGEST_FORMAT, previous, *entry[:-1])


def fingerprint(command: MoveMoney) -> bytes:
    """Digest what is asked, so that a key used for something else is noticed."""
    return _digest(
        command.wallet_id,
        command.kind.value,
        command.amount.canonical(),
        command.recipient,
        command.note,
    )


def _digest(*values: str | int | bytes | None) -> bytes:
    return hashlib.sha256(canonical_bytes(values)).digest()


def canonical_bytes(values: Sequence[str | int | bytes | None]) -> bytes:
    """Write values so that no two different sequences give the same bytes."""
    return b"".join([_canonical(value) for value in values])


def _canonical(value: str | int | bytes | None) -> bytes:
    if value is None:
        return b"n"
    if isinstance(value, str):
        raw = value.encode()
        return b"s%d:%b" % (len(raw), raw)
    if isinstance(value, int):
        raw = b"%d" % value
        return b"i%d:%b" % (len(raw), raw)
    return b"b%d:%b" % (len(value), value)
