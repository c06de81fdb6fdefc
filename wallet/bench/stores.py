"""The stores under load: fills them with valid histories, and adds them up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from wallet.app import open_service
from wallet.audit.totals import check_totals
from wallet.config import read_settings
from wallet.ledger.commands import CreateWallet, Kind, MoveMoney, Submission
from wallet.ledger.ids import new_operation_id, new_wallet_id
from wallet.ledger.money import Amount
from wallet.storage.store import Store, open_current_store
from wallet.storage.tables import wallets
from wallet.web.service import Service

_BATCH = 5_000
_CENT = Amount(1, 2)
#: Every transfer can be carried out, so a refusal is always a mistake.
_FLOOR_MINOR = -1_000_000_000_00
_sums = select(
    func.coalesce(func.sum(wallets.c.balance_minor), 0),
    func.coalesce(func.sum(wallets.c.version), 0),
)


@dataclass(frozen=True, slots=True)
class Totals:
    """All balances and all entries of a store."""

    minor: int
    entries: int


class Books:
    """Adds up a store from outside, while servers write to it."""

    def __init__(self, store: Store) -> None:
        self._store = store

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
        with self._store.snapshot() as connection:
            check_totals(connection)

    def _look(self) -> Totals:
        with self._store.reading.connect() as connection:
            minor, entries = connection.execute(_sums).one()
        return Totals(int(minor), int(entries))


@contextmanager
def books(home: Path, database_url: str) -> Iterator[Books]:
    """Open a store to add it up."""
    settings = read_settings(
        {
            "HOME": str(home),
            "DATABASE_URL": database_url,
            "STATEMENT_TIMEOUT_MS": "600000",
        }
    )
    store = open_current_store(settings.database_url, settings.limits)
    try:
        yield Books(store)
    finally:
        store.close()


def fill(
    home: Path, database_url: str, count: int, with_history: int, entries: int
) -> list[str]:
    """Make wallets by the wallet's own writer, and give the first of them a history."""
    settings = read_settings(
        {
            "HOME": str(home),
            "DATABASE_URL": database_url,
            "BATCH_SIZE": str(_BATCH),
            "QUEUE_SIZE": str(_BATCH),
            "STATEMENT_TIMEOUT_MS": "600000",
            "WAIT_TIMEOUT_MS": "600000",
        }
    )
    service = open_service(settings)
    try:
        made = [wallet for part in _parts(count) for wallet in _create(service, part)]
        for wallet in made[:with_history]:
            for part in _parts(entries):
                _deposit(service, wallet, part)
    finally:
        service.close()
    return made


def _parts(count: int) -> Iterator[int]:
    for done in range(0, count, _BATCH):
        yield min(_BATCH, count - done)


def _create(service: Service, count: int) -> list[str]:
    ids = [new_wallet_id() for _ in range(count)]
    commands = tuple(CreateWallet(each, "Bench", "ZAR", _FLOOR_MINOR) for each in ids)
    service.writer.submit(Submission(commands))
    return ids


def _deposit(service: Service, wallet: str, count: int) -> None:
    commands = tuple(
        MoveMoney(new_operation_id(), wallet, Kind.DEPOSIT, _CENT) for _ in range(count)
    )
    service.writer.submit(Submission(commands, wallet))
