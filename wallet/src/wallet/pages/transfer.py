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
from ..storage.errors import StoreFailure
from ..storage.finding import Place, WalletOrder, find_wallets
from ..storage.queries import find_wallet
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
    except (Problem, StoreFailure) as error:
        problem = forms.problem_of(error)
        if problem.kind.status in (401, 403):
            raise
        body = _form(caller, way, problem)
        return Response(body, problem.kind.status, problem.headers)
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
    wallets, fitting, more = _choices(caller, text, chosen, sent.get("to"))
    return render_template(
        "move.html",
        way=way,
        wallets=wallets,
        fitting=fitting,
        more=more,
        text=text,
        chosen=chosen if chosen in {wallet.id for wallet in wallets} else None,
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
    caller: Caller, text: str, *kept: str | None
) -> tuple[list[WalletState], int, bool]:
    """Offer wallets by currency and name; tell how many fit, and if there are more.

    :param kept: those that were chosen, which are offered in any case.
    """
    if caller.principal is Principal.OWNER:
        own = current_service().open_wallet(caller, caller.wallet_id or "")
        return [own], 1, False
    by_name = WalletOrder.NAME
    store = current_service().store
    found = find_wallets(store, by_name, Place(), _CHOICES, text, archived=False)
    wallets = [*found.rows]
    for wallet_id in sorted({*filter(None, kept)} - {each.id for each in wallets}):
        wallet = find_wallet(store, wallet_id) if is_wallet_id(wallet_id) else None
        wallets += [wallet] if wallet else []
    wallets.sort(key=lambda wallet: wallet.currency)
    return wallets, len(found.rows), found.last is not None
