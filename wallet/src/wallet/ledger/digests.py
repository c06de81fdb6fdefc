"""Everything that is digested: what was asked, and the chain of a wallet's history.

An entry's digest covers every one of its columns and the digest before it; the first
entry's predecessor covers what never changes about the wallet. So a row that is
edited, removed, added or moved breaks the chain at that row.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from .commands import MoveMoney
from .outcomes import Entry, Moved, Refused, Remembered, WalletState

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


def asked_by(earlier: Remembered | Moved | Refused) -> bytes:
    """Return the fingerprint of the command that was answered earlier."""
    if isinstance(earlier, Remembered):
        return earlier.fingerprint
    assert isinstance(earlier.command, MoveMoney)  # noqa: S101  only these have keys
    return fingerprint(earlier.command)


def _digest(*values: str | int | bytes | None) -> bytes:
    return hashlib.sha256(canonical_bytes(values)).digest()


def canonical_bytes(values: Sequence[str | int | bytes | None]) -> bytes:
    """Write values so that no two different sequences give the same bytes."""
    parts = []
    for value in values:
        if value is None:
            parts.append(b"n")
        elif isinstance(value, str):
            raw = value.encode()
            parts.append(b"s%d:%b" % (len(raw), raw))
        elif isinstance(value, int):
            raw = b"%d" % value
            parts.append(b"i%d:%b" % (len(raw), raw))
        else:
            parts.append(b"b%d:%b" % (len(value), value))
    return b"".join(parts)
