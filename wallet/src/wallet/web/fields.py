"""What a field, a header or a parameter may hold.

Each type is checked when it is read, and describes itself to clients. A refusal names
the field and says what it must be.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from ..ledger.money import (
    CURRENCIES,
    LARGEST_MINOR,
    AmountError,
    parse_amount,
)
from .described import described, matching, named
from .problems import Problem, malformed

LONGEST_PAGE: Final = 500
DEFAULT_PAGE: Final = 50
LARGEST_BATCH: Final = 1_000

PRINTABLE: Final = matching(r"[^\u0000-\u001f\u007f-\u009f]*")
MAJOR: Final = "(0|[1-9][0-9]{0,18})"
DECIMALS: Final = r"(\.[0-9]{1,8})?"

_AmountText = Annotated[
    str,
    matching(rf"(?!0(\.0+)?$){MAJOR}{DECIMALS}", examples=["125.50"]),
    described("Major units, with at most the decimals of the wallet's currency."),
]
_BalanceText = Annotated[
    str,
    matching(rf"-?{MAJOR}{DECIMALS}", examples=["125.50"]),
    described("Major units; below zero if the wallet's floor is."),
]
_FloorText = Annotated[
    str,
    matching(rf"0(\.0{{1,8}})?|-{MAJOR}{DECIMALS}", examples=["0.00"]),
    described("The lowest balance allowed, zero or below."),
]

Balance = _BalanceText | Annotated[int, Meta(ge=-LARGEST_MINOR, le=LARGEST_MINOR)]
Amount = _AmountText | Annotated[int, Meta(ge=1, le=LARGEST_MINOR)]
Floor = _FloorText | Annotated[int, Meta(ge=-LARGEST_MINOR, le=0)]
Name = Annotated[str, Meta(max_length=200), PRINTABLE]
Note = Annotated[str, Meta(max_length=500), PRINTABLE]
Payee = Annotated[
    str,
    Meta(max_length=200),
    PRINTABLE,
    described("Whom the money goes to or comes from, in words."),
]
Currency = Annotated[str, matching("|".join(CURRENCIES), **named("Currency"))]
#: Bare, or quoted with escapes as a header may have it.
_QUOTED_KEY: Final = r'"([!#-\[\]-~]|\\["\\]){1,255}"'
KEY: Final = f"[!#-~][!-~]{{0,254}}|{_QUOTED_KEY}"
Key = Annotated[str, matching(KEY)]
#: Two lines of one header arrive as one, with a comma between them.
KeyHeader = Annotated[str, matching(rf"[!#-+\--~][!-+\--~]{{0,254}}|{_QUOTED_KEY}")]
IfMatch = Annotated[str, matching(r'\*|"(0|[1-9][0-9]{0,17})"')]
WALLET_ID: Final = "w_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}"
WalletId = Annotated[str, matching(WALLET_ID, **named("WalletId"))]
#: The rules judge whether there is such a wallet.
Recipient = Annotated[Name, described("The id of another wallet.", **named("WalletId"))]

#: What a member must be, as the refusal of anything else says it.
_MUST_BE: Final = {
    "amount": 'text such as "125.50" or a whole number, above zero, with at most 8'
    " decimals",
    "floor": 'text such as "-125.50" or a whole number, zero or below, with at most 8'
    " decimals",
    "currency": f"one of {', '.join(sorted(CURRENCIES))}",
    "kind": "deposit, withdrawal, transfer, hold, capture or release",
    "expires_in": "a whole number of seconds from 1 to 31536000",
    "state": "open, captured, released or expired",
    "key": "1 to 255 visible ASCII characters",
    "Idempotency-Key": "sent once, as 1 to 255 visible ASCII characters, in quotes if"
    " a comma is among them",
    "If-Match": '* or one quoted version, such as "7"',
    "operations": f"a list of 1 to {LARGEST_BATCH} items",
    "archived": "true or false",
    "dry_run": "true or false",
    "limit": f"a whole number from 1 to {LONGEST_PAGE}",
    "before": "a whole number above zero",
    "after": "a version, or for wallets the id of one",
    "wait": "a whole number of seconds from 0 to 60",
    "step": "hour, day, week, month, year or decade",
}
#: How faults of types are told to people who write JSON.
_PLAIN_WORDS: Final = {
    "Expected": "must be",
    ", got": ", not",
    " |": " or",
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "`": "",
}
#: Where msgspec found the fault, and which member it does not know or misses.
_FAULT_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_FAULTY_MEMBER: Final = re.compile(
    r"(missing required|contains unknown) field `([^`]*)`"
)
_LONGEST: Final = re.compile(r"`str` of length <= ([0-9]+)")

AnyType = TypeVar("AnyType")

Limit = Annotated[
    int, Meta(ge=1, le=LONGEST_PAGE), described("The length of the page.")
]
Archived = Annotated[bool, described("Whether archived wallets are listed as well.")]
_Before = Annotated[
    int, Meta(ge=1, le=10**18 - 1), described("Only entries before this version.")
]


class EntriesPage(msgspec.Struct):
    """The part of a wallet's history that is asked for."""

    limit: Limit = DEFAULT_PAGE
    before: _Before | None = None


