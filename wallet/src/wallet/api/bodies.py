"""The shapes of the JSON that comes in, and what is told about them to clients."""

from typing import Annotated
from typing import Any
from typing import Final

import msgspec

from ..ledger.money import CURRENCIES
from ..ledger.money import LARGEST_MINOR

LONGEST_NAME: Final = 200
LONGEST_NOTE: Final = 500
LARGEST_BATCH: Final = 1_000

#: Text of an idempotency key: bare, or quoted with escapes as a header may have it.
KEY_PATTERN: Final = r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'
_PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_MAJOR: Final = LARGEST_MINOR // 100


def told(**schema: Any) -> Any:
    """Say something about a member in the schema that clients see."""
    # Told, not enforced: the reading code refuses with a sentence of its own.
    description = schema.pop("description", None)
    return msgspec.Meta(description=description, extra_json_schema=schema)


_Text = Annotated[
    str,
    told(
        pattern=r"^(?!0(\.0+)?$)(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?$",
        examples=["125.50"],
        description="Major units, with at most the decimals of the wallet's currency.",
    ),
]
_Whole = Annotated[int, told(minimum=1, maximum=_MAJOR)]
_FloorText = Annotated[
    str,
    told(
        pattern=r"^(0|-(0|[1-9][0-9]{0,14}))(\.[0-9]{1,8})?$",
        examples=["0.00"],
        description="The lowest balance allowed, zero or below.",
    ),
]
_WholeFloor = Annotated[int, told(minimum=-_MAJOR, maximum=0)]

Amount = _Text | _Whole
Floor = _FloorText | _WholeFloor
Name = Annotated[str, told(maxLength=LONGEST_NAME, pattern=_PRINTABLE)]
Note = Annotated[str, told(maxLength=LONGEST_NOTE, pattern=_PRINTABLE)]
Currency = Annotated[str, told(enum=sorted(CURRENCIES))]
Recipient = Annotated[
    str,
    told(
        description="The id of another wallet.",
        maxLength=LONGEST_NAME,
        pattern=_PRINTABLE,
    ),
]
Key = Annotated[
    str,
    told(
        description="The idempotency key of this item.",
        maxLength=257,
        pattern=KEY_PATTERN,
    ),
]


class Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A body: what it does not know is refused, and what is left out is a default."""


class NewWallet(Body):
    """The body that creates a wallet."""

    name: Name = ""
    currency: Currency = "ZAR"
    floor: Floor = "0"


class NewEntry(Body):
    """The body of a deposit or a withdrawal."""

    amount: Amount
    note: Note | None = None


class NewTransfer(NewEntry, kw_only=True):
    """The body of a transfer."""

    to: Recipient


class DepositItem(NewEntry, tag_field="kind", tag="deposit"):
    """A deposit within a batch."""

    key: Key | None = None


class WithdrawalItem(NewEntry, tag_field="kind", tag="withdrawal"):
    """A withdrawal within a batch."""

    key: Key | None = None


class TransferItem(NewTransfer, tag_field="kind", tag="transfer"):
    """A transfer within a batch."""

    key: Key | None = None


Item = DepositItem | WithdrawalItem | TransferItem
Items = Annotated[list[Item], told(minItems=1, maxItems=LARGEST_BATCH)]


class NewBatch(Body):
    """The body of a batch: what is to be moved, in order."""

    operations: Items
    atomic: bool = False


class Nothing(Body):
    """The body of a call that needs no members."""
