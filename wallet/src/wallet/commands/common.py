"""What commands share: their settings, one sentence for a failure, and progress."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from ..audit.backup import BackupError
from ..audit.carry import CopyError
from ..audit.heads import Head, HeadsError
from ..audit.replay import Fault
from ..audit.verify import Report
from ..config import (
    ConfigError,
    Settings,
    read_database_url,
    read_environment,
    read_settings,
)
from ..storage.durability import UnsafeDatabase
from ..storage.errors import StoreFailure, advice
from ..storage.migrations import WrongSchema

#: Their messages say what to change.
_SAID: Final = (
    *(ConfigError, WrongSchema, UnsafeDatabase, HeadsError),
    *(BackupError, CopyError, Fault),
)


def settings_of_environment(make: bool = True) -> Settings:
    """Read and check the settings.

    :param make: whether a secret key is made where there is none.
    """
    return read_settings(read_environment(), make)


def existing_database() -> URL:
    """Return where the data is, for a command that reads it and makes nothing."""
    url = read_database_url(read_environment())
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise ConfigError(
            f"There is no database at {url.database}: look at WALLET_DATABASE_URL and"
            " WALLET_HOME, or start the service once."
        )
    return url


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the program with a sentence that says what to change."""
    try:
        yield
    except _SAID as error:
        raise click.ClickException(str(error)) from error
    except StoreFailure as error:
        raise click.ClickException(advice(error)) from error
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise click.ClickException(f"The database refused this: {reason}.") from error
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or 'A file'} cannot be used: {error.strerror}."
        ) from error


@contextmanager
def counting_verified() -> Iterator[Callable[[Head], None]]:
    """Count wallets on a terminal."""
    count = 0

    def show(_head: Head) -> None:
        nonlocal count
        count += 1
        if count % 100 == 0:
            show_count(f"{count} wallets verified")

    yield show
    if count >= 100:
        wipe_count()


def show_count(text: str, *, last: bool = False) -> None:
    """Show how far a command is, over what was shown before, if someone watches."""
    if on_a_terminal():
        click.echo(f"\r{text}", nl=last, err=True)


def wipe_count() -> None:
    """Take away what was shown."""
    show_count(" " * 72 + "\r")


def on_a_terminal() -> bool:
    """Tell whether someone is watching."""
    return sys.stderr.isatty()


def shown(report: Report) -> str:
    """Tell how much was verified."""
    counts = (
        (report.wallets, "wallet", "wallets"),
        (report.entries, "entry", "entries"),
        (report.operations, "operation", "operations"),
    )
    return ", ".join(
        f"{many} {one if many == 1 else more}" for many, one, more in counts
    )
