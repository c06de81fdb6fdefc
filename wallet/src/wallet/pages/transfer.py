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
from ..storage.finding import Place, WalletOrder, find_wallets
from ..web.auth import Caller
from ..web.fields import Name, Payee, Recipient, check, read_note
from ..web.problems import Problem, malformed
from ..web.service import current_service
from . import access, forms, review

moving = Blueprint("moving", __name__)

#: So many wallets can be chosen from a list; any other is named by its id.
_CHOICES = 100


@moving.get("/add", defaults={"way": "add"})
@moving.get("/transfer", defaults={"way": "transfer"})
@moving.get("/pay", defaults={"way": "pay"})
def ask(way: str) -> str:
    """Ask what to move."""
    return _form(_caller(way), way)


@moving.post("/add", defaults={"way": "add"})
@moving.post("/transfer", defaults={"way": "transfer"})
@moving.post("/pay", defaults={"way": "pay"})
def prepare(way: str) -> AnyResponse:
    """Check what is to be moved, and go on to its review."""
    caller = _caller(way)
    try:
        wallet = current_service().open_wallet(caller, _sender(caller))
        command = _read_move(caller, wallet, way)
        review.foretell(command)
    except Problem as problem:
        if problem.kind.status in (401, 403):
            raise
        return Response(_form(caller, way, problem), problem.kind.status)
    return redirect(review.address(command), 303)


def _caller(way: str) -> Caller:
    caller = access.current_caller()
    if way == "add":
        caller.must_be_operator()
    return caller


def _sender(caller: Caller) -> str:
    if caller.wallet_id is not None:
        return caller.wallet_id
    sender = forms.field("from")
    if not sender:
        raise malformed("from", "must be a wallet: choose one")
    return sender


def _read_move(caller: Caller, wallet: WalletState, way: str) -> MoveMoney:
    recipient = _recipient() if way == "transfer" else None
    amount = forms.read_amount(wallet)
    change = amount if way == "add" else -amount
    note = read_note(forms.field("note") or None)
    payee = None if way == "transfer" else _payee(required=way == "pay")
    return forms.a_move(caller, wallet, change, forms.new_key(), recipient, note, payee)


def _payee(*, required: bool) -> str | None:
    payee = forms.field("payee")
    if required and not payee:
        raise malformed("payee", "must say whom you pay")
    return check(payee, Payee, "payee") or None


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
    text = check(request.args.get("find", "").strip(), Name, "find")
    wallets, more = _choices(caller, chosen, text)
    return render_template(
        "move.html",
        way=way,
        wallets=wallets,
        more=more,
        text=text,
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


def _choices(
    caller: Caller, chosen: str | None, text: str
) -> tuple[list[WalletState], bool]:
    """Offer wallets by currency and name, and tell whether there are more."""
    if caller.principal is Principal.OWNER:
        own = current_service().open_wallet(caller, caller.wallet_id or "")
        return [own], False
    by_name = WalletOrder.NAME
    store = current_service().store
    found = find_wallets(store, by_name, Place(), _CHOICES, text, archived=False)
    wallets = found.rows
    known = {wallet.id for wallet in wallets}
    if chosen and chosen not in known and is_wallet_id(chosen):
        wallets.append(current_service().open_wallet(caller, chosen))
    wallets.sort(key=lambda wallet: wallet.currency)
    return wallets, found.last is not None
