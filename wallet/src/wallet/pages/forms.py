"""What forms send, and what is said to it.

One pattern says which amounts may be typed: as they are shown, or as they are often
written in South Africa. A comma with two readings is refused, and nothing is rounded.
"""

import json
import re
import secrets
from typing import Any, Final

from flask import flash, request, url_for

from ..ledger.commands import Keyed, Kind, MoveMoney, Principal, SetBalance, Submission
from ..ledger.ids import new_operation_id
from ..ledger.money import CURRENCIES, Amount, AmountError, parse_amount
from ..ledger.outcomes import Entry, Moved, WalletState
from ..storage.errors import OutcomeUnknown, StoreFailure
from ..storage.queries import find_entry
from ..web import fields
from ..web.auth import Caller
from ..web.kinds import KINDS
from ..web.problems import Problem, failed, malformed
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


def query(kind: type[fields.AnyType]) -> fields.AnyType:
    """Read the parameters that a page knows; others, as links add them, mean nothing.

    :raises Problem: one is malformed or repeated.
    """
    known: tuple[str, ...] = kind.__struct_encode_fields__  # type: ignore[attr-defined]
    given = request.args.to_dict(flat=False)
    return fields.read_query({n: given[n] for n in known if n in given}, kind)


def read_key() -> str:
    """Read the idempotency key of the form.

    :raises Problem: it is malformed.
    """
    return fields.read_key(field("key"))


def read_version(name: str = "version") -> int:
    """Read the version of the wallet that the form was made from.

    :raises Problem: it is malformed.
    """
    version = fields.read_if_match(f'"{field(name)}"')
    assert version is not None  # noqa: S101  only * gives none
    return version


def balance_at(wallet: WalletState, version: int) -> int:
    """Read the balance that a form showed, which stands in the history for ever.

    :raises Problem: the wallet never had that version.
    """
    if version == 0:
        return 0
    entry = find_entry(current_service().store, wallet.id, version)
    if entry is None:
        raise malformed("version", "is not one of this wallet's")
    return entry.balance_minor


def read_amount(wallet: WalletState) -> int:
    """Read an amount that moves, in minor units.

    :raises Problem: it is malformed; the detail is a sentence.
    """
    minor = _read_typed("amount", wallet)
    if minor <= 0:
        raise malformed("amount", "must be above zero")
    return minor


def _read_typed(name: str, wallet: WalletState) -> int:
    try:
        return read_typed(field(name), wallet.currency)
    except AmountError as error:
        raise Problem("malformed", str(error), members={"field": name}) from error


def a_setting(caller: Caller, wallet: WalletState, key: str) -> SetBalance:
    """Ask for the balance that was typed.

    :raises Problem: it is malformed; the detail is a sentence.
    """
    return SetBalance(
        operation_id=new_operation_id(),
        wallet_id=wallet.id,
        amount=Amount(_read_typed("balance", wallet), CURRENCIES[wallet.currency]),
        principal=caller.principal,
        key=key,
    )


def a_move(
    caller: Caller,
    wallet: WalletState,
    change_minor: int,
    key: str,
    recipient: str | None = None,
    note: str | None = None,
    payee: str | None = None,
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
        payee=payee,
        principal=caller.principal,
        key=key,
    )


def submit(caller: Caller, command: Keyed, version: int | None = None) -> Entry | None:
    """Have a command carried out, if the wallet still has the version that was shown.

    :return: the entry that was made, now or at the first time, if there is one.
    :raises Problem: it was refused, now or when it was first asked.
    """
    submission = Submission(
        (command,), command.wallet_id, caller.key_version, if_match=version
    )
    result = current_service().submit_one(submission)
    outcome, frozen = result.outcome, result.frozen
    if isinstance(outcome, Moved):
        return outcome.entries[0]
    if frozen is None or not frozen.body:
        return None
    if frozen.status >= 400:
        raise answered(frozen.body)
    entry = json.loads(frozen.body).get("entry")
    if entry is None:
        return None
    store = current_service().store
    try:
        return find_entry(store, command.wallet_id, entry["version"])
    except StoreFailure as failure:
        # It was done, so nobody may be told that nothing was written.
        raise OutcomeUnknown from failure


def say(text: str, caller: Caller, entry: Entry) -> None:
    """Say on the next page what was done, and let the operator undo it."""
    link = "message"
    if caller.principal is Principal.OPERATOR:
        number = entry.version
        link = url_for("entry.undo", wallet_id=entry.wallet_id, version=number)
    flash(text, link)


def answered(told: str) -> Problem:
    """Find the problem that a client was told."""
    body: dict[str, Any] = json.loads(told)
    return Problem(body["type"].removeprefix("/problems/"), body["detail"])


def problem_of(error: Problem | StoreFailure) -> Problem:
    """Find the problem that a form is shown again with."""
    return failed(error) if isinstance(error, StoreFailure) else error


def sentence(problem: Problem) -> str:
    """Tell a problem to people."""
    detail = problem.detail[:1].upper() + problem.detail[1:]
    if problem.kind.name == "malformed":
        return detail if detail.endswith(".") else f"{detail}."
    if problem.kind is KINDS["outcome-unknown"]:
        return (
            "It is not known whether this was done. Send it again: it will be done only"
            " once."
        )
    if problem.kind is KINDS["key-reused"]:
        return (
            "Nothing was done now. This form was sent before with something else in it:"
            " look whether that was done, then send this again."
        )
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
