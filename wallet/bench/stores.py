"""The stores under load: fills them with valid histories, and adds them up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, text

from wallet.app import make_service
from wallet.audit.totals import check_totals
from wallet.config import read_settings
from wallet.ledger.commands import (
    Command,
    CreateWallet,
    Kind,
    MoveMoney,
    PlaceHold,
    ReleaseHold,
    Submission,
)
from wallet.ledger.ids import new_hold_id, new_operation_id, new_wallet_id
from wallet.ledger.money import Amount

from .postgres import driver_url

_BATCH = 5_000
_CENT = Amount(1, 2)
_WEEK_S = 7 * 24 * 60 * 60
#: Every transfer can be carried out, so a refusal is always a mistake.
_FLOOR_MINOR = -1_000_000_000_00
_SUMS = text(
    "SELECT coalesce(sum(balance_minor), 0), coalesce(sum(version), 0) FROM wallets"
)


@dataclass(frozen=True, slots=True)
class Totals:
    """All balances and all entries of a store."""

    minor: int
    entries: int


class Filling(NamedTuple):
    """How many wallets, and what the first of them have: entries, closed holds."""

    wallets: int
    with_history: int = 0
    entries: int = 0
    holds: int = 0


class Books:
    """Adds up a store from outside, while servers write to it."""

    def __init__(self, database_url: str) -> None:
        self._engine = create_engine(driver_url(database_url))

    def close(self) -> None:
        self._engine.dispose()

    def add_up(self) -> Totals:
        """Add up once nothing is written any more.

        Requests that were cut off at the end of a run may still be under way.
        """
        before = self._look()
        while True:
            time.sleep(0.05)
            now = self._look()
            if now == before:
                return now
            before = now

    def check_totals(self) -> None:
        """Check what spans wallets, in a store too large to be replayed.

        :raises Fault: something is wrong.
        """
        with self._engine.connect() as connection:
            check_totals(connection)

    def _look(self) -> Totals:
        with self._engine.connect() as connection:
            minor, entries = connection.execute(_SUMS).one()
        return Totals(int(minor), int(entries))


def fill(home: Path, database_url: str, filling: Filling) -> list[str]:
    """Make wallets by the wallet's own writer; the first of them have the histories."""
    settings = {
        "HOME": str(home),
        "DATABASE_URL": database_url,
        "BATCH_SIZE": str(_BATCH),
        "QUEUE_SIZE": str(_BATCH),
        "STATEMENT_TIMEOUT_MS": "600000",
        "WAIT_TIMEOUT_MS": "600000",
    }
    service = make_service(read_settings(settings))
    service.open()
    ids = [new_wallet_id() for _ in range(filling.wallets)]
    wallets = [CreateWallet(each, "Bench", "ZAR", _FLOOR_MINOR) for each in ids]
    try:
        for part in _parts(wallets):
            service.writer.submit(Submission(part))
        for wallet in ids[: filling.with_history]:
            moves = (new_operation_id() for _ in range(filling.entries))
            deposits = [MoveMoney(each, wallet, Kind.DEPOSIT, _CENT) for each in moves]
            for part in (*_parts(deposits), *_parts(_held(wallet, filling.holds))):
                service.writer.submit(Submission(part, wallet))
    finally:
        service.close()
    return ids


def _held(wallet: str, count: int) -> list[Command]:
    """Set money aside and let it go, so many times."""
    commands: list[Command] = []
    for _ in range(count):
        hold, ids = new_hold_id(), (new_operation_id(), new_operation_id())
        commands.append(PlaceHold(ids[0], wallet, hold, _CENT, expires_in_s=_WEEK_S))
        commands.append(ReleaseHold(ids[1], wallet, hold))
    return commands


def _parts(commands: Sequence[Command]) -> list[tuple[Command, ...]]:
    starts = range(0, len(commands), _BATCH)
    return [tuple(commands[start : start + _BATCH]) for start in starts]
