"""A wallet: what it holds, how that came about, and setting it."""

from dataclasses import replace
from typing import Final

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.commands import Kind
from ..ledger.outcomes import WalletState
from ..storage.errors import StoreFailure
from ..storage.finding import counterparties, find_entries
from ..web.auth import Caller
from ..web.fields import EntriesPage
from ..web.problems import Problem, failed
from ..web.service import current_service
from . import access, forms, review
from .filters import Filter, check_kept, kept, read_kindly, take_fields
from .over_time import RANGES, over_time, take_range
from .wording import money, rate_now, state_of, worth_column, worth_of_entries

history = Blueprint("history", __name__)

#: The wallet has moved on since the form was made, by this form or by another.
_CONFLICTS = ("version-mismatch", "key-reused")
_ALL: Final = Filter()


@history.get("/wallets/<wallet_id>")
def show(wallet_id: str) -> AnyResponse:
    """Show a wallet and a part of its history, newest first."""
    caller = access.current_caller()
    wallet = current_service().open_wallet(caller, wallet_id)
    asked, sought = _asked(wallet)
    page = forms.query(EntriesPage)
    body = _page(caller, wallet, page, asked=asked, sought=sought)
    return Response(body, 400 if sought.fault else 200)


@history.get("/wallets/<wallet_id>/state")
def look(wallet_id: str) -> Response:
    """Tell whether an open page still shows what there is."""
    wallet = current_service().open_wallet(access.current_caller(), wallet_id)
    return Response(state_of(wallet), mimetype="text/plain")


@history.post("/wallets/<wallet_id>/balance")
def set_balance(wallet_id: str) -> AnyResponse:
    """Deposit or withdraw what is missing; a balance that falls is reviewed first."""
    caller = access.current_caller()
    caller.must_be_operator()
    wallet = current_service().open_wallet(caller, wallet_id)
    check_kept()
    key, version = forms.read_key(), forms.read_version()
    shown = forms.balance_at(wallet, version)
    try:
        command = forms.a_setting(caller, wallet, key)
        missing = command.amount.unscaled - wallet.balance_minor
        current = wallet.version == version
        if current and missing < 0:
            review.foretell(command)
            return redirect(review.address(command, **kept()), 303)
        # Otherwise it rises, is out of date, was done before, or is nothing, which is
        # not kept: the page that is left open may be sent with another balance.
        nothing = current and missing == 0
        entry = None if nothing else forms.submit(caller, command, version)
    except StoreFailure as failure:
        # Nobody knows, or nothing was written: the same form may be sent again.
        problem = failed(failure)
        text = forms.sentence(problem)
        return _refuse(caller, wallet_id, problem, text, key=key, version=version)
    except Problem as problem:
        text = forms.sentence(problem)
        if problem.kind.name in _CONFLICTS:
            problem, wallet = (
                Problem(_CONFLICTS[0]),
                current_service().open_wallet(caller, wallet_id),
            )
            text = _what_changed(wallet, shown, wallet.version - version)
        return _refuse(caller, wallet_id, problem, text)
    if entry is None:
        flash("That is what the wallet holds already, so nothing was written.")
    else:
        forms.say(review.said(command, entry, wallet), caller, entry)
    return redirect(url_for(".show", wallet_id=wallet_id, **kept()), 303)


def _asked(wallet: WalletState) -> tuple[str | None, Filter]:
    """Read which range of the chart is asked for, and which entries.

    :raises Problem: something is given twice, or there is no such range.
    """
    query = request.args.to_dict(flat=False)
    return take_range(query), read_kindly(take_fields(query), wallet)


def _what_changed(wallet: WalletState, shown: int, entries: int) -> str:
    lines = "one entry was" if entries == 1 else f"{entries} entries were"
    before = money(shown, wallet.currency)
    now = money(wallet.balance_minor, wallet.currency)
    return (
        f"Nothing was saved: since you opened this page {lines} added, and the balance"
        f" went from {before} to {now}. Check the values below, and save again if you"
        " wish."
    )


def _refuse(
    caller: Caller,
    wallet_id: str,
    problem: Problem,
    text: str,
    *,
    key: str | None = None,
    version: int | None = None,
) -> Response:
    wallet = current_service().open_wallet(caller, wallet_id)
    asked, sought = _asked(wallet)
    body = _page(
        caller,
        wallet,
        forms.query(EntriesPage),
        asked=asked,
        sought=sought,
        error=text,
        typed=forms.field("balance")[:60],
        key=key,
        version=version,
    )
    return Response(body, problem.kind.status, problem.headers)


def _page(
    caller: Caller,
    wallet: WalletState,
    page: EntriesPage,
    *,
    asked: str | None = None,
    sought: Filter = _ALL,
    error: str = "",
    typed: str = "",
    key: str | None = None,
    version: int | None = None,
) -> str:
    names = current_service().names_for(caller)
    wanted = sought.wanted
    if page.before is not None:
        wanted = replace(wanted, before=min(wanted.before, page.before))
    store = current_service().store
    found = find_entries(store, wallet.id, wanted, page.limit, names)
    entries = found.rows
    return render_template(
        "wallet.html",
        wallet=wallet,
        entries=entries,
        names=names.of(counterparties(entries)) if names else {},
        quotes=worth_of_entries(wallet, entries),
        column=worth_column(wallet.currency),
        rate=rate_now(),
        over_time=over_time(wallet, asked),
        ranges=RANGES,
        asked=asked,
        sought=sought,
        kept=kept(),
        kinds=[*Kind],
        newest=page.before is None,
        last=found.last,
        error=error,
        typed=typed,
        key=key or forms.new_key(),
        version=wallet.version if version is None else version,
    )
