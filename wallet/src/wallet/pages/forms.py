"""What forms send, and what is said to it.

One pattern says which amounts may be typed: as they are shown, or as they are often
written in South Africa. A comma with two readings is refused, and nothing is rounded.
"""

import json
import re
import secrets
from typing import Any, Final

from flask import request

from ..ledger.commands import Kind, MoveMoney, Submission
from ..ledger.ids import new_operation_id
from ..ledger.money import CURRENCIES, Amount, AmountError, parse_amount
from ..ledger.outcomes import WalletState
from ..web import fields
from ..web.auth import Caller
from ..web.kinds import KINDS
from ..web.problems import Problem, malformed
from ..web.service import current_service
from .wording import MINUS, money

#: A thousand and more, or one and a fraction.
_TWO_READINGS: Final = re.compile("[1-9][0-9]{0,2},[0-9]{3}")


def new_key() -> str:
    """Make the idempotency key that a form carries, so that it is done once at most."""
    return secrets.token_urlsafe(16)


def field(name: str) -> str:
    """Take a field of the form, without the blanks around it."""
    return request.form.get(name, "").strip()


def read_key() -> str:
    """Read the idempotency key of the form.

    :raises Problem: it is malformed.
    """
    return fields.read_key(field("key"))


def read_version() -> int:
    """Read the version of the wallet that the form was made from.

    :raises Problem: it is malformed.
    """
    version = fields.read_if_match(f'"{field("version")}"')
    assert version is not None  # noqa: S101  only * gives none
    return version


def read_amount(wallet: WalletState) -> int:
    """Read an amount that moves, in minor units.

    :raises Problem: it is malformed; the detail is a sentence.
    """
    try:
        minor = read_typed(field("amount"), wallet.currency)
    except AmountError as error:
        raise Problem("malformed", str(error), members={"field": "amount"}) from error
    if minor <= 0:
        raise malformed("amount", "must be above zero")
    return minor


def a_move(
    caller: Caller,
    wallet: WalletState,
    change_minor: int,
    key: str,
    recipient: str | None = None,
    note: str | None = None,
) -> MoveMoney:
    """Ask for a deposit, a withdrawal, or with a recipient for a transfer."""
    kind = Kind.DEPOSIT if change_minor > 0 else Kind.WITHDRAWAL
    return MoveMoney(
        operation_id=new_operation_id(),
        wallet_id=wallet.id,
        kind=Kind.TRANSFER if recipient is not None else kind,
        amount=Amount(abs(change_minor), CURRENCIES[wallet.currency]),
        recipient=recipient,
        note=note,
        principal=caller.principal,
        key=key,
    )


def submit(caller: Caller, command: MoveMoney, version: int) -> None:
    """Have money moved if the wallet still has the version that was shown.

    :raises Problem: it was not moved, now or when it was first asked.
    """
    submission = Submission(
        (command,), command.wallet_id, caller.key_version, if_match=version
    )
    frozen = current_service().submit_one(submission).frozen
    assert frozen is not None  # noqa: S101  every move has an answer
    if frozen.status >= 400:
        raise answered(frozen.body)


def answered(told: str) -> Problem:
    """Find the problem that a client was told."""
    body: dict[str, Any] = json.loads(told)
    return Problem(body["type"].removeprefix("/problems/"), body["detail"])


def sentence(problem: Problem) -> str:
    """Tell a problem to people."""
    detail = problem.detail[:1].upper() + problem.detail[1:]
    if problem.kind.name == "malformed":
        return detail if detail.endswith(".") else f"{detail}."
    if problem.kind is KINDS["outcome-unknown"]:
        return "It is not known whether this was done. Send it again: it is done once."
    return f"{problem.kind.title}. {detail}"


def read_typed(text: str, currency: str) -> int:
    """Read an amount of a currency in minor units.

    :raises AmountError: the message is a sentence that says what to type instead.
    """
    exponent = CURRENCIES[currency]
    plain = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    plain = plain.replace(MINUS, "-")
    match = _pattern(currency).fullmatch(plain)
    if match is None:
        shown = money(123456, currency).replace("\u00a0", " ")
        bare = shown.partition(" ")[2].replace(" ", "")
        raise AmountError(f"Type an amount such as {bare} or {shown}.")
    number: str = match["commas"] or match["spaces"] or match["number"]
    if exponent and _TWO_READINGS.fullmatch(number):
        raise AmountError("That comma can be read in two ways: type 1234, or 1.23.")
    number = number.replace(",", "" if match["commas"] else ".").replace(" ", "")
    whole, point, decimals = number.partition(".")
    try:
        minor = parse_amount(f"{whole.lstrip('0') or '0'}{point}{decimals}", exponent)
    except AmountError as error:
        raise AmountError("That is more than a wallet can ever hold.") from error
    return -minor if match["sign"] else minor


def _pattern(currency: str) -> re.Pattern[str]:
    exponent = CURRENCIES[currency]
    point = f"(?:[.][0-9]{{1,{exponent}}})?" if exponent else ""
    either = point.replace("[.]", "[.,]")
    symbol = "R|ZAR" if currency == "ZAR" else currency
    return re.compile(
        f"(?P<sign>-?)(?:(?:{symbol}) ?)?(?:"
        f"(?P<number>[0-9]+{either})"  # 1234 or 1234.5 or 1234,50
        f"|(?P<spaces>[1-9][0-9]{{0,2}}(?: [0-9]{{3}})+{either})"  # 1 234 or 1 234,56
        f"|(?P<commas>[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+{point}))",  # 1,234,567.89
        re.IGNORECASE | re.ASCII,
    )
