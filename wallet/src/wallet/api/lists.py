"""The calls that list: wallets, and a wallet's history."""

from flask import Blueprint, Response, request

from ..storage.finding import (
    Order,
    WalletOrder,
    find_entries,
    find_wallets,
    place_of,
)
from ..web.body import query_of
from ..web.fields import read_query
from ..web.listing import read_place, write_place
from ..web.replies import json_response, next_page
from ..web.service import current_service, identify
from . import answers, opened
from .filters import EntriesQuery, WalletsQuery
from .following import follow
from .parameters import choose

lists = Blueprint("lists", __name__, url_prefix="/v1/wallets")


@lists.get("")
def list_wallets() -> Response:
    """List the wallets, in the order of their creation unless asked otherwise."""
    identify(request).must_be_operator()
    query = read_query(query_of(request), WalletsQuery)
    order = choose("order", query.order, WalletOrder)
    found = find_wallets(
        *(current_service().store, order, read_place(order, query.after), query.limit),
        query.text or "",
        query.currency or "",
        query.archived,
    )
    last = found.last
    cursor = None if last is None else write_place(order, place_of(last))
    wallets = [opened.wallet_answer(wallet) for wallet in found.rows]
    return json_response(
        opened.WalletsAnswer(wallets, next_page("after", cursor), cursor)
    )


@lists.get("/<wallet_id>/entries")
def list_entries(wallet_id: str) -> Response:
    """List a wallet's history, newest first, or wait until it goes on."""
    caller = identify(request)
    wallet = current_service().open_wallet(caller, wallet_id)
    query = read_query(query_of(request), EntriesQuery)
    if query.wait is not None:
        return follow(caller, wallet, query)
    store = current_service().store
    wanted = query.wanted(store, wallet)
    names = current_service().names_for(caller)
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
