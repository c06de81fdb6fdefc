"""The JSON interface: each route reads its request, submits or looks up, answers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint
from flask import Response
from flask import request

from ..ledger.commands import CreateWallet
from ..ledger.commands import Kind
from ..ledger.commands import RaiseKeyVersion
from ..ledger.commands import Submission
from ..ledger.ids import new_wallet_id
from ..ledger.outcomes import Abandoned
from ..ledger.outcomes import Created
from ..ledger.outcomes import Frozen
from ..ledger.outcomes import KeyRaised
from ..ledger.outcomes import Refused
from ..ledger.outcomes import Results
from ..ledger.outcomes import WalletState
from ..storage import queries as reading
from ..web import fields as messages
from ..web.auth import Caller
from ..web.auth import identify
from ..web.hooks import current_request
from ..web.hooks import query_of
from ..web.hooks import read_body
from ..web.hooks import require_json
from ..web.metrics import submit
from ..web.problems import Problem
from ..web.problems import malformed
from ..web.problems import refused
from ..web.service import current_service
from . import answers
from . import bodies
from . import parameters
from .moves import read_batch
from .moves import read_move

v1 = Blueprint("v1", __name__, url_prefix="/v1")


@v1.post("/wallets")
def create_wallet() -> Response:
    """Create a wallet."""
    caller = _identify()
    caller.must_be_operator()
    require_json(request)
    key = parameters.read_idempotency_key(request.headers.get("Idempotency-Key"))
    body = messages.decode(read_body(request), bodies.NewWallet)
    name, currency, floor_minor = messages.read_new_wallet(body)
    command = CreateWallet(new_wallet_id(), name, currency, floor_minor, key)
    submission = Submission((command,))
    outcome = answers.only(submit(current_service().writer, submission)).outcome
    if not isinstance(outcome, Created):
        raise Problem("key-reused")
    # The answer is the first one again, so it carries the key of that time.
    wallet_key = current_service().keys.make(outcome.wallet.id, 1)
    answer = answers.new_wallet_answer(outcome.wallet, wallet_key)
    response = _json(answer, 201)
    response.headers["Location"] = f"/v1/wallets/{outcome.wallet.id}"
    if outcome.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@v1.get("/wallets")
def list_wallets() -> Response:
    """List the wallets in the order of their creation."""
    _identify().must_be_operator()
    page = parameters.read_page(query_of(request), "after")
    found = reading.list_wallets(current_service().store, page.limit + 1, page.after)
    shown = found[: page.limit]
    following = _next_page(found, page.limit, lambda: {"after": shown[-1].id})
    wallets = [answers.wallet_answer(wallet) for wallet in shown]
    return _json(answers.WalletsAnswer(wallets, following))


@v1.get("/wallets/<wallet_id>")
def read_wallet(wallet_id: str) -> Response:
    """Read a wallet."""
    wallet = open_wallet(wallet_id)
    parameters.read_query(query_of(request), set())
    response = _json(answers.wallet_answer(wallet))
    response.set_etag(str(wallet.version))
    return response


@v1.post("/wallets/<wallet_id>/deposits")
def deposit(wallet_id: str) -> Response:
    """Add funds to a wallet."""
    caller = _identify()
    caller.must_be_operator()
    return _move(caller, wallet_id, Kind.DEPOSIT)


@v1.post("/wallets/<wallet_id>/withdrawals")
def withdraw(wallet_id: str) -> Response:
    """Remove funds from a wallet."""
    return _move(_identify(), wallet_id, Kind.WITHDRAWAL)


@v1.post("/wallets/<wallet_id>/transfers")
def transfer(wallet_id: str) -> Response:
    """Move funds from one wallet to another."""
    return _move(_identify(), wallet_id, Kind.TRANSFER)


@v1.post("/wallets/<wallet_id>/batches")
def move_in_bulk(wallet_id: str) -> Response:
    """Move funds several times, in order, and if asked all or nothing."""
    caller = _identify()
    results = _submit_moves(
        caller, wallet_id, lambda: read_batch(current_request(), caller, wallet_id)
    )
    if isinstance(results, Refused):
        raise refused(results, f"operations[{results.index}].")
    if isinstance(results, Abandoned):
        raise answers.abandoned(results)
    return _json(answers.batch_answer(results))


@v1.get("/wallets/<wallet_id>/entries")
def list_entries(wallet_id: str) -> Response:
    """List a wallet's history, newest first."""
    wallet = open_wallet(wallet_id)
    page = parameters.read_page(query_of(request), "before")
    store = current_service().store
    found = reading.list_entries(store, wallet_id, page.limit + 1, page.before)
    shown = found[: page.limit]
    following = _next_page(found, page.limit, lambda: {"before": shown[-1].version})
    entries = [answers.entry_answer(entry, wallet.currency) for entry in shown]
    return _json(answers.EntriesAnswer(entries, following))


