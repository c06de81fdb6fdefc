"""The key of a wallet, for the operator to hand out or to make worthless."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from ..ledger.commands import RaiseKeyVersion, Submission
from ..ledger.outcomes import WalletState
from ..web.auth import Caller
from ..web.service import current_service
from . import access

keys = Blueprint("keys", __name__)


@keys.post("/wallets/<wallet_id>/key")
def show(wallet_id: str) -> str:
    """Show the key. It is asked for by a form, so that no address leads to it."""
    wallet = _find(access.current_caller(), wallet_id)
    key = current_service().keys.make(wallet.id, wallet.key_version)
    return render_template("key.html", wallet=wallet, key=key)


@keys.post("/wallets/<wallet_id>/key/renew")
def renew(wallet_id: str) -> Response:
    """Make every key that was handed out worthless."""
    wallet = _find(access.current_caller(), wallet_id)
    command = RaiseKeyVersion(wallet.id)
    current_service().submit_one(Submission((command,), wallet.id))
    flash("The key is new: older ones do not count any more.")
    return redirect(url_for("history.show", wallet_id=wallet.id), 303)


def _find(caller: Caller, wallet_id: str) -> WalletState:
    caller.must_be_operator()
    return current_service().open_wallet(caller, wallet_id)
