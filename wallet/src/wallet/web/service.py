"""The parts of a running service, put together once for each process."""

import time
from dataclasses import dataclass
from typing import cast

from flask import Flask
from flask import current_app

from ..api.answers import freeze
from ..config import Settings
from ..storage import migrations
from ..storage.store import Store
from ..writer import Observe
from ..writer import Writer
from .auth import WalletKeys


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes use."""

    settings: Settings
    keys: WalletKeys
    store: Store
    writer: Writer

    def close(self) -> None:
        """Finish what waits and let go of the database."""
        self.writer.stop()
        self.store.close()


def open_store(settings: Settings) -> Store:
    """Open the database and bring its tables up to date.

    :raises NotWritten: the database cannot be reached.
    :raises WrongSchema: a newer program wrote it.
    """
    store = Store(settings.database_url, settings.limits)
    try:
        with store.transaction() as connection:
            migrations.upgrade(connection)
    except Exception:
        store.close()
        raise
    return store


def open_current_store(settings: Settings) -> Store:
    """Open the database without changing anything in it.

    :raises NotWritten: the database cannot be reached.
    :raises WrongSchema: its tables are not those of this program.
    """
    store = Store(settings.database_url, settings.limits)
    try:
        with store.snapshot() as connection:
            migrations.require_current(connection)
    except Exception:
        store.close()
        raise
    return store


def open_service(settings: Settings, observe: Observe) -> Service:
    """Open the store and start the writer, of which ``observe`` is told the batches."""
    store = open_store(settings)
    writer = Writer(
        store,
        freeze,
        now_us,
        capacity=settings.queue_size,
        batch_size=settings.batch_size,
        wait_s=settings.wait_timeout_ms / 1000,
        observe=observe,
    )
    keys = WalletKeys(settings.secret_key, settings.secret_key_fallbacks)
    return Service(settings, keys, store, writer)


def service_of(app: Flask) -> Service:
    """Find the parts of an application."""
    return cast("Service", app.extensions["wallet"])


def current_service() -> Service:
    """Find the parts of the application that serves the request."""
    return service_of(current_app)


def now_us() -> int:
    """Tell the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000
