"""Tells from an entry what can have been asked for."""

from collections.abc import Iterator
from dataclasses import replace

from ..ledger.commands import CaptureHold, Keyed, Kind, MoveMoney, Reverse, SetBalance
from ..ledger.money import CURRENCIES, Amount
from ..ledger.outcomes import Entry


def asked_for(entry: Entry, currency: str) -> Iterator[Keyed]:
    """Make each command that can have left the entry, as far as that tells."""
    if entry.hold_id is not None:
        yield from _captures(entry, currency)
        return
    yield _command(entry, currency)
    if entry.payee is None and entry.kind in (Kind.DEPOSIT, Kind.WITHDRAWAL):
        balance = Amount(entry.balance_minor, CURRENCIES[currency])
        yield SetBalance(entry.operation_id, entry.wallet_id, balance, note=entry.note)


def _captures(entry: Entry, currency: str) -> Iterator[CaptureHold]:
    capture = CaptureHold(
        entry.operation_id,
        entry.wallet_id,
        entry.hold_id or "",
        recipient=entry.counterparty,
        note=entry.note,
        payee=entry.payee,
    )
    for amount in (None, Amount(-entry.amount_minor, CURRENCIES[currency])):
        for keep_open in (False, True):
            yield replace(capture, amount=amount, keep_open=keep_open)


def _command(entry: Entry, currency: str) -> Keyed:
    if entry.reverses is not None:
        return Reverse(
            operation_id=entry.operation_id,
            wallet_id=entry.wallet_id,
            undone=entry.reverses,
            # What is asked does not depend on it.
            undone_kind=Kind.DEPOSIT,
            change_minor=entry.amount_minor,
            recipient=entry.counterparty,
            note=entry.note,
        )
    return MoveMoney(
        operation_id=entry.operation_id,
        wallet_id=entry.wallet_id,
        kind=entry.kind,
        amount=Amount(abs(entry.amount_minor), CURRENCIES[currency]),
        recipient=entry.counterparty,
        note=entry.note,
        payee=entry.payee,
    )
