"""Bank Balances: the wallets one may see, what they hold, and a new one."""

import msgspec
from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.commands import CreateWallet, Submission
from ..ledger.ids import new_wallet_id
from ..ledger.outcomes import Created
from ..prices.rates import Rate, quote
from ..storage.errors import StoreFailure
from ..storage.finding import WalletOrder, find_wallets, place_of
from ..storage.queries import held_by_currency
from ..web.fields import DEFAULT_PAGE, Archived, Limit, Name, read_new_wallet
from ..web.listing import read_place, write_place
from ..web.problems import Problem, failed
from ..web.service import current_service
from . import access, forms
from .wording import CURRENCY_NAMES, isolated, money, rate_now, title

balances = Blueprint("balances", __name__)


@balances.get("/")
def index() -> AnyResponse | str:
    """Show the wallets, the only one, or the way to sign in."""
    try:
        caller = access.current_caller()
    except Problem:
        return redirect(url_for("signing.ask"), 303)
    if caller.wallet_id is not None:
        # The holder of a key has one wallet to look at.
        return redirect(url_for("history.show", wallet_id=caller.wallet_id), 303)
    return _page()


@balances.post("/wallets")
def create_wallet() -> AnyResponse:
    """Create a wallet and show it."""
    access.current_caller().must_be_operator()
    try:
        name, currency, floor_minor = read_new_wallet(
            forms.field("name"), _currency(), "0"
        )
        command = CreateWallet(
            new_wallet_id(), name, currency, floor_minor, forms.read_key()
        )
        outcome = current_service().submit_one(Submission((command,))).outcome
        if not isinstance(outcome, Created):
            raise Problem("key-reused")
    except StoreFailure as failure:
        # Nobody knows, or nothing was written: the same form may be sent again.
        return _again(failed(failure), forms.field("key"))
    except Problem as problem:
        return _again(problem)
    wallet = outcome.wallet
    flash(f"{isolated(title(wallet))} is ready: set what it holds.")
    return redirect(url_for("history.show", wallet_id=wallet.id), 303)


def _currency() -> str:
    return forms.field("currency") or current_service().settings.default_currency


class WalletsAsked(msgspec.Struct):
    """Which wallets are asked for, and which come first."""

    text: Name = ""
    order: WalletOrder = WalletOrder.NAME
    after: str | None = None
    limit: Limit = DEFAULT_PAGE
    archived: Archived = False


def _again(problem: Problem, key: str | None = None) -> Response:
    return Response(_page(problem, key), problem.kind.status, problem.headers)


def _page(problem: Problem | None = None, key: str | None = None) -> str:
    store = current_service().store
    asked = forms.query(WalletsAsked)
    start = read_place(asked.order, asked.after)
    text = asked.text.strip()
    found = find_wallets(
        store, asked.order, start, asked.limit, text, archived=asked.archived
    )
    held, rate = held_by_currency(store), rate_now()
    following = found.last and write_place(asked.order, place_of(found.last))
    return render_template(
        "balances.html",
        wallets=found.rows,
        asked=asked,
        text=text,
        orders=WalletOrder,
        following=following,
        none_yet=not held,
        held={currency: minor for currency, minor in held.items() if minor},
        worth=_worth_of_all(held, rate),
        rate=rate,
        currencies=CURRENCY_NAMES,
        currency=_currency(),
        key=key or forms.new_key(),
        error=problem and forms.sentence(problem),
    )


def _worth_of_all(held: dict[str, int], rate: Rate | None) -> str:
    """Add up what is held in rand, with bitcoin by their price, and name the rest."""
    sums = {currency: minor for currency, minor in held.items() if minor}
    bitcoin = quote(sums.get("BTC", 0), "BTC", rate)
    if bitcoin is not None and sums.pop("BTC", 0):
        sums["ZAR"] = sums.get("ZAR", 0) + bitcoin.value_minor
    order = sorted(sums, key=lambda currency: (currency != "ZAR", currency))
    return " + ".join(money(sums[currency], currency) for currency in order)
