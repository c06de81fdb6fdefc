"""Transfer and Pay: what to move, which is then reviewed."""

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
)
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.commands import MoveMoney
from ..ledger.outcomes import WalletState
from ..storage.errors import StoreFailure
from ..web.auth import Caller
from ..web.fields import Name, check, read_note
from ..web.problems import Problem, malformed
from ..web.service import current_service
from . import access, forms, recipients, review

moving = Blueprint("moving", __name__)


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
    payee = recipients.read_payee()
    if required and payee is None:
        raise malformed("payee", "must say whom you pay")
    return payee


def _recipient() -> str:
    recipient = recipients.read_recipient()
    if recipient is None:
        raise malformed("to", "must be a wallet: choose one or type its id")
    return recipient


def _form(caller: Caller, way: str, problem: Problem | None = None) -> str:
    sent = request.form if problem else {}
    chosen = sent.get("from") or request.args.get("from") or caller.wallet_id
    text = check(request.args.get("find", "").strip(), Name, "find")
    wallets, fitting, more = recipients.choices(caller, text, chosen, sent.get("to"))
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
        at_fault=recipients.field_at_fault(problem) if problem else None,
    )
