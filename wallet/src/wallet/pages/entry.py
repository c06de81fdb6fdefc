"""One entry of a history: all that is known of it, and the way to undo it."""

from flask import Blueprint, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.commands import Kind, Principal
from ..ledger.ids import new_operation_id
from ..ledger.moves import reversal_of
from ..ledger.outcomes import Entry, WalletState
from ..storage.queries import find_entry, find_names
from ..web.problems import Problem
from ..web.service import current_service
from . import access, forms, review

one_entry = Blueprint("entry", __name__, url_prefix="/wallets/<wallet_id>/entries")


@one_entry.get("/<int:version>")
def show(wallet_id: str, version: int) -> str:
    """Show an entry."""
    wallet, entry = _open(wallet_id, version)
    operating = access.current_caller().principal is Principal.OPERATOR
    name = None
    if operating and entry.counterparty is not None:
        others = {entry.counterparty}
        name = find_names(current_service().store, others).get(entry.counterparty)
    return render_template(
        "entry.html",
        wallet=wallet,
        entry=entry,
        name=name,
        undoable=operating
        and entry.kind is not Kind.REVERSAL
        and entry.reversed_by is None,
    )


@one_entry.get("/<int:version>/undo")
def undo(wallet_id: str, version: int) -> AnyResponse:
    """Go on to the review of what undoes an entry."""
    access.current_caller().must_be_operator()
    _, entry = _open(wallet_id, version)
    command = reversal_of(entry, new_operation_id(), key=forms.new_key())
    return redirect(review.address(command), 303)


def _open(wallet_id: str, version: int) -> tuple[WalletState, Entry]:
    service = current_service()
    wallet = service.open_wallet(access.current_caller(), wallet_id)
    # No history is so long, and no database takes a larger number.
    entry = find_entry(service.store, wallet.id, min(version, 10**18))
    if entry is None:
        raise Problem("unknown-entry")
    return wallet, entry
