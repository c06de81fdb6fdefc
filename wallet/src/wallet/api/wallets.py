"""The calls on wallets: each reads its request, submits or looks up, and answers."""

from flask import Blueprint, Response, request
from msgspec import UNSET

from ..ledger.commands import (
    ChangeWallet,
    CreateWallet,
    Kind,
    RaiseKeyVersion,
    Submission,
)
from ..ledger.ids import new_wallet_id
from ..ledger.money import read_signed_amount
from ..ledger.outcomes import (
    Abandoned,
    Changed,
    Created,
    Entry,
    KeyRaised,
    Refused,
)
from ..storage.queries import find_entry
from ..web.auth import Caller
from ..web.body import query_of, require_json
from ..web.fields import (
    read_idempotency_key,
    read_if_match,
    read_new_wallet,
    read_query,
)
from ..web.problems import Problem, refused
from ..web.replies import frozen_response, json_response
from ..web.service import current_request, current_service, identify, only
from . import answers, bodies, opened
from .moves import read_batch, read_move, read_new_balance, read_reversal, read_version
from .parameters import NoQuery
from .submitting import submit_moves

v1 = Blueprint("v1", __name__, url_prefix="/v1")


@v1.post("/wallets")
def create_wallet() -> Response:
    """Create a wallet."""
    caller = identify(request)
    caller.must_be_operator()
    require_json(request)
    key = read_idempotency_key(request.headers.get("Idempotency-Key"))
    body = bodies.read_json(request, caller, bodies.NewWallet)
    currency = body.currency or current_service().settings.default_currency
    name, currency, floor_minor = read_new_wallet(body.name, currency, body.floor)
    command = CreateWallet(new_wallet_id(), name, currency, floor_minor, key)
    submission = Submission((command,))
    outcome = current_service().submit_one(submission).outcome
    if not isinstance(outcome, Created):
        raise Problem("key-reused")
    # A repeated request gets the first answer again, with the key of that time.
    wallet_key = current_service().keys.make(outcome.wallet.id, 1)
    answer = opened.new_wallet_answer(outcome.wallet, wallet_key)
    response = json_response(answer, 201)
    response.headers["Location"] = f"/v1/wallets/{outcome.wallet.id}"
    if outcome.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@v1.get("/wallets/<wallet_id>")
def read_wallet(wallet_id: str) -> Response:
    """Read a wallet."""
    wallet = current_service().open_wallet(identify(request), wallet_id)
    read_query(query_of(request), NoQuery)
    response = json_response(opened.wallet_answer(wallet))
    response.set_etag(str(wallet.version))
    return response


@v1.patch("/wallets/<wallet_id>")
def change_wallet(wallet_id: str) -> Response:
    """Rename a wallet, move its floor, archive it or take it back."""
    caller = identify(request)
    caller.must_be_operator()
    caller.must_see(wallet_id)
    require_json(request)
    if_match = read_if_match(request.headers.get("If-Match"))
    body = bodies.read_json(request, caller, bodies.WalletChange)
    command = ChangeWallet(
        wallet_id,
        None if body.name is UNSET else body.name,
        None if body.floor is UNSET else read_signed_amount(body.floor),
        None if body.archived is UNSET else body.archived,
    )
    submission = Submission((command,), wallet_id, if_match=if_match)
    outcome = current_service().submit_decided(submission)
    assert isinstance(outcome, Changed)  # noqa: S101  nothing else can come
    response = json_response(opened.wallet_answer(outcome.wallet))
    response.set_etag(str(outcome.wallet.version))
    return response


@v1.put("/wallets/<wallet_id>/balance")
def set_balance(wallet_id: str) -> Response:
    """Set a balance: what is missing is deposited, what is too much withdrawn."""
    caller = identify(request)
    caller.must_be_operator()
    results = submit_moves(
        caller, wallet_id, lambda: read_new_balance(request, caller, wallet_id)
    )
    return frozen_response(only(results).frozen)


@v1.post("/wallets/<wallet_id>/deposits")
def deposit(wallet_id: str) -> Response:
    """Add funds to a wallet."""
    caller = identify(request)
    caller.must_be_operator()
    return _move(caller, wallet_id, Kind.DEPOSIT)


@v1.post("/wallets/<wallet_id>/withdrawals")
def withdraw(wallet_id: str) -> Response:
    """Remove funds from a wallet."""
    return _move(identify(request), wallet_id, Kind.WITHDRAWAL)


@v1.post("/wallets/<wallet_id>/transfers")
def transfer(wallet_id: str) -> Response:
    """Move funds from one wallet to another."""
    return _move(identify(request), wallet_id, Kind.TRANSFER)


@v1.post("/wallets/<wallet_id>/entries/<version>/reversals")
def undo(wallet_id: str, version: str) -> Response:
    """Undo an entry, and its counterpart if there is one, by the opposite."""
    caller = identify(request)
    caller.must_be_operator()
    service = current_service()

    def find() -> Entry | None:
        service.open_wallet(caller, wallet_id)
        number = read_version(version)
        return None if number is None else find_entry(service.store, wallet_id, number)

    results = submit_moves(
        caller, wallet_id, lambda: read_reversal(request, caller, wallet_id, find)
    )
    return frozen_response(only(results).frozen)


@v1.post("/wallets/<wallet_id>/batches")
def move_in_bulk(wallet_id: str) -> Response:
    """Move funds several times, in order, and if asked all or nothing."""
    caller = identify(request)
    results = submit_moves(
        caller, wallet_id, lambda: read_batch(current_request(), caller, wallet_id)
    )
    if isinstance(results, Refused):
        raise refused(results, f"operations[{results.index}].")
    if isinstance(results, Abandoned):
        raise answers.abandoned(results)
    return json_response(answers.batch_answer(results))


@v1.post("/wallets/<wallet_id>/keys")
def renew_key(wallet_id: str) -> Response:
    """Give a wallet a new key and make its older keys worthless."""
    caller = identify(request)
    caller.must_be_operator()
    caller.must_see(wallet_id)
    require_json(request)
    bodies.read_json(request, caller, bodies.Nothing, empty=b"{}")
    submission = Submission((RaiseKeyVersion(wallet_id),), wallet_id)
    result = current_service().submit_one(submission)
    assert isinstance(result.outcome, KeyRaised)  # noqa: S101  nothing else can come
    wallet = result.outcome.wallet
    key = current_service().keys.make(wallet.id, wallet.key_version)
    return json_response(answers.KeyAnswer(key), 201)


def _move(caller: Caller, wallet_id: str, kind: Kind) -> Response:
    results = submit_moves(
        caller, wallet_id, lambda: read_move(current_request(), caller, wallet_id, kind)
    )
    return frozen_response(only(results).frozen)
