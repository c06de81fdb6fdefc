"""Why the ledger refuses a command."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a command is not carried out. The values are the names of the problems."""

    MALFORMED = "malformed"
    STALE_CREDENTIALS = "unauthenticated"
    UNKNOWN_WALLET = "unknown-wallet"
    VERSION_MISMATCH = "version-mismatch"
    KEY_REUSED = "key-reused"
    UNKNOWN_HOLD = "unknown-hold"
    FLOOR_TOO_HIGH = "floor-too-high"
    NOT_EMPTY = "not-empty"
    # The rules decide those below: they are remembered under the command's key.
    INSUFFICIENT_FUNDS = "insufficient-funds"
    SELF_TRANSFER = "self-transfer"
    UNKNOWN_RECIPIENT = "unknown-recipient"
    CURRENCY_MISMATCH = "currency-mismatch"
    BALANCE_TOO_LARGE = "balance-too-large"
    ALREADY_REVERSED = "already-reversed"
    NOT_REVERSIBLE = "not-reversible"
    ARCHIVED = "archived"
    HOLD_CLOSED = "hold-closed"
    HOLD_EXPIRED = "hold-expired"
    HOLD_EXCEEDED = "hold-exceeded"


_REFUSALS = tuple(Refusal)
DECIDED_BY_RULES = frozenset(_REFUSALS[_REFUSALS.index(Refusal.INSUFFICIENT_FUNDS) :])
