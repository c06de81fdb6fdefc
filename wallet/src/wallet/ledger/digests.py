"""Everything that is digested: what was asked, and all that belongs to a wallet.

An entry's digest covers every one of its columns and the digest before it, and for
whom and under which key it was asked for; the first entry's predecessor covers the
wallet as it was created. So a row that is edited, removed, added or moved breaks the
chain at that row.

What stands beside the entries, in no order of its own, is sealed: the wallet has the
sum of the digests of all such rows.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from .commands import (
    CaptureHold,
    Keyed,
    MoveMoney,
    PlaceHold,
    Principal,
    ReleaseHold,
    Reverse,
    SetBalance,
)
from .outcomes import Entry, Held, Moved, Refused, Remembered, Unmoved, WalletState

#: Part of every digest. A change of the digested columns takes a new number, and the
#: old one stays readable, so that a history is never digested anew.
_FIRST_FORMAT: Final = 1
_FORMAT: Final = 2
#: The columns of an entry that the first format had.
_FIRST_COLUMNS: Final = 9
_COLUMNS: Final = Entry._fields.index("digest")
_MODULUS: Final = 2**256

Value = str | int | bytes | None


def first_digest(wallet: WalletState) -> bytes:
    """Digest a wallet as it was created: the predecessor of its first entry."""
    return _digest(
        _FIRST_FORMAT,
        wallet.id,
        wallet.name,
        wallet.currency,
        wallet.floor_minor,
        wallet.created_at_us,
        wallet.creation_key,
    )


def entry_digest(
    previous: bytes,
    entry: Sequence[Value],
    principal: Principal | None,
    key: str | None,
) -> bytes:
    """Digest an entry together with the digest of the one before it.

    :param entry: with or without a digest of its own.
    :param principal: who asked for it, and under which key; nobody on the receiving
        side, which does not have the operation.
    """
    return _digest(_FORMAT, previous, *entry[:_COLUMNS], principal, key)


def old_entry_digest(previous: bytes, entry: Entry) -> bytes | None:
    """Digest an entry as the first format did, ``None`` if it could not have."""
    if any(entry[_FIRST_COLUMNS:_COLUMNS]):
        return None
    return _digest(_FIRST_FORMAT, previous, *entry[:_FIRST_COLUMNS])


def row_digest(table: str, row: Iterable[Value]) -> bytes:
    """Digest a row that stands beside the entries."""
    return _digest(_FORMAT, table, *row)


def reseal(
    seal: bytes, added: Iterable[bytes] = (), removed: Iterable[bytes] = ()
) -> bytes:
    """Add the digests of rows to a seal, and take away those of what they replace."""
    total = int.from_bytes(seal)
    total += sum(map(int.from_bytes, added)) - sum(map(int.from_bytes, removed))
    return (total % _MODULUS).to_bytes(32)


def fingerprint(command: Keyed) -> bytes:
    """Digest what is asked, so that a key used for something else is noticed."""
    if not isinstance(command, MoveMoney):
        return _digest(command.wallet_id, *_asked(command))
    amount = command.amount.canonical()
    asked: tuple[Value, ...] = (command.wallet_id, command.kind.value, amount)
    asked = (*asked, command.recipient, command.note)
    # Without a payee it is what it was before there were any.
    return _digest(*asked) if command.payee is None else _digest(*asked, command.payee)


def _asked(
    command: Reverse | SetBalance | PlaceHold | CaptureHold | ReleaseHold,
) -> tuple[Value, ...]:
    kind = str(command.kind)
    if isinstance(command, SetBalance):
        return kind, command.amount.canonical(), command.note
    if isinstance(command, Reverse):
        return kind, command.undone, command.note
    if isinstance(command, ReleaseHold):
        return kind, command.hold_id
    if isinstance(command, PlaceHold):
        return kind, command.amount.canonical(), command.note, command.expires_in_s
    amount = None if command.amount is None else command.amount.canonical()
    asked: tuple[Value, ...] = (kind, command.hold_id, amount, command.recipient)
    asked = (*asked, command.note, int(command.keep_open))
    return asked if command.payee is None else (*asked, command.payee)


def asked_by(earlier: Remembered | Moved | Held | Unmoved | Refused) -> bytes:
    """Return the fingerprint of the command that was answered earlier."""
    if isinstance(earlier, Remembered):
        return earlier.fingerprint
    assert isinstance(earlier.command, Keyed)  # noqa: S101  only these have keys
    return fingerprint(earlier.command)


def _digest(*values: Value) -> bytes:
    return hashlib.sha256(canonical_bytes(values)).digest()


def canonical_bytes(values: Sequence[Value]) -> bytes:
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
