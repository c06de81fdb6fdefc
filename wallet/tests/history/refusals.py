"""Judges refusals: each had a reason, with a balance or a version of its time."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .asked import Move, moves, target
from .case import Case
from .readings import KEPT, Outcome, outcomes
from .reasons import REASONS, Doubt, asked_before, change_has_reason
from .record import Call

if TYPE_CHECKING:
    from .moments import Timeline


def judge_refusals(case: Case, timeline: "Timeline") -> None:
    """Find refusals without a reason, and versions that were not held to."""
    for call in case.calls:
        if call.problem is not None and call.status != 503:
            case.counts["refusals judged"] += 1
        _judge_version(case, timeline, call)
        if call.problem == "unknown-wallet":
            case.fault("unjustified", f"{call}")
        wallet = target(call.request)[0]
        if call.problem in ("floor-too-high", "not-empty") and (
            wallet is None or not change_has_reason(case, timeline, wallet, call)
        ):
            case.fault("unjustified", f"{call}")
        answered = outcomes(call)
        for index, outcome in enumerate(answered):
            if outcome.problem not in (None, "not done"):
                _judge_outcome(case, timeline, call, answered, index)


def _judge_outcome(
    case: Case,
    timeline: "Timeline",
    call: Call,
    answered: list[Outcome],
    index: int,
) -> None:
    move, problem = answered[index].move, answered[index].problem
    began, ended = _decided(case, call, answered[index])
    versions = _versions(case, timeline, call, answered, index)
    # What is gone from the history is a fault of its own.
    there = len(case.histories.get(move.wallet, ()))
    versions = [each for each in versions if each <= there]
    before = asked_before(call, move) if call.problem == "batch-refused" else []
    doubt = Doubt(case, timeline, call, move, versions, before, began, ended)
    reason = REASONS.get(problem or "")
    known = move.wallet in case.wallets and bool(versions)
    if not known or reason is None or not reason(doubt):
        held = [case.balance(move.wallet, each) for each in versions[:20]]
        case.fault("unjustified", f"{call}; it had {held}")


def _versions(
    case: Case,
    timeline: "Timeline",
    call: Call,
    answered: list[Outcome],
    index: int,
) -> Iterable[int]:
    """Return the versions with which a move can have been refused."""
    move = answered[index].move
    # What the same batch moved before or after tells it exactly.
    for outcome in reversed(answered[:index]):
        if outcome.entry and _is_new(case, call, outcome.move):
            return [outcome.entry["version"]]
    for outcome in answered[index + 1 :]:
        if outcome.entry and _is_new(case, call, outcome.move):
            return [outcome.entry["version"] - 1]
    return timeline.possible(move.wallet, *_decided(case, call, answered[index]))


def _is_new(case: Case, call: Call, move: Move) -> bool:
    return case.attempts[move.note] == [call]


def _decided(case: Case, call: Call, outcome: Outcome) -> tuple[float, float]:
    """Return between which moments a refusal, which may be a replay, was decided."""
    move = outcome.move
    kept = outcome.problem in KEPT and call.problem != "batch-refused"
    if not kept or move.scope is None:
        return call.began, call.ended
    attempts = case.attempts[move.note]
    refused = [each for each in attempts if each.problem in KEPT or each.status == 200]
    for each in refused:
        if each.problem in KEPT and not each.replayed:
            return each.began, each.ended
    began = min(each.began for each in attempts if each.is_unknown or each in refused)
    return began, min(each.ended for each in refused)


def _judge_version(case: Case, timeline: "Timeline", call: Call) -> None:
    wanted, asked = call.request.if_match, moves(call.request)
    if wanted is None or not asked:
        return
    wallet = asked[0].wallet
    if call.problem == "version-mismatch":
        versions = timeline.possible(wallet, call.began, call.ended)
        if all(version == wanted for version in versions):
            case.fault("unjustified", f"{call}; it had {list(versions)}")
    if call.status == 204:
        amount = asked[0].amount
        if (
            wanted > len(case.histories[wallet])
            or case.balance(wallet, wanted) != amount
        ):
            case.fault("wrong answer", f"{call}")
    moved = [each for each in outcomes(call) if each.entry and not call.replayed]
    if moved and _is_new(case, call, moved[0].move):
        entry = moved[0].entry or {}
        if entry["version"] != wanted + 1:
            case.fault("wrong version", f"{call}")
