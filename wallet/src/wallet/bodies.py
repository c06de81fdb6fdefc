"""The shapes of the JSON that comes in."""

from typing import Final

import msgspec

LONGEST_NAME: Final = 200
LONGEST_NOTE: Final = 500
LARGEST_BATCH: Final = 1_000


class NewWallet(msgspec.Struct, forbid_unknown_fields=True):
    """The body that creates a wallet."""

    name: str = ""
    currency: str = "ZAR"
    floor: str | int = "0"


class NewEntry(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a deposit or a withdrawal."""

    amount: str | int
    note: str | None = None


class NewTransfer(NewEntry, forbid_unknown_fields=True, kw_only=True):
    """The body of a transfer."""

    to: str


class DepositItem(
    NewEntry, forbid_unknown_fields=True, tag_field="kind", tag="deposit"
):
    """A deposit within a batch."""

    key: str | None = None


class WithdrawalItem(
    NewEntry, forbid_unknown_fields=True, tag_field="kind", tag="withdrawal"
):
    """A withdrawal within a batch."""

    key: str | None = None


class TransferItem(
    NewTransfer, forbid_unknown_fields=True, tag_field="kind", tag="transfer"
):
    """A transfer within a batch."""

    key: str | None = None


Item = DepositItem | WithdrawalItem | TransferItem


class NewBatch(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a batch: what is to be moved, in order."""

    operations: list[Item]
    atomic: bool = False


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a call that needs no members."""
