"""The JSON that comes in: its shapes, and how it is read."""

import json
import re
from typing import Annotated, Any, Final, TypeVar

import msgspec

from ..ledger.commands import Kind
from ..ledger.money import CURRENCIES, LARGEST_MINOR
from ..web.fields import LONGEST_NAME, LONGEST_NOTE
from ..web.problems import Problem, malformed
from ..web.replies import encode

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


#: Where msgspec found the fault, and which member it does not know or misses.
_FAULT_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_FAULTY_MEMBER: Final = re.compile(
    r"(missing required|contains unknown) field `([^`]*)`"
)

AnyBody = TypeVar("AnyBody", bound=Body)


def decode(body: bytes, kind: type[AnyBody]) -> AnyBody:
    """Read a body strictly.

    :raises Problem: malformed; it names the member where there is one.
    """
    try:
        message = msgspec.json.decode(body, type=kind)
        if _may_repeat(body, message):
            json.loads(body, object_pairs_hook=_Repetitions().refuse)
    except _Repeated as error:
        raise malformed(error.path(message), "is given more than once") from error
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise malformed("body", "is not JSON in UTF-8 of a sensible depth") from error
    return message


def _may_repeat(body: bytes, message: Body) -> bool:
    # Each member has a colon. Written again without defaults, a message has as many as
    # its body unless a member was repeated, or a default given: then look closely. An
    # escape could hide a colon.
    return b"\\" in body or body.count(b":") != encode(message).count(b":")


def kind_of(item: Item) -> Kind:
    """Tell what an item of a batch asks for."""
    return Kind(str(item.__struct_config__.tag))


def check_size(batch: NewBatch) -> None:
    """Check that a batch has items, and not too many.

    :raises Problem: it has none, or too many.
    """
    if not 1 <= len(batch.operations) <= LARGEST_BATCH:
        raise malformed("operations", f"must have 1 to {LARGEST_BATCH} items")


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


def _explain(fault: str) -> Problem:
    at = _FAULT_AT.search(fault)
    path = at[1] if at else ""
    member = _FAULTY_MEMBER.search(fault)
    if member:
        field = f"{path}.{member[2]}" if path else member[2]
        missing = member[1].startswith("missing")
        return malformed(
            field, "is missing" if missing else "is not a member of this call"
        )
    field = path or "body"
    if field.rpartition(".")[2] in ("amount", "floor"):
        return malformed(field, 'must be text such as "125.50", or a whole number')
    kinds = fault.partition(" - at ")[0].replace("`", "")
    return malformed(field, f"has the wrong type: {kinds[:1].lower()}{kinds[1:]}")
