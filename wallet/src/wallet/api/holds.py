"""The calls on holds: money is set aside, paid out later, or let go."""

from typing import Annotated

import msgspec
from flask import Blueprint, Response, request

from ..ledger.held import HoldEnd, HoldState
from ..ledger.outcomes import WalletState
from ..storage.holding import find_hold, list_holds
from ..web.body import query_of
from ..web.described import described, matching
from ..web.fields import DEFAULT_PAGE, Limit, read_query
from ..web.problems import Problem
from ..web.replies import frozen_response, json_response, next_page
from ..web.service import current_service, identify, only
from .held import HOLD_ID, HeldAnswer, HoldsAnswer, hold_answer
from .moves import read_capture, read_hold, read_release
from .parameters import NoQuery
from .submitting import submit_moves

holds = Blueprint("holds", __name__, url_prefix="/v1/wallets/<wallet_id>/holds")


class HoldsQuery(msgspec.Struct):
    """The part of a wallet's holds that is asked for."""

    limit: Limit = DEFAULT_PAGE
    after: (
        Annotated[str, matching(HOLD_ID), described("Only holds made after this one.")]
        | None
    ) = None
    state: Annotated[HoldEnd, described("Only holds in this state.")] | None = None


@holds.post("")
def place_hold(wallet_id: str) -> Response:
    """Set money aside for a later payment."""
    caller = identify(request)
    results = submit_moves(
        caller, wallet_id, lambda: read_hold(request, caller, wallet_id)
    )
    return frozen_response(only(results).frozen)


@holds.get("")
def list_all(wallet_id: str) -> Response:
    """List a wallet's holds in the order of their making."""
    wallet = current_service().open_wallet(identify(request), wallet_id)
    page = read_query(query_of(request), HoldsQuery)
    store = current_service().store
    rows = list_holds(store, wallet_id, page.limit + 1, page.after, page.state)
    cursor = rows[page.limit - 1].id if len(rows) > page.limit else None
    told = [hold_answer(hold, wallet.currency) for hold in rows[: page.limit]]
    return json_response(HoldsAnswer(told, next_page("after", cursor), cursor))


@holds.get("/<hold_id>")
def read_one_hold(wallet_id: str, hold_id: str) -> Response:
    """Read a hold."""
    wallet, hold = _open(wallet_id, hold_id)
    read_query(query_of(request), NoQuery)
    return json_response(HeldAnswer(hold_answer(hold, wallet.currency)))


@holds.post("/<hold_id>/captures")
def capture_hold(wallet_id: str, hold_id: str) -> Response:
    """Pay out of a hold: to a wallet, or as a withdrawal."""
    caller = identify(request)
    results = submit_moves(
        caller, wallet_id, lambda: read_capture(request, caller, wallet_id, hold_id)
    )
    return frozen_response(only(results).frozen)


@holds.post("/<hold_id>/releases")
def release_hold(wallet_id: str, hold_id: str) -> Response:
    """Let go of what remains of a hold."""
    caller = identify(request)
    results = submit_moves(
        caller, wallet_id, lambda: read_release(request, caller, wallet_id, hold_id)
    )
    return frozen_response(only(results).frozen)


def _open(wallet_id: str, hold_id: str) -> tuple[WalletState, HoldState]:
    service = current_service()
    wallet = service.open_wallet(identify(request), wallet_id)
    hold = find_hold(service.store, wallet_id, hold_id)
    if hold is None:
        raise Problem("unknown-hold")
    return wallet, hold
