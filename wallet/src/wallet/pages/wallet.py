"""A wallet: what it holds, how that came about, and setting it."""

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

from ..ledger.commands import Principal
from ..ledger.money import AmountError
from ..ledger.outcomes import Entry, WalletState
from ..storage.errors import StoreFailure
from ..storage.queries import find_names, list_entries
from ..web.auth import Caller
from ..web.fields import EntriesPage, read_query
from ..web.problems import Problem, failed, malformed
from ..web.service import current_service
from . import access, forms
from .over_time import RANGES, over_time, take_range
from .wording import money, rate_now, worth_column, worth_of_entries

history = Blueprint("history", __name__)

#: The wallet has moved on since the form was made, by this form or by another.
_CONFLICTS = ("version-mismatch", "key-reused")


@history.get("/wallets/<wallet_id>")
def show(wallet_id: str) -> str:
    """Show a wallet and a part of its history, newest first."""
    caller = access.current_caller()
    wallet = current_service().open_wallet(caller, wallet_id)
    query = request.args.to_dict(flat=False)
    asked = take_range(query)
    return _page(caller, wallet, read_query(query, EntriesPage), asked=asked)


@history.post("/wallets/<wallet_id>/balance")
def set_balance(wallet_id: str) -> AnyResponse:
    """Deposit or withdraw what is between the balance that was shown and the new one.

    The balance that was shown is read from the history, where it stands for ever: so a
    form that is sent twice asks twice for the same, and is carried out once.
    """
    caller = access.current_caller()
    caller.must_be_operator()
    wallet = current_service().open_wallet(caller, wallet_id)
    asked = take_range(request.args.to_dict(flat=False))
    key, version = forms.read_key(), forms.read_version()
    shown = _balance_at(wallet, version)
    try:
        balance = forms.read_typed(forms.field("balance"), wallet.currency)
        _set(caller, wallet, balance - shown, key, version)
    except AmountError as error:
        problem = Problem("malformed", str(error))
        return _refuse(caller, wallet_id, problem, forms.sentence(problem))
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
    return redirect(url_for(".show", wallet_id=wallet_id, range=asked), 303)


def _set(
    caller: Caller, wallet: WalletState, change: int, key: str, version: int
) -> None:
    if change == 0:
        if wallet.version != version:
            raise Problem("version-mismatch")
        flash("That is what the wallet holds already, so nothing was written.")
        return
    forms.submit(caller, forms.a_move(caller, wallet, change, key), version)
    verb = "added" if change > 0 else "taken out"
    flash(f"Saved: {money(abs(change), wallet.currency)} {verb}.")


def _balance_at(wallet: WalletState, version: int) -> int:
    if version == 0:
        return 0
    store = current_service().store
    found = list_entries(store, wallet.id, 1, version + 1)
    if not found or found[0].version != version:
        raise malformed("version", "is not one of this wallet's")
    return found[0].balance_minor


def _what_changed(wallet: WalletState, shown: int, entries: int) -> str:
    lines = "one entry was" if entries == 1 else f"{entries} entries were"
    before = money(shown, wallet.currency)
    now = money(wallet.balance_minor, wallet.currency)
    return (
        f"Nothing was saved: since you opened this page {lines} added, and the balance"
        f" went from {before} to {now}. Look at it, and save again if you wish."
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
    body = _page(
        caller,
        wallet,
        EntriesPage(),
        asked=take_range(request.args.to_dict(flat=False)),
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
    error: str = "",
    typed: str = "",
    key: str | None = None,
    version: int | None = None,
) -> str:
    store = current_service().store
    found = list_entries(store, wallet.id, page.limit + 1, page.before)
    entries = found[: page.limit]
    return render_template(
        "wallet.html",
        wallet=wallet,
        entries=entries,
        names=_names(caller, entries),
        quotes=worth_of_entries(wallet, entries),
        column=worth_column(wallet.currency),
        rate=rate_now(),
        over_time=over_time(wallet, asked),
        ranges=RANGES,
        asked=asked,
        newest=page.before is None,
        more=len(found) > page.limit,
        error=error,
        typed=typed,
        key=key or forms.new_key(),
        version=wallet.version if version is None else version,
    )


def _names(caller: Caller, entries: list[Entry]) -> dict[str, str]:
    # What other wallets are called is not the business of a key's holder.
    others = {entry.counterparty for entry in entries if entry.counterparty}
    if caller.principal is not Principal.OPERATOR or not others:
        return {}
    return find_names(current_service().store, others)