@v1.post("/wallets/<wallet_id>/keys")
def raise_key_version(wallet_id: str) -> Response:
    """Give a wallet a new key and make its older keys worthless."""
    caller = _identify()
    caller.must_be_operator()
    caller.must_see(wallet_id)
    require_json(request)
    messages.decode(read_body(request) or b"{}", bodies.Nothing)
    submission = Submission((RaiseKeyVersion(wallet_id),), wallet_id)
    result = answers.only(submit(current_service().writer, submission))
    assert isinstance(result.outcome, KeyRaised)  # noqa: S101  nothing else can come
    wallet = result.outcome.wallet
    key = current_service().keys.make(wallet.id, wallet.key_version)
    return _json(answers.KeyAnswer(key), 201)


@v1.get("/operations")
def read_operation() -> Response:
    """Tell what became of a request that carried a key."""
    caller = _identify()
    given = parameters.read_query(query_of(request), {"wallet", "key"})
    for name in ("wallet", "key"):
        if name not in given:
            raise malformed(name, "is missing")
    caller.must_see(given["wallet"])
    _find(caller, given["wallet"])
    key = parameters.read_idempotency_key(given["key"]) or ""
    store = current_service().store
    found = reading.find_operation(store, given["wallet"], caller.principal, key)
    if found is None:
        raise Problem("unknown-operation")
    return _json(answers.operation_answer(key, found))


def open_wallet(wallet_id: str) -> WalletState:
    """Read a wallet for whoever may see it."""
    service = current_service()
    caller = identify(request, service.settings.operator_token, service.keys)
    caller.must_see(wallet_id)
    return caller.must_open(reading.find_wallet(service.store, wallet_id))


def _identify() -> Caller:
    service = current_service()
    return identify(request, service.settings.operator_token, service.keys)


def _find(caller: Caller, wallet_id: str) -> WalletState:
    """Read a wallet, and check the version of the caller's key in the same row."""
    return caller.must_open(reading.find_wallet(current_service().store, wallet_id))


def _move(caller: Caller, wallet_id: str, kind: Kind) -> Response:
    results = _submit_moves(
        caller, wallet_id, lambda: read_move(current_request(), caller, wallet_id, kind)
    )
    return _frozen(answers.only(results).frozen)


def _submit_moves(
    caller: Caller, wallet_id: str, read: Callable[[], Submission]
) -> Results:
    caller.must_see(wallet_id)
    try:
        submission = read()
    except Problem:
        # Whoever holds a worthless key learns that first, not what else is wrong.
        if caller.key_version is not None:
            _find(caller, wallet_id)
        raise
    return submit(current_service().writer, submission)


def _next_page(
    found: list[Any], limit: int, cursor: Callable[[], dict[str, Any]]
) -> str | None:
    # One row more than asked for was read, to know whether there is a next page.
    if len(found) <= limit:
        return None
    return f"{request.path}?{urlencode({'limit': limit, **cursor()})}"


def _json(answer: Any, status: int = 200) -> Response:
    return Response(messages.encode(answer), status, mimetype="application/json")


def _frozen(frozen: Frozen | None) -> Response:
    assert frozen is not None  # noqa: S101  every move has an answer
    kind = "json" if frozen.status < 400 else "problem+json"
    response = Response(frozen.body, frozen.status, mimetype=f"application/{kind}")
    if frozen.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
