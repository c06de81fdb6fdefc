"""What can be asked of the ledger.

A command is a value: frozen and compared by its contents. The ids of what it makes
travel in it, so that the same commands give the same journal wherever they are
decided.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from .ids import is_wallet_id
from .money import Amount


class Kind(StrEnum):
    """The kind of an entry, and of the command that makes it."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    REVERSAL = "reversal"


class Principal(StrEnum):
    """On whose behalf a command comes; idempotency keys are kept apart by it."""

    OPERATOR = "operator"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class CreateWallet:
    """Open a wallet. Its key, if any, is unique over the whole store."""

    wallet_id: str
    name: str
    currency: str
    floor_minor: int
    key: str | None = None
    kind: ClassVar[str] = "new-wallet"


@dataclass(frozen=True, slots=True)
class MoveMoney:
    """Deposit into, withdraw from, or transfer out of a wallet.

    :param at_us: when that was, if it is told afterwards. It is no part of what a key
        stands for.
    """

    operation_id: str
    wallet_id: str
    kind: Kind
    amount: Amount
    recipient: str | None = None
    note: str | None = None
    principal: Principal = Principal.OPERATOR
    key: str | None = None
    payee: str | None = None
    at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Reverse:
    """Undo an operation by the opposite entries.

    What it undoes was read from its entry in the wallet, which never changes.

    :param undone: the operation, and its kind.
    :param change_minor: what the wallet gains by the reversal.
    :param recipient: the wallet on the other side, if there is one.
    """

    operation_id: str
    wallet_id: str
    undone: str
    undone_kind: Kind
    change_minor: int
    recipient: str | None = None
    note: str | None = None
    principal: Principal = Principal.OPERATOR
    key: str | None = None
    kind: ClassVar[Kind] = Kind.REVERSAL


@dataclass(frozen=True, slots=True)
class SetBalance:
    """Deposit or withdraw what is missing to an amount, which may be below zero."""

    operation_id: str
    wallet_id: str
    amount: Amount
    note: str | None = None
    principal: Principal = Principal.OPERATOR
    key: str | None = None
    kind: ClassVar[str] = "balance"


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Set an amount aside, for so many seconds."""

    operation_id: str
    wallet_id: str
    hold_id: str
    amount: Amount
    expires_in_s: int
    note: str | None = None
    principal: Principal = Principal.OPERATOR
    key: str | None = None
    kind: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """Pay out of a hold: all that remains, or an amount of it.

    :param recipient: the wallet that gets it; without one it leaves.
    :param keep_open: what remains then stays aside.
    """

    operation_id: str
    wallet_id: str
    hold_id: str
    amount: Amount | None = None
    recipient: str | None = None
    note: str | None = None
    keep_open: bool = False
    principal: Principal = Principal.OPERATOR
    key: str | None = None
    payee: str | None = None
    kind: ClassVar[str] = "capture"


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Let go of what remains of a hold."""

    operation_id: str
    wallet_id: str
    hold_id: str
    principal: Principal = Principal.OPERATOR
    key: str | None = None
    kind: ClassVar[str] = "release"


@dataclass(frozen=True, slots=True)
class ChangeWallet:
    """Change what is not money; what is ``None`` stays.

    :param seen: how often the wallet had been changed when it was looked at; if it was
        changed since, it is not changed again.
    """

    wallet_id: str
    name: str | None = None
    floor: Amount | None = None
    archived: bool | None = None
    seen: int | None = None
    kind: ClassVar[str] = "change"


@dataclass(frozen=True, slots=True)
class RaiseKeyVersion:
    """Make every key of a wallet that was given out so far worthless."""

    wallet_id: str
    kind: ClassVar[str] = "new-key"


#: What may carry an idempotency key of its wallet.
Keyed = MoveMoney | Reverse | SetBalance | PlaceHold | CaptureHold | ReleaseHold
Command = CreateWallet | Keyed | ChangeWallet | RaiseKeyVersion


@dataclass(frozen=True, slots=True)
class Submission:
    """Commands that one request sends together, in order.

    :param commands: at least one; a single command is a list of one.
    :param wallet_id: the wallet that the request addresses, ``None`` for a new one.
    :param key_version: the version of the wallet key that the caller showed.
    :param if_match: the version that the wallet must still have.
    :param atomic: one refusal refuses all.
    """

    commands: tuple[Command, ...]
    wallet_id: str | None = None
    key_version: int | None = None
    if_match: int | None = None
    atomic: bool = False

    def wallets(self) -> set[str]:
        """Name every wallet that it is about, whether it exists or not."""
        ids = {self.wallet_id} if self.wallet_id else set()
        for command in self.commands:
            recipient = getattr(command, "recipient", None)
            # Anything may stand there; only what can be an id is looked up.
            if recipient is not None and is_wallet_id(recipient):
                ids.add(recipient)
        return ids
