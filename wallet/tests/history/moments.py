"""Judges moments: whether all that was seen can have happened in one order.

Each move happens at one moment between the begin of its request and the first answer
that shows it; so does each reading, between the version that it shows and the next.
"""

from bisect import bisect_left, bisect_right
from decimal import Decimal
from itertools import pairwise
from typing import Any

from .asked import parameters, target
from .case import Case
from .changes import judge_row
from .order import Order
from .readings import readings, sightings
from .record import Call
from .refusals import judge_refusals


def judge_moments(case: Case) -> "Timeline":
    """Find readings that are stale, early or torn, and refusals without a reason.

    :return: when everything can have happened.
    """
    timeline = Timeline(case)
    for number, call in enumerate(case.calls):
        timeline.add(number, call)
    impossible, circle = timeline.narrow()
    for text in impossible[:5]:
        case.fault("order", text)
    if circle:
        case.fault("torn", f"these come before themselves: {circle[:6]}")
    for call in case.calls:
        _judge_rows(case, call)
    judge_refusals(case, timeline)
    return timeline


def _judge_rows(case: Case, call: Call) -> None:
    """What is held, and what is set, is that of a moment of the call."""
    for reading in readings(call):
        row, wallet = reading.row, reading.wallet
        if row is None or wallet not in case.wallets:
            continue
        judge_row(case, row, call)
        held, free = Decimal(row["held"]), Decimal(row["available"])
        if free != Decimal(row["balance"]) - held:
            case.fault("sum", f"{row}, shown by {call}")
        moments = call.began, call.ended
        possible = case.holds.possible(wallet, reading.version, *moments)
        if held not in possible:
            case.fault("held", f"{row} holds none of {possible}: {call}")


class Timeline:
    """Every version of every wallet, and when it can have been written."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.order = Order()
        #: The event that wrote each version of a wallet.
        self.events: dict[str, list[Any]] = {}
        self._of_key: dict[Any, Any] = {}
        #: The version of a wallet that undid an operation.
        self._undone: dict[tuple[str, str], int] = {}
        self._earliest: dict[str, list[float]] = {}
        self._latest: dict[str, list[float]] = {}
        for wallet, entries in case.histories.items():
            events = [self._event(entry) for entry in entries]
            self.events[wallet] = events
            for earlier, later in pairwise(events):
                self.order.put(later, earlier)
            for event, entry in zip(events, entries, strict=True):
                self._bound(event, entry["note"])
                if entry["reverses"]:
                    self._undone[wallet, entry["reverses"]] = entry["version"]

    def _event(self, entry: dict[str, Any]) -> Any:
        # All of an atomic batch happens at one moment.
        notes = self.case.together.get(entry["note"])
        return ("batch", notes[0]) if notes else ("operation", entry["operation"])

    def _bound(self, event: Any, note: str) -> None:
        attempts = [call for call in self.case.attempts[note] if call.may_have_written]
        # A batch is answered with 200, and does not say which items are replays.
        fresh = [call for call in attempts if call.status == 201 and not call.replayed]
        did_it = fresh or attempts
        if did_it:
            first = min(did_it, key=lambda call: call.began)
            self.order.not_before(event, first.began, first)
        if (move := self.case.asked.get(note)) and move.scope is not None:
            self._of_key[move.scope] = event

    def add(self, number: int, call: Call) -> None:
        """Take down what a call shows about moments."""
        for wallet, entry in sightings(call):
            if event := self._wrote(wallet, entry["version"]):
                self.order.not_after(event, call.ended, call)
            undone = self._undone.get((wallet, entry["operation"]))
            if undone is not None and target(call.request)[1] == "entries":
                event = self._wrote(wallet, undone)
                if entry["reversed_by"]:
                    self.order.not_after(event, call.ended, call)
                else:
                    self.order.not_before(event, call.began, call)
        shown = readings(call)
        if shown:
            self.case.counts["readings judged"] += len(shown)
            event = ("reading", number)
            self.order.not_before(event, call.began, call)
            self.order.not_after(event, call.ended, call)
            for reading in shown:
                self._add_reading(event, call, reading)
        query = parameters(call.request)
        if call.problem == "unknown-operation" and "key" in query:
            scope = (query["wallet"], call.request.principal, query["key"])
            if (event := self._of_key.get(scope)) is not None:
                self.order.not_before(event, call.began, call)

    def undone_by(self, wallet: str, operation: str, ended: float) -> int | None:
        """Return the version that can have undone an operation before a moment."""
        version = self._undone.get((wallet, operation))
        if version is None or self._earliest[wallet][version - 1] > ended:
            return None
        return version

    def _wrote(self, wallet: str, version: int) -> Any:
        events = self.events.get(wallet, [])
        return events[version - 1] if 0 < version <= len(events) else None

    def _add_reading(self, event: Any, call: Call, reading: Any) -> None:
        wallet, version = reading.wallet, reading.version
        history = self.case.histories.get(wallet)
        if history is None or wallet not in self.case.wallets:
            return  # of an earlier run
        if version > len(history):
            self.case.fault("gone", f"version {version} of {wallet}, read by {call}")
            return
        balance = self.case.balance(wallet, version)
        if reading.balance not in (None, balance):
            self.case.fault("balance", f"{balance} is that of the version in {call}")
        if call.etag not in (None, f'"{version}"'):
            self.case.fault("balance", f"ETag {call.etag} in {call}")
        if wrote := self._wrote(wallet, version):
            self.order.put(event, wrote)
        if following := self._wrote(wallet, version + 1):
            self.order.put(following, event)

    def narrow(self) -> tuple[list[str], list[Any]]:
        """Say what cannot have happened, and prepare for questions about versions."""
        found = self.order.narrow()
        for wallet, events in self.events.items():
            windows = [self.order.windows[event] for event in events]
            self._earliest[wallet] = [window.earliest for window in windows]
            self._latest[wallet] = [window.latest for window in windows]
        return found

    def possible(self, wallet: str, began: float, ended: float) -> range:
        """Return the versions that a wallet can have had between two moments."""
        least = bisect_left(self._latest.get(wallet, []), began)
        most = bisect_right(self._earliest.get(wallet, []), ended)
        return range(least, max(least, most) + 1)
