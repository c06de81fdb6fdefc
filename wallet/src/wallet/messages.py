"""The JSON that comes in, and how JSON is written."""

import json
import re
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Final
from typing import TypeVar

import msgspec

from .money import CURRENCIES
from .money import Amount
from .money import AmountError
from .money import parse_amount
from .money import read_amount
from .problems import Problem
from .problems import malformed

LONGEST_NAME: Final = 200
LONGEST_NOTE: Final = 500

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: Where msgspec found the fault, and which member it does not know or misses.
_FAULT_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_FAULTY_MEMBER: Final = re.compile(
    r"(missing required|contains unknown) field `([^`]*)`"
)


class NewWallet(msgspec.Struct, forbid_unknown_fields=True):
    """The body that creates a wallet."""

    name: str = ""
    currency: str = "ZAR"
    floor: str | int = "0"


class NewEntry(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a deposit or a withdrawal."""

    amount: str | int
    note: str | None = None


class NewTransfer(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a transfer."""

    to: str
    amount: str | int
    note: str | None = None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a call that needs no members."""


Body = TypeVar("Body", NewWallet, NewEntry, NewTransfer, Nothing)


def decode(body: bytes, kind: type[Body]) -> Body:
    """Read a body strictly.

    :raises Problem: malformed; it names the member where there is one.
    """
    try:
        message = msgspec.json.decode(body, type=kind)
        json.loads(body, object_pairs_hook=_refuse_repeated)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise malformed("body", "is not JSON in UTF-8 of a sensible depth") from error
    return message


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


def read_positive_amount(value: str | int) -> Amount:
    """Read an amount that moves; its decimals are judged with the wallet's currency.

    :raises Problem: it is malformed.
    """
    try:
        amount = read_amount(value)
    except AmountError as error:
        raise malformed("amount", str(error)) from error
    if amount.unscaled == 0:
        raise malformed("amount", "must be above zero")
    return amount


def read_note(note: str | None) -> str | None:
    """Check a note.

    :raises Problem: it is malformed.
    """
    if note is not None:
        _check_text("note", note, LONGEST_NOTE)
    return note


def read_recipient(to: str) -> str:
    """Check that a recipient can be written down; the rules judge whether it exists.

    :raises Problem: it is malformed.
    """
    _check_text("to", to, LONGEST_NAME)
    return to


def encode(answer: Any) -> bytes:
    """Write an answer as JSON."""
    return msgspec.json.encode(answer)


def timestamp(at_us: int) -> str:
    """Write microseconds since 1970 as UTC with every digit."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise malformed(repeated, "is given more than once")
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
