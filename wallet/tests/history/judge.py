"""Judges what clients saw: whether a wallet that keeps its promises can answer so.

The judge reads calls and nothing else. What the clients read last, once all was quiet,
is the history; everything that was answered before must fit it. Each move carries a
note of its own, which tells which entries it made.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .case import Case, Entry, Fault
from .keys import judge_keys
from .moments import judge_moments
from .readings import REFUSALS, Move, Outcome, moves, sightings
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
    for wallet, entries in case.histories.items():
        _judge_history(case, wallet, entries)
    _judge_sums(case)
    for call in calls:
        _judge_answer(case, call)
    for note in case.made:
        _judge_move(case, note)
    for answers in case.answered.values():
        for call, outcome in answers:
            _judge_outcome(case, call, outcome)
    for notes in set(case.together.values()):
        done = sum(note in case.made for note in notes)
        if done not in (0, len(notes)):
            case.fault("in part", f"{done} of an atomic batch: {notes}")
    judge_keys(case)
    judge_moments(case)
    return Verdict(case.faults, case.counts)


def _judge_history(case: Case, wallet: str, entries: list[Entry]) -> None:
    """Versions have no gap and no double, and balances are sums, never too low."""
    row = case.wallets.get(wallet)
    if row is None:
        case.fault("gone", f"{wallet} is not in the list of wallets")
        return
    case.counts["entries"] += len(entries)
    versions = [entry["version"] for entry in entries]
    if versions != list(range(1, len(entries) + 1)):
        case.fault("gap", f"{wallet} has the versions {versions}")
    balance, at = Decimal(0), ""
    for entry in entries:
        where = f"{wallet} version {entry['version']}"
        balance += Decimal(entry["amount"])
        if Decimal(entry["balance"]) != balance:
            case.fault("sum", f"{where}: {entry}, but the sum is {balance}")
            balance = Decimal(entry["balance"])
        if balance < Decimal(row["floor"]):
            case.fault("floor", f"{where}: {balance} is below {row['floor']}")
        if entry["at"] < at:
            case.fault("time", f"{where} is earlier than the entry before it")
        at = entry["at"]
    if (row["version"], Decimal(row["balance"])) != (len(entries), balance):
        case.fault("sum", f"{row} is not what its entries end with: {balance}")


def _judge_sums(case: Case) -> None:
    """Transfers add up to nothing, and all balances to what was put in."""
    for currency in {row["currency"] for row in case.wallets.values()}:
        wallets = [
            wallet
            for wallet, row in case.wallets.items()
            if row["currency"] == currency
        ]
        entries = [entry for wallet in wallets for entry in case.histories[wallet]]
        moved = sum(Decimal(each["amount"]) for each in entries if each["counterparty"])
        if moved:
            case.fault("money made", f"transfers in {currency} add up to {moved}")
        held = sum(Decimal(case.wallets[wallet]["balance"]) for wallet in wallets)
        put_in = sum(Decimal(each["amount"]) for each in entries) - moved
        if held != put_in:
            case.fault("sum", f"{held} {currency} are held, {put_in} were put in")


def _judge_answer(case: Case, call: Call) -> None:
    """An answer is one that the interface has, and shows entries as they are."""
    case.counts["calls"] += 1
    if moves(call.request) and call.is_unknown:
        case.counts["unknown outcomes"] += 1
    if not _is_expected(call):
        case.fault("unexpected answer", f"{call}")
    for wallet, entry in sightings(call):
        case.counts["entries seen"] += 1
        history, version = case.histories[wallet], entry["version"]
        if not 0 < version <= len(history):
            case.fault("gone", f"version {version} of {wallet}, shown by {call}")
        elif history[version - 1] != entry:
            was = history[version - 1]
            case.fault("changed", f"{wallet} has {was}, unlike what {call} shows")


def _is_expected(call: Call) -> bool:
    if call.status in (None, 200, 201) or call.problem == "unavailable":
        return True
    if call.request.method == "GET":
        return call.problem == "unknown-operation"
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
    sides = sorted((wallet, Decimal(entry["amount"])) for wallet, entry in made)
    if sides != list(move.sides):
        case.fault("half done", f"{move} made {made}")
    for wallet, entry in made:
        others = {name for name, _ in move.sides} - {wallet}
        if entry["kind"] != move.kind or {entry["counterparty"]} - {None} != others:
            case.fault("changed", f"{move} made {entry} of {wallet}")


def _may_have_made(case: Case, note: str, call: Call) -> bool:
    if not call.may_have_written:
        return False
    answers = [outcome for by, outcome in case.answered[note] if by is call]
    return all(outcome.status == 201 for outcome in answers)


def _judge_outcome(case: Case, call: Call, outcome: Outcome) -> None:
    """What was answered with success is what was asked for, and stays."""
    move, entry = outcome.move, outcome.entry
    if entry is None:
        return
    case.counts["writes answered"] += 1
    asked = (move.note, move.kind, move.change, move.to)
    amount = Decimal(entry["amount"])
    if (entry["note"], entry["kind"], amount, entry["counterparty"]) != asked:
        case.fault("wrong answer", f"{move} was answered by {call}")
    if move.note not in case.made:
        case.fault("gone", f"what {call} answered is in no history")
