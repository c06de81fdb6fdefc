"""Judges what clients saw: whether a wallet that keeps its promises can answer so.

The judge reads calls and nothing else. What the clients read last, once all was quiet,
is the history; everything that was answered before must fit it. Each move carries a
note of its own, which tells which entries it made.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .asked import Move, moves, parameters
from .case import Case, Entry, Fault
from .entries import judge_histories
from .holds import judge_holds
from .keys import judge_keys
from .lists import judge_lists
from .moments import judge_moments
from .readings import REFUSALS, Outcome, sightings
from .record import Call


@dataclass
class Verdict:
    """What the judge found, and how much it looked at."""

    faults: list[Fault]
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def names(self) -> set[str]:
        return {fault.name for fault in self.faults}

    def __str__(self) -> str:
        most = [str(fault) for fault in self.faults[:20]]
        return "\n".join([f"{len(self.faults)} faults, {dict(self.counts)}", *most])


def judge(calls: Sequence[Call]) -> Verdict:
    """Find every promise that the calls show to be broken."""
    case = Case(calls)
    judge_histories(case)
    for call in calls:
        _judge_answer(case, call)
    for note in case.made:
        _judge_move(case, note)
    for answers in case.answered.values():
        for call, outcome in answers:
            _judge_outcome(case, call, outcome)
    for notes in set(case.together.values()):
        # Of a release, nothing has its note.
        kinds = {note: case.asked[note].kind for note in notes}
        parts = [note for note in notes if kinds[note] != "release"]
        done = sum(note in case.made or note in case.holds.by_note for note in parts)
        if done not in (0, len(parts)):
            case.fault("in part", f"{done} of an atomic batch: {notes}")
    judge_keys(case)
    timeline = judge_moments(case)
    judge_holds(case, timeline)
    judge_lists(case, timeline)
    return Verdict(case.faults, case.counts)


def _judge_answer(case: Case, call: Call) -> None:
    """An answer is one that the interface has, and shows entries as they are."""
    case.counts["calls"] += 1
    if moves(call.request) and call.is_unknown:
        case.counts["unknown outcomes"] += 1
    if not _is_expected(call):
        case.fault("unexpected answer", f"{call}")
    for wallet, entry in sightings(call):
        case.counts["entries seen"] += 1
        was = case.entry(wallet, entry["version"])
        if was is None:
            case.fault("gone", f"{entry} of {wallet}, shown by {call}")
        # Only that it was undone is learned later.
        elif was | {"reversed_by": None} != entry | {"reversed_by": None}:
            case.fault("changed", f"{wallet} has {was}, unlike what {call} shows")


def _is_expected(call: Call) -> bool:
    if call.status in (None, 200, 201) or call.problem == "unavailable":
        return True
    if call.request.method == "GET":
        by_key = "key" in parameters(call.request)
        return by_key and call.problem == "unknown-operation"
    if call.status == 204:
        return call.request.method == "PUT"
    return call.problem in REFUSALS | {"outcome-unknown"}


def _judge_move(case: Case, note: str) -> None:
    """Entries come from one request that asked for them, and are there on all sides."""
    operations = case.made[note]
    if note not in case.asked:
        case.fault("unasked", f"nobody asked for {dict(operations)}")
        return
    if len(operations) > 1:
        case.fault("twice", f"{note} made {dict(operations)}")
    for made in operations.values():
        _judge_sides(case, case.asked[note], made)
    if not any(_may_have_made(case, note, call) for call in case.attempts[note]):
        told = [str(call) for call in case.attempts[note]]
        case.fault("written all the same", f"{note}, in spite of {told}")


def _judge_sides(case: Case, move: Move, made: list[tuple[str, Entry]]) -> None:
    wanted = case.sides(move) or {}
    sides = sorted((wallet, Decimal(entry["amount"])) for wallet, entry in made)
    if sides != sorted(wanted.items()):
        case.fault("half done", f"{move} made {made}")
    for wallet, entry in made:
        others = wanted.keys() - {wallet}
        kind = _kind_of(case, move)
        if entry["kind"] != kind or {entry["counterparty"]} - {None} != others:
            case.fault("changed", f"{move} made {entry} of {wallet}")
        undone = case.entry(move.wallet, move.version) or {}
        reverses = undone.get("operation") if move.kind == "reversal" else None
        hold = move.hold if wallet == move.wallet else None
        if (entry["reverses"], entry["hold"]) != (reverses, hold):
            case.fault("changed", f"{move} made {entry} of {wallet}")


def _kind_of(case: Case, move: Move) -> str:
    """Return the kind of the entries that a move makes."""
    if move.kind == "capture":
        return "transfer" if move.to else "withdrawal"
    if move.kind == "balance":
        gain = (case.sides(move) or {}).get(move.wallet, Decimal(0))
        return "deposit" if gain > 0 else "withdrawal"
    return move.kind


def _may_have_made(case: Case, note: str, call: Call) -> bool:
    if not call.may_have_written:
        return False
    answers = [outcome for by, outcome in case.answered[note] if by is call]
    return all(outcome.status == 201 for outcome in answers)


def _judge_outcome(case: Case, call: Call, outcome: Outcome) -> None:
    """What was answered with success is what was asked for, and stays."""
    move, entry = outcome.move, outcome.entry
    if outcome.status == 201:
        case.counts["writes answered"] += 1
    if outcome.hold is not None:
        _judge_hold_answer(case, call, outcome)
    if entry is None:
        return
    asked: tuple = (move.note, _kind_of(case, move), move.hold)
    if (entry["note"], entry["kind"], entry["hold"]) != asked:
        case.fault("wrong answer", f"{move} was answered by {call}")
    change = (case.sides(move) or {}).get(move.wallet)
    if change not in (None, Decimal(entry["amount"])):
        case.fault("wrong answer", f"{move} was answered by {call}")
    if move.kind != "reversal" and entry["counterparty"] != move.to:
        case.fault("wrong answer", f"{move} was answered by {call}")
    if move.note not in case.made:
        case.fault("gone", f"what {call} answered is in no history")


def _judge_hold_answer(case: Case, call: Call, outcome: Outcome) -> None:
    move, hold = outcome.move, outcome.hold or {}
    if move.kind == "release":
        told, asked = (hold["id"], hold["state"]), (move.hold, "released")
    else:
        told = (hold["note"], Decimal(hold["amount"]), hold["state"])
        asked = (move.note, move.amount, "open")
    if (hold["wallet"], *told) != (move.wallet, *asked):
        case.fault("wrong answer", f"{move} was answered by {call}")
