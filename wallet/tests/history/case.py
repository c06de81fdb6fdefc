"""The calls of a run, sorted by what they tell about."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Any

from .asked import Move, moves, target
from .changes import MEMBERS, Register, registers_of
from .held import Hold, Holds
from .readings import Outcome, holds_shown, outcomes
from .record import LAST_LOOK, Call

Entry = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A promise that was broken, and who saw it."""

    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


class Case:
    """What was asked, what was answered, and the history that was read last."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.wallets: dict[str, dict[str, Any]] = {}
        self.histories: dict[str, list[Entry]] = defaultdict(list)
        self.asked: dict[str, Move] = {}
        self.attempts: dict[str, list[Call]] = defaultdict(list)
        self.answered: dict[str, list[tuple[Call, Outcome]]] = defaultdict(list)
        #: The moves that were asked for under each key.
        self.under_key: dict[Any, set[str]] = defaultdict(set)
        #: The calls that create a wallet, by its name.
        self.creations: dict[str, list[Call]] = defaultdict(list)
        #: The notes of an atomic batch, by each of them.
        self.together: dict[str, tuple[str, ...]] = {}
        #: The entries that each move made: by operation, with their wallets.
        self.made: dict[str, dict[str, list[tuple[str, Entry]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        #: Notes of releases and captures, by their hold.
        self.about: dict[str, list[str]] = defaultdict(list)
        self.registers: dict[str, dict[str, Register]] = {}
        #: The name that each wallet was created with.
        self.origin: dict[str, str] = {}
        self.holds = Holds()
        self._read_last_look()
        for call in calls:
            self._sort(call)
        self._sort_changes()
        self._sort_holds()

    def fault(self, name: str, detail: object) -> None:
        self.faults.append(Fault(name, str(detail)))

    def balance(self, wallet: str, version: int) -> Decimal:
        """Return what a wallet held at a version."""
        entries = self.histories[wallet]
        return Decimal(entries[version - 1]["balance"]) if version else Decimal(0)

    def floors(self, wallet: str, began: float, ended: float) -> set[Decimal]:
        """Return the floors that a wallet can have had between two moments."""
        return set(map(Decimal, self.registers[wallet]["floor"].possible(began, ended)))

    def archived(self, wallet: str | None, began: float, ended: float) -> set[bool]:
        """Return whether a wallet can have been archived between two moments."""
        register = self.registers.get(wallet or "", {}).get("archived")
        return register.possible(began, ended) if register else set()

    def entry(self, wallet: str, version: int) -> Entry | None:
        """Return what a wallet's history has at a version."""
        entries = self.histories.get(wallet, [])
        return entries[version - 1] if 0 < version <= len(entries) else None

    def sides(self, move: Move) -> dict[str, Decimal] | None:
        """Return how a move changes balances, if that can be known."""
        wallet, amount = move.wallet, move.amount
        if move.kind == "reversal":
            undone = self.entry(wallet, move.version)
            if undone is None:
                return None
            change = Decimal(undone["amount"])
            other = undone["counterparty"]
            return ({other: change} if other else {}) | {wallet: -change}
        if move.kind == "balance":
            if amount is None or move.version > len(self.histories[wallet]):
                return None
            return {wallet: amount - self.balance(wallet, move.version)}
        if move.kind == "capture" and amount is None:
            operations = self.made.get(move.note, {}).values()
            made = [each for same in operations for each in same]
            own = [Decimal(entry["amount"]) for by, entry in made if by == wallet]
            if not own:
                return None
            amount = -own[0]
        if move.kind in ("hold", "release") or amount is None:
            return {}
        if move.kind == "deposit":
            return {wallet: amount}
        return ({move.to: amount} if move.to else {}) | {wallet: -amount}

    def _read_last_look(self) -> None:
        for call in self.calls:
            wallet, what = target(call.request)
            if call.request.action != LAST_LOOK or call.status != 200:
                continue
            if what == "wallets":
                self.wallets |= {each["id"]: each for each in call.json["wallets"]}
            elif what == "entries" and wallet is not None:
                self.histories[wallet] += call.json["entries"]
            elif what == "holds":
                for row in call.json["holds"]:
                    self.holds.add(Hold(row))
        for wallet in self.wallets:
            self.histories[wallet].sort(key=lambda entry: entry["version"])
            for entry in self.histories[wallet]:
                self.made[entry["note"]][entry["operation"]].append((wallet, entry))
                if hold := self.holds.by_id.get(entry["hold"]):
                    hold.entries.append(entry)

    def _sort(self, call: Call) -> None:
        asked = moves(call.request)
        for move in asked:
            self.asked[move.note] = move
            self.under_key[move.scope].add(move.note)
            self.attempts[move.note].append(call)
            if move.hold is not None and move.note not in self.about[move.hold]:
                self.about[move.hold].append(move.note)
        if asked and (call.request.body or {}).get("atomic"):
            notes = tuple(move.note for move in asked)
            self.together |= dict.fromkeys(notes, notes)
        for outcome in outcomes(call):
            self.answered[outcome.move.note].append((call, outcome))
        if call.request.method == "POST" and call.request.path == "/v1/wallets":
            self.creations[(call.request.body or {})["name"]].append(call)
            if call.status == 201:
                self.origin[call.json["id"]] = call.json["name"]
                if call.json["id"] not in self.registers:
                    self.registers[call.json["id"]] = registers_of(call.json)

    def _sort_changes(self) -> None:
        for wallet, row in self.wallets.items():
            self.registers.setdefault(wallet, registers_of(row))
        for call in self.calls:
            wallet = target(call.request)[0]
            if call.request.method != "PATCH" or not (
                call.is_unknown or call.status == 200
            ):
                continue
            for name in MEMBERS:
                if name in (call.request.body or {}) and wallet in self.registers:
                    value = (call.request.body or {})[name]
                    self.registers[wallet][name].write(value, call)

    def _sort_holds(self) -> None:
        let_go: dict[str, float] = {}
        for call in self.calls:
            for row, _ in holds_shown(call):
                if hold := self.holds.by_id.get(row["id"]):
                    hold.seen_by = min(hold.seen_by, call.ended)
                    if row["state"] == "released":
                        by = let_go.get(row["id"], call.ended)
                        let_go[row["id"]] = min(by, call.ended)
        for name, hold in self.holds.by_id.items():
            for entry in hold.entries:
                hold.keep_open.append(self._keeps_open(entry))
            if hold.row["state"] == "released":
                began = min(self._release_attempts(name), default=-inf)
                hold.released = began, let_go.get(name, inf)
        self.holds.sort(max((call.ended for call in self.calls), default=0))

    def _keeps_open(self, entry: Entry) -> bool:
        move = self.asked.get(entry["note"])
        return move is None or move.keep_open

    def _release_attempts(self, hold: str) -> list[float]:
        """Tell when the requests began of which one can have let a hold go."""
        notes = [
            each for each in self.about[hold] if self.asked[each].kind == "release"
        ]
        told = [
            note
            for note in notes
            if any(each.status == 201 for _, each in self.answered[note])
        ]
        attempts = [
            call
            for note in told or notes
            for call in self.attempts[note]
            if call.may_have_written
        ]
        fresh = [call for call in attempts if call.status == 201 and not call.replayed]
        return [call.began for call in fresh or attempts]
