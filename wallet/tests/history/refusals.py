"""Judges refusals: each had a reason, with a balance or a version of its time."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from .case import Case
from .readings import KEPT, Move, Outcome, moves, outcomes
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
        answered = outcomes(call)
        for index, outcome in enumerate(answered):
            if outcome.problem in (None, "not done"):
                continue
            move = outcome.move
            versions = _versions(case, timeline, call, answered, index)
            pending = Decimal(0)
            if call.problem == "batch-refused":
                pending = sum((each.change for each in _before(call, move)), pending)
            # What is gone from the history is a fault of its own.
            there = len(case.histories.get(move.wallet, ()))
            held = [
                case.balance(move.wallet, each) + pending
                for each in versions
                if each <= there
            ]
            if not _has_reason(case, call, outcome, held):
                case.fault("unjustified", f"{call}; it held {held[:20]}")


def _before(call: Call, move: Move) -> list[Move]:
    asked = moves(call.request)
    return asked[: asked.index(move)]


def _has_reason(
    case: Case, call: Call, outcome: Outcome, held: Iterable[Decimal]
) -> bool:
    move, problem = outcome.move, outcome.problem
    sender, recipient = case.wallets.get(move.wallet), case.wallets.get(move.to or "")
    if sender is None:
        return False
    if problem == "insufficient-funds":
        floor = Decimal(sender["floor"])
        return any(balance + move.change < floor for balance in held)
    if problem == "self-transfer":
        return move.to == move.wallet
    if problem == "unknown-recipient":
        return recipient is None
    if problem == "currency-mismatch":
        return recipient is not None and recipient["currency"] != sender["currency"]
    return problem == "key-reused" and any(
        other.began < call.ended and (other.may_have_written or other.problem in KEPT)
        for note in case.under_key[move.scope] - {move.note}
        for other in case.attempts[note]
    )


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
    began, ended = call.began, call.ended
    kept = answered[index].problem in KEPT and call.problem != "batch-refused"
    if kept and move.scope is not None:
        began, ended = _decided(case, move)
    return timeline.possible(move.wallet, began, ended)


def _is_new(case: Case, call: Call, move: Move) -> bool:
    return case.attempts[move.note] == [call]


def _decided(case: Case, move: Move) -> tuple[float, float]:
    """Return between which moments a refusal, which may be a replay, was decided."""
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
    moved = [each for each in outcomes(call) if each.entry and not call.replayed]
    if moved and _is_new(case, call, moved[0].move):
        entry = moved[0].entry or {}
        if entry["version"] != wanted + 1:
            case.fault("wrong version", f"{call}")
