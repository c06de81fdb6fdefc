"""Money that is set aside: how much, for how long, and what becomes of it."""

import re
from collections.abc import Callable
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

from ..ledger.commands import CaptureHold, Keyed, PlaceHold, ReleaseHold
from ..ledger.held import HoldEnd
from ..ledger.ids import new_hold_id, new_operation_id
from ..ledger.money import CURRENCIES, Amount
from ..ledger.outcomes import WalletState
from ..storage.errors import StoreFailure
from ..storage.holding import list_holds
from ..web.auth import Caller
from ..web.fields import read_note
from ..web.problems import Problem, failed, malformed
from ..web.service import current_service
from . import access, forms, recipients

holding = Blueprint("holding", __name__, url_prefix="/wallets/<wallet_id>/holds")

_DAY_S: Final = 24 * 60 * 60
_MOST_DAYS: Final = 365
#: Makes a command of what a form sent.
_Ask = Callable[[Caller, WalletState], Keyed]
#: So many are shown; more at once are the business of a program.
_SHOWN: Final = 100
#: Beside more of them no wallets are offered, and one is named by its id.
_WITH_CHOICES: Final = 20


@holding.get("")
def show(wallet_id: str) -> str:
    """Show what is set aside, and ask for more."""
    caller = access.current_caller()
    return _page(caller, current_service().open_wallet(caller, wallet_id))


@holding.post("")
def place(wallet_id: str) -> AnyResponse:
    """Set money aside."""

    def ask(caller: Caller, wallet: WalletState) -> PlaceHold:
        return PlaceHold(
            operation_id=new_operation_id(),
            wallet_id=wallet.id,
            hold_id=new_hold_id(),
            amount=_read_amount(wallet),
            expires_in_s=_read_days() * _DAY_S,
            note=read_note(forms.field("note") or None),
            principal=caller.principal,
            key=forms.read_key(),
        )

    return _submit(wallet_id, ask, "Set aside.")


@holding.post("/<hold_id>/capture")
def capture(wallet_id: str, hold_id: str) -> AnyResponse:
    """Pay out of what is set aside."""

    def ask(caller: Caller, wallet: WalletState) -> CaptureHold:
        return CaptureHold(
            operation_id=new_operation_id(),
            wallet_id=wallet.id,
            hold_id=hold_id,
            amount=_read_amount(wallet),
            recipient=recipients.read_recipient(),
            note=read_note(forms.field("note") or None),
            payee=recipients.read_payee(),
            keep_open=forms.field("keep_open") == "true",
            principal=caller.principal,
            key=forms.read_key(),
        )

    return _submit(wallet_id, ask, "Paid out.")


@holding.post("/<hold_id>/release")
def release(wallet_id: str, hold_id: str) -> AnyResponse:
    """Let go of what is set aside."""

    def ask(caller: Caller, wallet: WalletState) -> ReleaseHold:
        operation_id, key = new_operation_id(), forms.read_key()
        return ReleaseHold(operation_id, wallet.id, hold_id, caller.principal, key)

    return _submit(wallet_id, ask, "Released: it can be spent again.")


def _submit(wallet_id: str, ask: _Ask, said: str) -> AnyResponse:
    caller = access.current_caller()
    wallet = current_service().open_wallet(caller, wallet_id)
    try:
        forms.submit(caller, ask(caller, wallet))
    except StoreFailure as failure:
        # Nobody knows, or nothing was written: the same form may be sent again.
        return _again(caller, wallet_id, failed(failure), forms.field("key"))
    except Problem as problem:
        if problem.kind.status in (401, 403):
            raise
        return _again(caller, wallet_id, problem)
    flash(said)
    return redirect(url_for(".show", wallet_id=wallet.id), 303)


def _again(
    caller: Caller, wallet_id: str, problem: Problem, key: str | None = None
) -> Response:
    wallet = current_service().open_wallet(caller, wallet_id)
    body = _page(caller, wallet, problem, key)
    return Response(body, problem.kind.status, problem.headers)


def _page(
    caller: Caller,
    wallet: WalletState,
    problem: Problem | None = None,
    key: str | None = None,
) -> str:
    found = list_holds(
        current_service().store, wallet.id, _SHOWN + 1, None, HoldEnd.OPEN
    )
    holds, named = found[:_SHOWN], (request.view_args or {}).get("hold_id")
    return render_template(
        "holds.html",
        wallet=wallet,
        holds=holds,
        more=len(found) > _SHOWN,
        new_key=forms.new_key,
        # The form that was sent, its key if it may be sent again, and its hold.
        sent=request.path if problem else None,
        key=key,
        at_hold=named if named in {hold.id for hold in holds} else None,
        error=problem and forms.sentence(problem),
        at_fault=problem and recipients.field_at_fault(problem),
        others=_others(caller, wallet) if len(holds) <= _WITH_CHOICES else [],
    )


def _others(caller: Caller, wallet: WalletState) -> list[WalletState]:
    """Offer the wallets that can be paid out to."""
    offered, *_ = recipients.choices(caller, "", forms.field("to"))
    return [
        each
        for each in offered
        if each.currency == wallet.currency and each.id != wallet.id
    ]


def _read_amount(wallet: WalletState) -> Amount:
    return Amount(forms.read_amount(wallet), CURRENCIES[wallet.currency])


def _read_days() -> int:
    text = forms.field("days")
    if not re.fullmatch("[1-9][0-9]{0,2}", text, re.ASCII) or int(text) > _MOST_DAYS:
        raise malformed("days", f"must be a whole number from 1 to {_MOST_DAYS}")
    return int(text)
