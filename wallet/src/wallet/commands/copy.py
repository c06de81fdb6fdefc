"""What moves a store."""

from pathlib import Path

import click
from sqlalchemy import URL

from ..audit.carry import Progress
from ..audit.copy import copy_store
from ..config import ConfigError
from ..storage.address import place, read_address
from .common import (
    counting_verified,
    existing_database,
    one_sentence,
    show_count,
    shown,
    wipe_count,
)


@click.command()
@click.option("--to", required=True, help="Address of an empty database.")
def copy(to: str) -> None:
    """Copy the store into another database, from SQLite to PostgreSQL or back.

    Stop the service first, or run this again once it has stopped: each run copies
    what is still missing, whatever interrupted the one before.
    """
    # Not above: a server loads its metrics after it has made a folder for them.
    from ..api.answers import freeze

    with one_sentence():
        target = _read(to)
        with counting_verified() as show:
            report = copy_store(existing_database(), target, freeze, _tell, show)
    click.echo(f"{shown(report)}: copied to {place(target)}, compared, and verified.")
    click.echo(
        "The secret key is not in the store: wallet keys stay valid where the service"
        " has the same WALLET_SECRET_KEY, or the same file secret_key in WALLET_HOME.\n"
        "What is written to the old store from now on is not in the copy."
    )


def _read(to: str) -> URL:
    try:
        # Without an address there is no default: it would be the store itself.
        return read_address(to or "-", "", Path())
    except ValueError as error:
        raise ConfigError(f"--to {error}.") from error


def _tell(progress: Progress) -> None:
    show_count(
        f"{progress.wallets} of {progress.all_wallets} wallets and"
        f" {progress.entries} of {progress.all_entries} entries copied"
    )
    if progress.wallets == progress.all_wallets:
        wipe_count()
