"""The calls that list: wallets, and a wallet's history."""

from flask import Blueprint, Response, request

from ..ledger.commands import Principal
from ..storage import queries
from ..storage.finding import Order, find_entries
from ..web.body import query_of
from ..web.fields import WalletsPage, read_query
from ..web.replies import json_response, next_page
from ..web.service import current_service, identify
from . import answers
from .filters import EntriesQuery

lists = Blueprint("lists", __name__, url_prefix="/v1/wallets")


@lists.get("")
def list_wallets() -> Response:
    """List the wallets in the order of their creation."""
    identify(request).must_be_operator()
    page = read_query(query_of(request), WalletsPage)
    found = queries.list_wallets(current_service().store, page.limit + 1, page.after)
    rows = found[: page.limit]
    cursor = rows[-1].id if len(found) > len(rows) else None
    wallets = [answers.wallet_answer(wallet) for wallet in rows]
    return json_response(
        answers.WalletsAnswer(wallets, next_page("after", cursor), cursor)
    )


@lists.get("/<wallet_id>/entries")
def list_entries(wallet_id: str) -> Response:
    """List a wallet's history, newest first unless asked otherwise."""
    caller = identify(request)
    wallet = current_service().open_wallet(caller, wallet_id)
    query = read_query(query_of(request), EntriesQuery)
    store = current_service().store
    wanted = query.wanted(store, wallet)
    # Whoever holds the key of one wallet learns no names of others.
    names = caller.principal is Principal.OPERATOR
    found = find_entries(store, wallet_id, wanted, query.limit, names)
    cursor = None if found.last is None else found.last.version
    parameter = "after" if wanted.order is Order.OLDEST else "before"
    return json_response(
        answers.EntriesAnswer(
            [answers.entry_answer(each, wallet.currency) for each in found.rows],
            next_page(parameter, cursor),
            cursor,
        )
    )
