"""The calls of a run, sorted by what they tell about."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .readings import Move, Outcome, moves, outcomes, target
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
        self._read_last_look()
        for call in calls:
            self._sort(call)

    def fault(self, name: str, detail: object) -> None:
        self.faults.append(Fault(name, str(detail)))

    def balance(self, wallet: str, version: int) -> Decimal:
        """Return what a wallet held at a version."""
        entries = self.histories[wallet]
        return Decimal(entries[version - 1]["balance"]) if version else Decimal(0)

    def _read_last_look(self) -> None:
        for call in self.calls:
            wallet, what = target(call.request)
            if call.request.action != LAST_LOOK or call.status != 200:
                continue
            if what == "wallets":
                self.wallets |= {each["id"]: each for each in call.json["wallets"]}
            elif what == "entries" and wallet is not None:
                self.histories[wallet] += call.json["entries"]
        for wallet in self.wallets:
            self.histories[wallet].sort(key=lambda entry: entry["version"])
            for entry in self.histories[wallet]:
                self.made[entry["note"]][entry["operation"]].append((wallet, entry))

    def _sort(self, call: Call) -> None:
        asked = moves(call.request)
        for move in asked:
            self.asked[move.note] = move
            self.under_key[move.scope].add(move.note)
            self.attempts[move.note].append(call)
        if asked and (call.request.body or {}).get("atomic"):
            notes = tuple(move.note for move in asked)
            self.together |= dict.fromkeys(notes, notes)
        for outcome in outcomes(call):
            self.answered[outcome.move.note].append((call, outcome))
        if call.request.method == "POST" and call.request.path == "/v1/wallets":
            self.creations[(call.request.body or {})["name"]].append(call)
