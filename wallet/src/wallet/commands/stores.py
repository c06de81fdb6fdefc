"""What reads a store that is there."""

from pathlib import Path

import click
from sqlalchemy import URL

from ..audit.backup import back_up
from ..audit.heads import Head, HeadsError, read_heads, write_heads
from ..audit.verify import verify as verify_store
from ..clock import now_us
from ..storage.connections import Limits
from ..storage.figures import note_backup
from ..storage.opening import open_current_store
from ..storage.queries import find_wallet
from ..web.auth import WalletKeys
from .common import (
    counting_verified,
    existing_database,
    one_sentence,
    settings_of_environment,
    shown,
)


@click.command()
@click.option("--heads", type=click.Path(path_type=Path), help="Heads to compare with.")
@click.option("--write-heads", type=click.Path(path_type=Path), help="File to write.")
def verify(heads: Path | None, write_heads: Path | None) -> None:
    """Replay every wallet and name the first bad row, if there is one.

    Keep the file of --write-heads where nobody who can write to the database can
    change it: only a head kept there shows that a whole history was rewritten.
    """
    # Not above: a server loads its metrics after it has made a folder for them.
    from ..api.answers import freeze

    with one_sentence():
        kept = None if heads is None else read_heads(heads)
        # A long history takes longer than any request may.
        store = open_current_store(existing_database(), Limits(statement_timeout_ms=0))
        seen: list[Head] = []
        try:
            with counting_verified() as show:

                def on_wallet(head: Head) -> None:
                    show(head)
                    if write_heads is not None:
                        seen.append(head)

                report = verify_store(store, kept, on_wallet, freeze)
        finally:
            store.close()
        if write_heads is not None:
            _write_heads(write_heads, seen)
    click.echo(f"{shown(report)}: all is as it must be.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option(
    "--elsewhere", is_flag=True, help="Only note a backup that another program made."
)
@click.option(
    "--began", type=click.IntRange(min=0), help="When it began, in seconds since 1970."
)
def backup(file: Path | None, force: bool, elsewhere: bool, began: int | None) -> None:
    """Save a verified copy of a store in SQLite to FILE, while the service runs.

    FILE has that name only once it is whole. A service that writes does not wait.
    The store notes when the backup began, for the metrics. If another program made it,
    that is the time given by --began, or now.
    """
    if elsewhere is (file is not None):
        raise click.UsageError("Name a FILE, or say --elsewhere.")
    began_us = now_us()
    if began is not None:
        if not elsewhere or began * 1_000_000 > began_us:
            raise click.UsageError("--began needs --elsewhere, and a time in the past.")
        began_us = began * 1_000_000
    with one_sentence():
        url = existing_database()
        saved = None if file is None else _save(url, file, force)
        store = open_current_store(url, Limits())
        try:
            note_backup(store, began_us)
        finally:
            store.close()
    click.echo(saved or "A backup of another program is noted.")


@click.command()
@click.argument("wallet_id")
def key(wallet_id: str) -> None:
    """Print the key of a wallet."""
    with one_sentence():
        url = existing_database()
        settings = settings_of_environment(make=False)
        store = open_current_store(url, settings.limits)
        try:
            wallet = find_wallet(store, wallet_id)
        finally:
            store.close()
    if wallet is None:
        raise click.ClickException(f"There is no wallet {wallet_id}.")
    keys = WalletKeys(settings.secret_key, settings.secret_key_fallbacks)
    click.echo(keys.make(wallet.id, wallet.key_version))


def _save(url: URL, file: Path, force: bool) -> str:
    from ..api.answers import freeze

    with counting_verified() as show:
        report = back_up(url, file, freeze, show, force=force)
    size = file.stat().st_size
    return f"{shown(report)} in {size} bytes: saved to {file}, and verified."


def _write_heads(path: Path, heads: list[Head]) -> None:
    try:
        write_heads(path, heads)
    except OSError as error:
        raise HeadsError(f"{path} cannot be written.") from error
