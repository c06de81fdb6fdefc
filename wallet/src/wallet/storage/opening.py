"""Opening a store: its tables brought up to date, or found to be so."""

from sqlalchemy import URL

from . import migrations
from .connections import Limits
from .store import Store


def open_store(url: URL, limits: Limits) -> Store:
    """Open the database and bring its tables up to date.

    :raises NotWritten: the database cannot be reached.
    :raises WrongSchema: a newer program wrote it.
    """
    store = Store(url, limits)
    try:
        store.bring_up_to_date()
    except Exception:
        store.close()
        raise
    return store


def open_current_store(url: URL, limits: Limits) -> Store:
    """Open the database without changing anything in it.

    :raises NotWritten: the database cannot be reached.
    :raises WrongSchema: its tables are not those of this program.
    """
    store = Store(url, limits)
    try:
        with store.snapshot() as connection:
            migrations.require_current(connection)
    except Exception:
        store.close()
        raise
    return store
