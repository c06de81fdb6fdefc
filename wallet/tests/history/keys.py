"""Judges keys: each has one outcome for ever, and a repeated request moves no money."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .asked import moves, parameters, target
from .case import Case
from .readings import KEPT, looked_up, outcomes
from .record import Call


def judge_keys(case: Case) -> None:
    """Find keys with two outcomes, and creations that were done twice or not at all."""
    kept: dict[Any, dict[Any, list[Call]]] = defaultdict(lambda: defaultdict(list))
    answered_by: dict[Any, float] = {}
    for call in case.calls:
        for scope, status, frozen in _kept_answers(call):
            kept[scope][status, frozen].append(call)
            by = answered_by.get(scope, call.ended)
            answered_by[scope] = min(by, call.ended)
        if call.replayed:
            case.counts["replays"] += 1
            _judge_replay(case, call)
    for scope, answers in kept.items():
        if len(answers) > 1:
            case.fault("other bytes", f"{scope}: {list(answers)}")
        if scope[0] == "operation":
            continue
        calls = [call for same in answers.values() for call in same]
        first = [call for call in calls if _would_say_replayed(call)]
        if sum(not call.replayed for call in first) > 1:
            told = [str(call) for call in first]
            case.fault("twice", f"{scope} was new to more than one of {told}")
    for call in case.calls:
        scope = _looked_for(call)
        if call.problem == "unknown-operation" and scope in answered_by:
            if answered_by[scope] < call.began:
                case.fault("order", f"{call}, which was answered before")
    _judge_creations(case)


def _looked_for(call: Call) -> Any:
    query = parameters(call.request)
    if "key" in query:
        return query["wallet"], call.request.principal, query["key"]
    return "operation", call.request.path.partition("?")[0].split("/")[-1]


def _kept_answers(call: Call) -> Iterator[tuple[Any, int, bytes]]:
    request = call.request
    if call.problem == "batch-refused":
        return  # nothing is kept of it
    if call.status == 204 and (scope := moves(request)[0].scope) is not None:
        yield scope, 204, b""
    for outcome in outcomes(call):
        is_kept = outcome.status == 201 or outcome.problem in KEPT
        if outcome.move.scope is not None and is_kept:
            yield outcome.move.scope, outcome.status, outcome.frozen
        if outcome.entry is not None:
            operation = outcome.entry["operation"]
            yield ("operation", operation), outcome.status, outcome.frozen
    if call.status == 200 and target(request)[1] == "operations":
        yield _looked_for(call), *looked_up(call)
    is_creation = request.method == "POST" and request.path == "/v1/wallets"
    if is_creation and request.key is not None and call.status == 201:
        yield ("creation", request.key), 201, call.data


def _would_say_replayed(call: Call) -> bool:
    # A batch does not say which of its items are replays.
    return call.request.method != "GET" and not call.request.path.endswith("/batches")


def _judge_replay(case: Case, call: Call) -> None:
    asked = moves(call.request)
    if asked:
        attempts = case.attempts[asked[0].note]
    else:
        attempts = case.creations[(call.request.body or {})["name"]]
    if not any(
        other.may_have_written or other.problem in KEPT or other.status == 204
        for other in attempts
        if other is not call and other.began < call.ended
    ):
        case.fault("replay of nothing", f"{call}")


def _judge_creations(case: Case) -> None:
    there: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in case.wallets.values():
        there[case.origin.get(row["id"], row["name"])].append(row)
    for name, calls in case.creations.items():
        rows = there.pop(name, [])
        if len(rows) > 1:
            case.fault("twice", f"{name} is the name of {rows}")
        if rows and not any(call.may_have_written for call in calls):
            case.fault("written all the same", f"{rows}")
        for call in calls:
            if call.status == 201 and not any(_is_made(row, call) for row in rows):
                case.fault("gone", f"the wallet of {call}")
    if there:
        case.fault("unasked", f"nobody created {there}")


def _is_made(row: dict[str, Any], call: Call) -> bool:
    made = call.json
    return all(
        row[member] == made[member] for member in ("id", "currency", "created_at")
    )
