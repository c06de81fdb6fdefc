"""A look at what comes before and after, and then doing it.

What is reviewed travels signed in the address of the review: so it can be neither
altered nor made elsewhere, and a reload or the back button finds it again. Its
idempotency key is part of it, and so one review moves money once.
"""

from dataclasses import replace

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.ids import new_operation_id
from ..ledger.outcomes import WalletState
from ..storage.errors import StoreFailure
from ..storage.queries import find_operation
from ..web.auth import Caller
from ..web.problems import Problem, failed
from ..web.service import current_service
from . import access, forms, review
from .filters import check_kept, kept
from .wording import money

confirming = Blueprint("confirming", __name__)

_NOTHING_TO_DO = "The wallet already has that balance, so there is nothing to write."
_NOTHING_WAS_DONE = "The wallet already had that balance, so nothing was written."


@confirming.get("/review/<signed>")
def look(signed: str) -> AnyResponse | str:
    """Show the balance before and after, or what became of it."""
    caller = access.current_caller()
    command = review.read(signed, caller)
    wallet = current_service().open_wallet(caller, command.wallet_id)
    return _page(caller, wallet, command)


@confirming.post("/review/<signed>")
def confirm(signed: str) -> AnyResponse:
    """Do it."""
    caller = access.current_caller()
    command = review.read(signed, caller)
    wallet = current_service().open_wallet(caller, command.wallet_id)
    check_kept()
    version = forms.read_version()
    try:
        # It is done now, and not when it was shown: its id tells the time.
        done = replace(command, operation_id=new_operation_id())
        entry = forms.submit(caller, done, version)
    except StoreFailure as failure:
        return _again(caller, wallet, command, failed(failure))
    except Problem as problem:
        if problem.kind.name == "version-mismatch":
            text = _what_changed(caller, wallet, command, version)
            return _again(caller, wallet, command, problem, text)
        return _again(caller, wallet, command, problem)
    if entry is None:
        flash(_NOTHING_TO_DO)
    else:
        forms.say(review.said(command, entry, wallet), caller, entry)
    return redirect(url_for("history.show", wallet_id=wallet.id, **kept()), 303)


def _what_changed(
    caller: Caller, shown: WalletState, command: review.Reviewed, version: int
) -> str:
    wallet = current_service().open_wallet(caller, shown.id)
    done = review.words(command, wallet).done
    before_minor = forms.balance_at(wallet, version)
    if before_minor == wallet.balance_minor:
        return f"Nothing was {done}: the wallet has changed since you looked at it."
    before = money(before_minor, wallet.currency)
    now = money(wallet.balance_minor, wallet.currency)
    return f"Nothing was {done}: the balance went from {before} to {now}."


def _again(
    caller: Caller,
    wallet: WalletState,
    command: review.Reviewed,
    problem: Problem,
    text: str = "",
) -> Response:
    body = _page(caller, wallet, command, text or forms.sentence(problem))
    return Response(body, problem.kind.status, problem.headers)


def _page(
    caller: Caller, wallet: WalletState, command: review.Reviewed, error: str = ""
) -> str:
    store = current_service().store
    done = find_operation(store, wallet.id, command.principal, command.key or "")
    shown = None
    if done is None:
        try:
            shown = review.foretell(command)
        except Problem as problem:
            error = f"{error} {forms.sentence(problem)}".strip()
        if shown is not None and shown.entry is None:
            error, shown = _NOTHING_TO_DO, None
    elif not done.body:
        error = error or _NOTHING_WAS_DONE
    elif done.status >= 400:
        error = error or forms.sentence(forms.answered(done.body))
    return render_template(
        "review.html",
        wallet=shown.wallet if shown else wallet,
        shown=shown,
        command=command,
        words=review.words(command, wallet),
        recipient=review.recipient_name(caller, command),
        done=done is not None and done.status == 201,
        kept=kept(),
        error=error,
    )
