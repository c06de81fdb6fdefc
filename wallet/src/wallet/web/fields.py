"""Reads and checks the JSON that comes in, and writes JSON."""

import json
import re
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Final
from typing import TypeVar

import msgspec

from ..api.bodies import LARGEST_BATCH
from ..api.bodies import LONGEST_NAME
from ..api.bodies import LONGEST_NOTE
from ..api.bodies import Body
from ..api.bodies import Item
from ..api.bodies import NewBatch
from ..api.bodies import NewWallet
from ..ledger.commands import Kind
from ..ledger.money import CURRENCIES
from ..ledger.money import Amount
from ..ledger.money import AmountError
from ..ledger.money import parse_amount
from ..ledger.money import read_amount
from .problems import Problem
from .problems import malformed

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: UTC, as every time here.
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001
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


def read_new_wallet(message: NewWallet) -> tuple[str, str, int]:
    """Check the members of a new wallet: its name, currency and floor.

    :raises Problem: one of them is malformed.
    """
    _check_text("name", message.name, LONGEST_NAME)
    exponent = CURRENCIES.get(message.currency)
    if exponent is None:
        listed = ", ".join(sorted(CURRENCIES))
        raise malformed("currency", f"must be one of {listed}")
    return message.name, message.currency, _read_floor(message.floor, exponent)


def kind_of(item: Item) -> Kind:
    """Tell what an item of a batch asks for."""
    return Kind(str(item.__struct_config__.tag))


def check_size(batch: NewBatch) -> None:
    """Check that a batch has items, and not too many.

    :raises Problem: it has none, or too many.
    """
    if not 1 <= len(batch.operations) <= LARGEST_BATCH:
        raise malformed("operations", f"must have 1 to {LARGEST_BATCH} items")


def read_positive_amount(value: str | int, field: str = "amount") -> Amount:
    """Read an amount that moves; its decimals are judged with the wallet's currency.

    :raises Problem: it is malformed.
    """
    try:
        amount = read_amount(value)
    except AmountError as error:
        raise malformed(field, str(error)) from error
    if amount.unscaled == 0:
        raise malformed(field, "must be above zero")
    return amount


def read_note(note: str | None, field: str = "note") -> str | None:
    """Check a note.

    :raises Problem: it is malformed.
    """
    if note is not None:
        _check_text(field, note, LONGEST_NOTE)
    return note


def read_recipient(to: str, field: str = "to") -> str:
    """Check that a recipient can be written down; the rules judge whether it exists.

    :raises Problem: it is malformed.
    """
    _check_text(field, to, LONGEST_NAME)
    return to


def encode(answer: Any) -> bytes:
    """Write an answer as JSON."""
    return msgspec.json.encode(answer)


def timestamp(at_us: int) -> str:
    """Write microseconds since 1970 as UTC with every digit."""
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at.isoformat(timespec='microseconds')}Z"


def _read_floor(value: str | int, exponent: int) -> int:
    text = str(value)
    if not text.startswith("-"):
        minor = _read_member("floor", value, exponent)
        if minor > 0:
            raise malformed("floor", "must be zero or below")
        return minor
    return -_read_member("floor", text[1:], exponent)


def _read_member(field: str, value: str | int, exponent: int) -> int:
    try:
        return parse_amount(value, exponent)
    except AmountError as error:
        raise malformed(field, str(error)) from error


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise malformed(field, f"must have at most {longest} characters")
    if _UNPRINTABLE.search(text):
        raise malformed(field, "must have no control characters")


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
