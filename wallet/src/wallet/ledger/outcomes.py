"""What the ledger knows when it decides, and what can come of a command."""

from dataclasses import dataclass, field
from typing import NamedTuple

from .commands import Command, Keyed, Kind
from .held import HoldState
from .refusals import Refusal

# What is known. What is made by the thousand is a tuple, the quickest to make.


class WalletState(NamedTuple):
    """A wallet as its row has it."""

    id: str
    name: str
    currency: str
    floor_minor: int
    created_at_us: int
    creation_key: str | None
    key_version: int
    balance_minor: int
    version: int
    digest: bytes
    last_entry_at_us: int
    archived_at_us: int | None = None
    #: How often its name, floor, key version or archive changed.
    changes: int = 0
    held_minor: int = 0
    #: No open hold expires before; ``None`` if none is open.
    next_expiry_us: int | None = None
    #: The sum of the digests of all rows beside its entries.
    seal: bytes = bytes(32)


class Remembered(NamedTuple):
    """What was answered under a key, and to which request."""

    operation_id: str
    fingerprint: bytes
    status: int
    body: str


#: Wallet and hold.
HoldId = tuple[str, str]
#: Wallet, principal and idempotency key.
Scope = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What a batch of submissions is decided from.

    :param wallets: every wallet that the batch names and that exists.
    :param created: the same for wallets found by the key that created them.
    :param remembered: earlier answers under the keys of the batch.
    :param reversed: wallets and operations of the batch that were undone before.
    :param holds: those that the batch names, and those that have just expired.
    :param next_expiry_us: when the next expires, for wallets where some just did.
    :param now_us: the moment at which all of it was so.
    """

    wallets: dict[str, WalletState] = field(default_factory=dict)
    created: dict[str, WalletState] = field(default_factory=dict)
    remembered: dict[Scope, Remembered] = field(default_factory=dict)
    reversed: set[tuple[str, str]] = field(default_factory=set)
    holds: dict[HoldId, HoldState] = field(default_factory=dict)
    next_expiry_us: dict[str, int | None] = field(default_factory=dict)
    now_us: int = 0


# What comes of it


class Entry(NamedTuple):
    """One line of a wallet's history."""

    wallet_id: str
    version: int
    kind: Kind
    amount_minor: int
    balance_minor: int
    operation_id: str
    counterparty: str | None
    note: str | None
    at_us: int
    payee: str | None
    #: The operation that this entry undoes, and the hold that it was paid out of.
    reverses: str | None
    hold_id: str | None
    digest: bytes
    #: The operation that undid this one, where that was looked up.
    reversed_by: str | None = None


class Change(NamedTuple):
    """What a wallet was from some moment on; number 0 is how it was created."""

    wallet_id: str
    number: int
    name: str
    floor_minor: int
    archived_at_us: int | None
    key_version: int
    #: The version of the wallet at that moment.
    version: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Money moved; the first entry belongs to the wallet that was addressed."""

    command: Keyed
    currency: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Created:
    """A wallet is there: new, or the one that this key created before."""

    wallet: WalletState
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Money was set aside, or let go."""

    command: Keyed
    currency: str
    hold: HoldState


@dataclass(frozen=True, slots=True)
class Unmoved:
    """The balance is what it was to be, so no money moved."""

    command: Keyed


@dataclass(frozen=True, slots=True)
class Changed:
    """The wallet is as it was asked to be."""

    wallet: WalletState


@dataclass(frozen=True, slots=True)
class KeyRaised:
    """The wallet's keys have a new version."""

    wallet: WalletState


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written, except perhaps that this was the answer.

    :param command: the one refused, if a single one is to blame.
    :param index: its place in the submission.
    :param field: the member that is malformed.
    :param reason: what is wrong with it.
    :param remember: keep the answer under the command's key.
    """

    refusal: Refusal
    command: Command | None = None
    index: int = 0
    field: str | None = None
    reason: str | None = None
    remember: bool = False


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used for this very command before: the first answer stands.

    The answer is either in the store, or an outcome of the same batch.
    """

    earlier: "Remembered | Moved | Held | Unmoved | Refused"


Outcome = Moved | Held | Unmoved | Created | Changed | KeyRaised | Refused | Replayed


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An atomic submission of which one command was refused: nothing was done.

    :param index: the place of that command.
    :param outcome: its refusal, new or replayed.
    :param size: the number of commands.
    """

    index: int
    outcome: Refused | Replayed
    size: int


#: What comes of a submission: one outcome for each command, or one for all.
Verdict = tuple[Outcome, ...] | Refused | Abandoned


@dataclass(frozen=True, slots=True)
class Decision:
    """All that a batch changes, and the verdict on each submission in order.

    :param holds: each as it was before, if it was, and as it is now.
    """

    verdicts: tuple[Verdict, ...]
    created: tuple[WalletState, ...]
    changed: tuple[WalletState, ...]
    entries: tuple[Entry, ...]
    changes: tuple[Change, ...] = ()
    holds: tuple[tuple[HoldState | None, HoldState], ...] = ()


@dataclass(frozen=True, slots=True)
class Frozen:
    """An answer as it is sent, and sent again when the request is repeated."""

    status: int
    body: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one command; ``frozen`` is its answer if money was asked to move."""

    outcome: Outcome
    frozen: Frozen | None


Results = tuple[Result, ...] | Refused | Abandoned
