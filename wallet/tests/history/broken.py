"""A service that breaks a promise: the judge must see it from outside.

It is started like the real one, with the name of the promise first.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from wallet import cli
from wallet.api.held import hold_answer as _hold_answer
from wallet.ledger import holds, moves, rules
from wallet.ledger.held import HoldEnd
from wallet.ledger.outcomes import Held
from wallet.storage.store import Store
from wallet.web import service

_write, _find = Store.write, service.find_wallet


def forget() -> None:
    """Answer every fortieth batch as if it had been written."""
    batches = count(1)

    def write(self, driver, decision, answered, now_us):
        if next(batches) % 40:
            _write(self, driver, decision, answered, now_us)

    Store.write = write  # type: ignore[method-assign]


def do_again() -> None:
    """Keep one in ten answers without its key."""
    batches = count(1)

    def write(self, driver, decision, answered, now_us):
        if not next(batches) % 10:
            answered = [
                each._replace(command=replace(each.command, key=None))
                for each in answered
                if each.status == 201
            ]
        _write(self, driver, decision, answered, now_us)

    Store.write = write  # type: ignore[method-assign]


def read_late() -> None:
    """Show a wallet as it was up to a twentieth of a second ago."""
    seen = {}

    def find_wallet(store, wallet_id):
        at, found = seen.get(wallet_id, (0.0, None))
        if found is None or time.monotonic() > at + 0.05:
            at, found = time.monotonic(), _find(store, wallet_id)
            seen[wallet_id] = at, found
        return found

    service.find_wallet = find_wallet


def undo_again() -> None:
    """Undo what was undone, as if it had not been."""

    def reverse(draft, command):
        draft.reversed.clear()
        return _reverse(draft, command)

    def bring_up_to_date(self):
        _bring_up_to_date(self)
        with self.transaction() as connection:
            connection.exec_driver_sql("DROP INDEX IF EXISTS entries_reversals")

    _reverse, rules.reverse = rules.reverse, reverse
    _bring_up_to_date = Store.bring_up_to_date
    Store.bring_up_to_date = bring_up_to_date  # type: ignore[method-assign]


def pay_again() -> None:
    """Leave a hold open that was captured."""

    def capture_hold(draft, command):
        outcome = _capture_hold(draft, command)
        hold = draft.holds.get((command.wallet_id, command.hold_id))
        if hold and hold.closed_at_us == draft.now_us and outcome_is_paid(hold):
            still = hold._replace(state=HoldEnd.OPEN, closed_at_us=None)
            holds._change(draft, hold, still)
        return outcome

    def outcome_is_paid(hold):
        paid = hold.state is HoldEnd.CAPTURED
        return paid and hold.captured_minor < hold.amount_minor

    _capture_hold, rules.capture_hold = rules.capture_hold, capture_hold


def expire_late() -> None:
    """Let each hold count for five seconds longer than is told."""

    def place_hold(draft, command):
        outcome = _place_hold(draft, command)
        if isinstance(outcome, Held):
            later = _moved(outcome.hold, 5_000_000)
            draft.holds[later.wallet_id, later.id] = later
            outcome = replace(outcome, hold=later)
        return outcome

    def hold_answer(hold, currency):
        return _hold_answer(_moved(hold, -5_000_000), currency)

    def _moved(hold, us):
        return hold._replace(expires_at_us=hold.expires_at_us + us)

    _place_hold, rules.place_hold = rules.place_hold, place_hold
    for name in ("wallet.api.answers", "wallet.api.holds"):
        sys.modules[name].hold_answer = hold_answer  # type: ignore[attr-defined]


def forget_holds() -> None:
    """Answer every tenth batch as if its new holds had been written."""
    batches = count(1)

    def write(self, driver, decision, answered, now_us):
        if not next(batches) % 10:
            known = [each for each in decision.holds if each[0] is not None]
            decision = replace(decision, holds=tuple(known))
        _write(self, driver, decision, answered, now_us)

    Store.write = write  # type: ignore[method-assign]


def ignore_floors() -> None:
    """Answer as if a floor had been changed, and go by the one of before."""

    def change_wallet(draft, command):
        chosen = draft.fork() if command.floor is not None else draft
        return _change_wallet(chosen, command)

    _change_wallet, rules.change_wallet = rules.change_wallet, change_wallet


def pay_into_archives() -> None:
    """Take an archived wallet back when money comes."""

    def refuse_change(wallet, change):
        return _refuse_change(wallet._replace(archived_at_us=None), change)

    def append(draft, command, side, *more):
        wallet, *rest = side
        return _append(
            draft, command, (wallet._replace(archived_at_us=None), *rest), *more
        )

    _refuse_change, moves.refuse_change = moves.refuse_change, refuse_change
    _append, moves._append = moves._append, append


BREAKAGES: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        forget,
        do_again,
        read_late,
        undo_again,
        pay_again,
        expire_late,
        forget_holds,
        ignore_floors,
        pay_into_archives,
    )
}

if __name__ == "__main__":
    BREAKAGES[sys.argv.pop(1)]()
    cli.serve()
