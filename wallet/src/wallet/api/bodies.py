"""The JSON that comes in: its shapes, and how it is read."""

import json
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from flask import Request
from msgspec import UNSET, UnsetType

from ..web.auth import Caller
from ..web.body import read_body
from ..web.described import described, named
from ..web.fields import (
    LARGEST_BATCH,
    Amount,
    Balance,
    Currency,
    Floor,
    Key,
    Name,
    Note,
    Payee,
    Recipient,
    explain,
)
from ..web.problems import malformed
from ..web.replies import encode

#: A year at most.
ExpiresIn = Annotated[
    int, msgspec.Meta(ge=1, le=31_536_000), described("Seconds until it expires.")
]
#: Whether there is such a hold is judged later.
NamedHold = Annotated[Name, described("The id of a hold.", **named("HoldId"))]
_ItemKey = Annotated[Key, described("The idempotency key of this item.")]


class Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A body: what it does not know is refused, and what is left out is a default."""

    #: What its members must be, where the like of other bodies must be something else.
    MUST_BE: ClassVar[dict[str, str]] = {}


class NewWallet(Body):
    """The body that creates a wallet."""

    name: Name = ""
    currency: (
        Annotated[Currency, described("The default is that of the service.")]
        | UnsetType
    ) = UNSET
    floor: Floor = "0"


class NewEntry(Body):
    """The body of a deposit or a withdrawal."""

    amount: Amount
    note: Note | None = None
    payee: Payee | None = None


class WalletChange(Body):
    """The body that changes a wallet: what is left out stays."""

    name: Name | UnsetType = UNSET
    floor: Floor | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class NewBalance(Body):
    """The body that sets a balance."""

    MUST_BE: ClassVar = {
        "amount": 'text such as "125.50" or "-125.50", or a whole number, with at most'
        " 8 decimals"
    }

    amount: Balance
    note: Note | None = None


class NewTransfer(NewEntry, kw_only=True):
    """The body of a transfer."""

    to: Recipient


class NewReversal(Body):
    """The body that undoes an entry."""

    note: Note | None = None


class DepositItem(NewEntry, tag_field="kind", tag="deposit"):
    """A deposit within a batch."""

    key: _ItemKey | None = None


class WithdrawalItem(NewEntry, tag_field="kind", tag="withdrawal"):
    """A withdrawal within a batch."""

    key: _ItemKey | None = None


class TransferItem(NewTransfer, tag_field="kind", tag="transfer"):
    """A transfer within a batch."""

    key: _ItemKey | None = None


class NewHold(Body):
    """The body that sets money aside."""

    amount: Amount
    note: Note | None = None
    expires_in: ExpiresIn = 604_800


class NewCapture(Body):
    """The body that pays out of a hold."""

    amount: Amount | None = None
    to: Recipient | None = None
    note: Note | None = None
    keep_open: bool = False


class HoldItem(NewHold, tag_field="kind", tag="hold"):
    """A hold within a batch."""

    key: _ItemKey | None = None


class CaptureItem(NewCapture, kw_only=True, tag_field="kind", tag="capture"):
    """A capture within a batch."""

    hold: NamedHold
    key: _ItemKey | None = None


class ReleaseItem(Body, kw_only=True, tag_field="kind", tag="release"):
    """A release within a batch."""

    hold: NamedHold
    key: _ItemKey | None = None


MoveItem = DepositItem | WithdrawalItem | TransferItem
Item = MoveItem | HoldItem | CaptureItem | ReleaseItem


class NewBatch(Body):
    """The body of a batch: what is to be moved, in order."""

    operations: Annotated[
        list[Item], msgspec.Meta(min_length=1, max_length=LARGEST_BATCH)
    ]
    atomic: bool = False


class Nothing(Body):
    """The body of a call that needs no members."""


AnyBody = TypeVar("AnyBody", bound=Body)


def read_json(
    incoming: Request, caller: Caller, kind: type[AnyBody], empty: bytes = b""
) -> AnyBody:
    """Read the body of a request strictly.

    :param empty: what stands for a body of no bytes.
    :raises Problem: it is too large or malformed.
    """
    body = read_body(incoming, caller) or empty
    try:
        message = msgspec.json.decode(body, type=kind)
        if _may_repeat(body, message):
            json.loads(body, object_pairs_hook=_Repetitions().refuse)
    except _Repeated as error:
        raise malformed(error.path(message), "is given more than once") from error
    except msgspec.ValidationError as error:
        raise explain(error, must_be=kind.MUST_BE) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise malformed(
            "body", "must be JSON in UTF-8, not too deeply nested"
        ) from error
    return message


def _may_repeat(body: bytes, message: Body) -> bool:
    # Each member has a colon. Written again without defaults, a message has as many as
    # its body unless a member was repeated, or a default given: then look closely. An
    # escape could hide a colon.
    return b"\\" in body or body.count(b":") != encode(message).count(b":")


class _Repeated(Exception):
    """A member is given more than once, in one of the objects of a body."""

    def __init__(self, name: str, index: int) -> None:
        super().__init__(name)
        self.name, self.index = name, index

    def path(self, message: msgspec.Struct) -> str:
        """Name the member; an item is one object, and ends before the body does."""
        if isinstance(message, NewBatch) and self.index < len(message.operations):
            return f"operations[{self.index}].{self.name}"
        return self.name


class _Repetitions:
    """Looks for repeated members while a body is read, one object after another."""

    def __init__(self) -> None:
        self._objects = 0

    def refuse(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            raise _Repeated(repeated, self._objects)
        self._objects += 1
        return members
