"""What is looked for in a history: typed into its form, kept in its address."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from flask import request

from ..history.held import within_times
from ..history.periods import instant
from ..ledger.commands import Kind
from ..ledger.money import AmountError
from ..ledger.outcomes import WalletState
from ..storage.finding import WantedEntries
from ..storage.queries import BEYOND_ALL
from ..web.fields import EntriesPage, Name, check
from ..web.problems import Problem, malformed
from ..web.service import current_service
from . import forms
from .over_time import take_range
from .wording import balanced, isolated, money

#: The names that the interface for programs has as well; days instead of moments.
_FIELDS: Final = ("text", "payee", "kind", "from", "to", "min", "max")
_DAY: Final = re.compile(r"(19|[2-8][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are shown.

    :param typed: what each field holds; those that are empty are left out.
    :param words: which they are, for people.
    :param fault: the field that cannot be read; ``error`` says why.
    """

    typed: dict[str, str] = field(default_factory=dict)
    wanted: WantedEntries = field(default_factory=WantedEntries)
    words: str = ""
    fault: str = ""
    error: str = ""


def take_fields(query: dict[str, list[str]]) -> dict[str, str]:
    """Take the fields of the form out of a query.

    :raises Problem: one is given twice.
    """
    typed = {}
    for name in _FIELDS:
        values = query.pop(name, [""])
        if len(values) != 1:
            raise malformed(name, "is given more than once")
        if text := values[0].strip():
            typed[name] = text
    return typed


def kept() -> dict[str, Any]:
    """Tell which part of a history an address asks for, so that a form leads back."""
    names = "range", "limit", *_FIELDS
    return {name: request.args[name] for name in names if request.args.get(name)}


def check_kept() -> None:
    """Check what a redirect will carry, before anything is written.

    :raises Problem: a page could not be shown with it.
    """
    query = request.args.to_dict(flat=False)
    take_range(query)
    take_fields(query)
    forms.query(EntriesPage)


def read_filter(typed: dict[str, str], wallet: WalletState) -> Filter:
    """Read what was typed.

    :raises Problem: a field cannot be read; the detail is a sentence.
    """
    if not typed:
        return Filter()
    zone = current_service().settings.time_zone
    text, payee = (check(typed.get(each, ""), Name, each) for each in ("text", "payee"))
    kind = _kind(typed.get("kind"))
    from_us, to_us = _midnight(typed, "from", zone, 0), _midnight(typed, "to", zone, 1)
    least, most = _amount(typed, "min", wallet), _amount(typed, "max", wallet)
    wanted = WantedEntries(
        kind,
        0 if least is None else least,
        BEYOND_ALL if most is None else most,
        text,
        -BEYOND_ALL if from_us is None else from_us,
        BEYOND_ALL if to_us is None else to_us,
        payee=payee or None,
    )
    if wanted.most_minor < wanted.least_minor:
        raise _wrong("max", "The highest amount is less than the lowest.")
    if wanted.to_us <= wanted.from_us:
        raise _wrong("to", "The last day is before the first.")
    words = [f"{kind}s" if kind else "entries"]
    words += [f"with “{isolated(balanced(text))}”"] * bool(text)
    words += [f"whose payee is “{isolated(balanced(payee))}”"] * bool(payee)
    words += [f"{name} {typed[name]}" for name in ("from", "to") if name in typed]
    amounts = [
        f"at {name} {money(minor, wallet.currency)}"
        for name, minor in (("least", least), ("most", most))
        if minor is not None
    ]
    words += [f"of {' and '.join(amounts)}"] * bool(amounts)
    wanted = within_times(current_service().store, wallet, wanted)
    return Filter(typed, wanted, " ".join(words))


def read_kindly(typed: dict[str, str], wallet: WalletState) -> Filter:
    """Read what was typed; where that is not possible, keep it and say why."""
    try:
        return read_filter(typed, wallet)
    except Problem as problem:
        fault = str(problem.members["field"])
        return Filter(typed, fault=fault, error=forms.sentence(problem))


def _kind(text: str | None) -> Kind | None:
    if text is not None and text not in [*Kind]:
        raise malformed("kind", f"must be one of {', '.join(Kind)}")
    return None if text is None else Kind(text)


def _midnight(
    typed: dict[str, str], name: str, zone: tzinfo, days_later: int
) -> int | None:
    text = typed.get(name)
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError
        day = date.fromisoformat(text) + timedelta(days_later)
    except ValueError as error:
        raise _wrong(name, "Type a day such as 2026-11-30.") from error
    return instant(datetime.combine(day, time()), zone)


def _amount(typed: dict[str, str], name: str, wallet: WalletState) -> int | None:
    text = typed.get(name)
    if text is None:
        return None
    try:
        minor = forms.read_typed(text, wallet.currency)
    except AmountError as error:
        raise _wrong(name, str(error)) from error
    if minor < 0:
        both = "money in and money out are both found"
        raise _wrong(name, f"Type amounts without a sign: {both}.")
    return minor


def _wrong(name: str, sentence: str) -> Problem:
    return Problem("malformed", sentence, members={"field": name})