def read_query(query: Mapping[str, list[str]], kind: type[AnyType]) -> AnyType:
    """Read the parameters of a call, each given once at most.

    :raises Problem: one is malformed, missing, repeated or unknown.
    """
    known: tuple[str, ...] = kind.__struct_encode_fields__  # type: ignore[attr-defined]
    for name, values in query.items():
        if name not in known:
            raise malformed(name, "is not a parameter of this call")
        if len(values) != 1:
            raise malformed(name, "is given more than once")
    texts = {name: values[0] for name, values in query.items()}
    try:
        message = msgspec.convert(texts, kind, strict=False)
    except msgspec.ValidationError as error:
        raise explain(error) from error
    # Numbers are read from texts such as "5.0" as well, and no value from "null".
    values_read = msgspec.to_builtins(message)
    for name, text in texts.items():
        value = values_read[name]
        if (str(value).lower() if isinstance(value, bool) else str(value)) != text:
            raise malformed(name, f"must be {_MUST_BE[name]}")
    return message


def check(value: AnyType, kind: Any, field: str) -> AnyType:
    """Check a value that stands alone, and return it.

    :raises Problem: it is malformed.
    """
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise explain(error, field) from error
    return value


def explain(
    error: msgspec.ValidationError,
    field: str = "",
    must_be: Mapping[str, str] = _MUST_BE,
) -> Problem:
    """Say what is malformed, and what it must be."""
    fault = str(error)
    at = _FAULT_AT.search(fault)
    path = at[1] if at else field
    member = _FAULTY_MEMBER.search(fault)
    if member:
        path = f"{path}.{member[2]}" if path else member[2]
        missing = member[1].startswith("missing")
        return malformed(
            path, "is missing" if missing else "is not a member of this call"
        )
    name = path.rpartition(".")[2]
    form = must_be.get(name) or _MUST_BE.get(name)
    if form:
        return malformed(path, f"must be {form}")
    longest = _LONGEST.search(fault)
    if longest:
        return malformed(path, f"must have at most {longest[1]} characters")
    if "matching regex" in fault:
        return malformed(path, "must have no control characters")
    plain = fault.partition(" - at ")[0]
    for word, plainer in _PLAIN_WORDS.items():
        plain = plain.replace(word, plainer)
    return malformed(path or "body", plain)


def read_idempotency_key(text: str | None) -> str | None:
    """Read the header that carries an idempotency key.

    :raises Problem: it is malformed, or was sent twice.
    """
    return None if text is None else bare_key(check(text, KeyHeader, "Idempotency-Key"))


def read_key(text: str) -> str:
    """Read an idempotency key that stands in a query or a form.

    :raises Problem: it is malformed.
    """
    return bare_key(check(text, Key, "key"))


def bare_key(key: str) -> str:
    """Take the quotes and escapes from a key that has them."""
    return re.sub(r"\\(.)", r"\1", key[1:-1]) if key.startswith('"') else key


def read_if_match(text: str | None) -> int | None:
    """Read the version that a wallet must have; ``None`` if any will do.

    :raises Problem: it is anything but one quoted number or ``*``.
    """
    if text is None or check(text, IfMatch, "If-Match") == "*":
        return None
    return int(text.strip('"'))


def read_new_wallet(name: str, currency: str, floor: str | int) -> tuple[str, str, int]:
    """Check the members of a new wallet: its name, currency and floor.

    :raises Problem: one of them is malformed.
    """
    check(name, Name, "name")
    check(currency, Currency, "currency")
    below = str(check(floor, Floor, "floor")).removeprefix("-")
    try:
        return name, currency, -parse_amount(below, CURRENCIES[currency])
    except AmountError as error:
        raise malformed("floor", str(error)) from error


def read_note(note: str | None) -> str | None:
    """Check a note.

    :raises Problem: it is malformed.
    """
    return None if note is None else check(note, Note, "note")
