"""Bank Balances: the wallets one may see, what they hold, and a new one."""

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

from ..ledger.commands import CreateWallet, Submission
from ..ledger.ids import new_wallet_id
from ..ledger.money import CURRENCIES
from ..ledger.outcomes import Created
from ..storage.queries import held_by_currency, list_wallets
from ..web.fields import WalletsPage, read_new_wallet, read_query
from ..web.problems import Problem
from ..web.service import current_service
from . import access, forms
from .wording import isolated, rate_now, title

balances = Blueprint("balances", __name__)


@balances.get("/")
def index() -> AnyResponse | str:
    """Show the wallets, or the way to sign in."""
    try:
        access.current_caller()
    except Problem:
        return redirect(url_for("signing.ask"), 303)
    return _page()


@balances.post("/wallets")
def create_wallet() -> AnyResponse:
    """Create a wallet and show it."""
    access.current_caller().must_be_operator()
    try:
        name, currency, floor_minor = read_new_wallet(
            forms.field("name"), forms.field("currency"), "0"
        )
    except Problem as problem:
        return Response(_page(problem), problem.kind.status)
    command = CreateWallet(
        new_wallet_id(), name, currency, floor_minor, forms.read_key()
    )
    submission = Submission((command,))
    outcome = current_service().submit_one(submission).outcome
    if not isinstance(outcome, Created):
        raise Problem("key-reused")
    wallet = outcome.wallet
    flash(f"{isolated(title(wallet))} is ready: set what it holds.")
    return redirect(url_for("history.show", wallet_id=wallet.id), 303)


def _page(problem: Problem | None = None) -> str:
    caller, store = access.current_caller(), current_service().store
    if caller.wallet_id is not None:
        wallet = current_service().open_wallet(caller, caller.wallet_id)
        return render_template(
            "balances.html",
            wallets=[wallet],
            held={wallet.currency: wallet.balance_minor},
            rate=rate_now(),
        )
    default = current_service().settings.default_currency
    page = read_query(request.args.to_dict(flat=False), WalletsPage)
    found = list_wallets(store, page.limit + 1, page.after, archived=False)
    return render_template(
        "balances.html",
        wallets=found[: page.limit],
        more=len(found) > page.limit,
        first=page.after is None,
        held=held_by_currency(store),
        rate=rate_now(),
        currencies=sorted(CURRENCIES),
        currency=request.form.get("currency", default),
        key=forms.new_key(),
        error=problem and forms.sentence(problem),
    )
