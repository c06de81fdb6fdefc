"""What a field, a header or a page of a list may hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..ledger.ids import is_wallet_id
from ..ledger.money import CURRENCIES, Amount, AmountError, parse_amount, read_amount
from .problems import malformed

LONGEST_NAME: Final = 200
LONGEST_NOTE: Final = 500
LONGEST_PAGE: Final = 500
DEFAULT_PAGE: Final = 50

_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"', re.ASCII)
_VERSION: Final = re.compile(r'"(0|[1-9][0-9]{0,17})"', re.ASCII)
_COUNT: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(slots=True)
class Page:
    """The part of a list that is asked for."""

    limit: int = DEFAULT_PAGE
    after: str | None = None
    before: int | None = None


def read_idempotency_key(
    text: str | None, field: str = "Idempotency-Key"
) -> str | None:
    """Read an idempotency key, quoted or bare.

    :raises Problem: it is malformed.
    """
    if text is None:
        return None
    key = text
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    if _IDEMPOTENCY_KEY.fullmatch(key) is None:
        raise malformed(field, "must be 1 to 255 visible ASCII characters")
    return key


def read_if_match(text: str | None) -> int | None:
    """Read the version that a wallet must have; ``None`` if any will do.

    :raises Problem: it is anything but one quoted number or ``*``.
    """
    if text is None or text == "*":
        return None
    match = _VERSION.fullmatch(text)
    if match is None:
        raise malformed("If-Match", 'must be * or one quoted version, such as "7"')
    return int(match[1])


def read_page(query: Mapping[str, list[str]], cursor: str) -> Page:
    """Read which part of a list is asked for.

    :param cursor: the name of the parameter that continues it.
    :raises Problem: a parameter is malformed, repeated or unknown.
    """
    given = read_query(query, {"limit", cursor})
    page = Page()
    if "limit" in given:
        page.limit = _read_count("limit", given["limit"])
        if page.limit > LONGEST_PAGE:
            raise malformed("limit", f"must be a number from 1 to {LONGEST_PAGE}")
    if "before" in given:
        page.before = _read_count("before", given["before"])
    if "after" in given:
        page.after = given["after"]
        if not is_wallet_id(page.after):
            raise malformed("after", "must be the id of a wallet")
    return page


def read_query(query: Mapping[str, list[str]], known: set[str]) -> dict[str, str]:
    """Take each parameter once, and none that the call does not know.

    :raises Problem: a parameter is repeated or unknown.
    """
    for name, values in query.items():
        if name not in known:
            raise malformed(name, "is not a parameter of this call")
        if len(values) != 1:
            raise malformed(name, "is given more than once")
    return {name: values[0] for name, values in query.items()}


def read_new_wallet(name: str, currency: str, floor: str | int) -> tuple[str, str, int]:
    """Check the members of a new wallet: its name, currency and floor.

    :raises Problem: one of them is malformed.
    """
    _check_text("name", name, LONGEST_NAME)
    exponent = CURRENCIES.get(currency)
    if exponent is None:
        listed = ", ".join(sorted(CURRENCIES))
        raise malformed("currency", f"must be one of {listed}")
    return name, currency, _read_floor(floor, exponent)


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


def _read_count(field: str, text: str) -> int:
    if _COUNT.fullmatch(text) is None:
        raise malformed(field, "must be a whole number above zero")
    return int(text)
