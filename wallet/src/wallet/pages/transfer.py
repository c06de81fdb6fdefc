"""Transfer and Pay: what to move, which is then reviewed."""

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
)
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.commands import MoveMoney, Principal
from ..ledger.ids import is_wallet_id
from ..ledger.outcomes import WalletState
from ..storage.queries import list_wallets
from ..web.auth import Caller
from ..web.fields import Payee, Recipient, check, read_note
from ..web.problems import Problem, malformed
from ..web.service import current_service
from . import access, forms, review

moving = Blueprint("moving", __name__)

#: So many wallets can be chosen from a list; any other is named by its id.
_CHOICES = 100


@moving.get("/transfer", defaults={"way": "transfer"})
@moving.get("/pay", defaults={"way": "pay"})
def ask(way: str) -> str:
    """Ask what to move."""
    return _form(access.current_caller(), way)


@moving.post("/transfer", defaults={"way": "transfer"})
@moving.post("/pay", defaults={"way": "pay"})
def prepare(way: str) -> AnyResponse:
    """Check what is to be moved, and go on to its review."""
    caller = access.current_caller()
    try:
        wallet = current_service().open_wallet(caller, _sender(caller))
        command = _read_move(caller, wallet, way)
        review.foretell(command)
    except Problem as problem:
        if problem.kind.status in (401, 403):
            raise
        return Response(_form(caller, way, problem), problem.kind.status)
    return redirect(review.address(command), 303)


def _sender(caller: Caller) -> str:
    if caller.wallet_id is not None:
        return caller.wallet_id
    sender = forms.field("from")
    if not sender:
        raise malformed("from", "must be a wallet: choose one")
    return sender


def _read_move(caller: Caller, wallet: WalletState, way: str) -> MoveMoney:
    recipient = _recipient() if way == "transfer" else None
    change = -forms.read_amount(wallet)
    note = read_note(forms.field("note") or None)
    payee = _payee() if way == "pay" else None
    return forms.a_move(caller, wallet, change, forms.new_key(), recipient, note, payee)


def _payee() -> str:
    payee = forms.field("payee")
    if not payee:
        raise malformed("payee", "must say whom you pay")
    return check(payee, Payee, "payee")


def _recipient() -> str:
    chosen, typed = forms.field("to"), forms.field("to_id")
    if chosen and typed and chosen != typed:
        raise malformed("to", "is given twice: choose a wallet or type an id")
    if not (chosen or typed):
        raise malformed("to", "must be a wallet: choose one or type its id")
    return check(chosen or typed, Recipient, "to")


def _form(caller: Caller, way: str, problem: Problem | None = None) -> str:
    sent = request.form if problem else {}
    chosen = sent.get("from") or request.args.get("from") or caller.wallet_id
    wallets = _choices(caller, chosen)
    return render_template(
        "move.html",
        way=way,
        wallets=wallets,
        chosen=chosen,
        sent=sent,
        error=problem and forms.sentence(problem),
        at_fault=_field_at_fault(problem) if problem else None,
    )


def _field_at_fault(problem: Problem) -> str:
    about_recipient = ("self-transfer", "unknown-recipient", "currency-mismatch")
    if problem.kind.name in about_recipient:
        return "to"
    if problem.kind.name == "unknown-wallet":
        return "from"
    return str(problem.members.get("field", "amount"))


def _choices(caller: Caller, chosen: str | None) -> list[WalletState]:
    if caller.principal is Principal.OWNER:
        return [current_service().open_wallet(caller, caller.wallet_id or "")]
    wallets = list_wallets(current_service().store, _CHOICES, None, archived=False)
    known = {wallet.id for wallet in wallets}
    if chosen and chosen not in known and is_wallet_id(chosen):
        wallets.append(current_service().open_wallet(caller, chosen))
    return wallets
