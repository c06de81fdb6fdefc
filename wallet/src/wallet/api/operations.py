"""The calls that tell what became of a request: by its key, or by its operation."""

from flask import Blueprint, Response, request

from ..history.other_side import find_on_other_side
from ..ledger.commands import Principal
from ..ledger.ids import is_operation_id
from ..storage.queries import find_operation, find_operation_by_id
from ..web.body import query_of
from ..web.fields import read_key, read_query
from ..web.problems import Problem
from ..web.replies import json_response
from ..web.service import current_service, identify
from .answers import operation_answer, received_answer
from .parameters import OperationQuery, SideQuery

operations = Blueprint("operations", __name__, url_prefix="/v1/operations")


@operations.get("")
def read_operation() -> Response:
    """Look up what was answered under an idempotency key."""
    caller = identify(request)
    query = read_query(query_of(request), OperationQuery)
    current_service().open_wallet(caller, query.wallet)
    key = read_key(query.key)
    store = current_service().store
    operation = find_operation(store, query.wallet, caller.principal, key)
    if operation is None:
        raise Problem("unknown-operation")
    return json_response(operation_answer(key, operation))


@operations.get("/<operation_id>")
def read_operation_by_id(operation_id: str) -> Response:
    """Read what was answered to an operation."""
    caller = identify(request)
    query = read_query(query_of(request), SideQuery)
    wallet = current_service().open_wallet(caller, query.wallet_for(caller))
    if not is_operation_id(operation_id):
        raise Problem("unknown-operation")
    store = current_service().store
    found = find_operation_by_id(store, wallet.id, operation_id)
    if found is None:
        entry = find_on_other_side(store, wallet, operation_id)
        if entry is None or entry.counterparty is None:
            raise Problem("unknown-operation")
        if caller.principal is Principal.OWNER:
            return json_response(received_answer(entry, wallet.currency))
        found = find_operation_by_id(store, entry.counterparty, operation_id)
    # What the operator asked for, and under which key, is not told to others.
    if found is None or caller.principal not in (Principal.OPERATOR, found[0]):
        raise Problem("unknown-operation")
    _, key, operation = found
    return json_response(operation_answer(key, operation))
