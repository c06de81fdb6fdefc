"""The command line."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import click
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from . import __version__
from .audit.backup import BackupError, back_up
from .audit.heads import HeadsError, read_heads, write_heads
from .audit.replay import Fault
from .audit.verify import verify as verify_store
from .config import (
    ConfigError,
    Settings,
    read_database_url,
    read_environment,
    read_settings,
)
from .ledger.outcomes import WalletState
from .storage.connections import Limits, UnsafeDatabase
from .storage.errors import StoreFailure, advice
from .storage.migrations import WrongSchema
from .storage.queries import find_wallet
from .storage.store import open_current_store
from .web.auth import WalletKeys

#: Their messages say what to change.
_SAID: Final = (
    *(ConfigError, WrongSchema, UnsafeDatabase, HeadsError),
    *(BackupError, Fault),
)
_SHOWN: Final = "{0.wallets} wallets, {0.entries} entries, {0.operations} operations"


@click.group()
@click.version_option(__version__)
def main() -> None:
    """A wallet service that keeps every cent exactly once.

    Settings are environment variables that begin with WALLET_; the README lists them.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256))
def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C, and then finish what was received."""
    # The server is loaded by the one command that needs it.
    from . import server as serving

    with _one_sentence():
        settings = _settings()
        address = serving.check(settings, host, port, workers)
        durable = serving.prepare(settings)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Listening on http://{shown}:{port} with {workers} worker(s).")
    click.echo(serving.told(settings, durable))
    with _one_sentence():
        serving.serve(settings, address, port, workers)


@main.command()
@click.option("--heads", type=click.Path(path_type=Path), help="Heads to compare with.")
@click.option("--write-heads", type=click.Path(path_type=Path), help="File to write.")
def verify(heads: Path | None, write_heads: Path | None) -> None:
    """Replay every wallet and name the first bad row, if there is one.

    Keep the file of --write-heads where nobody who can write to the database can
    change it: only a head kept there shows that a whole history was rewritten.
    """
    # Not above: a server loads its metrics after it has made a folder for them.
    from .api.answers import freeze

    with _one_sentence():
        kept = None if heads is None else read_heads(heads)
        # A long history takes longer than any request may.
        store = open_current_store(_existing_database(), Limits(statement_timeout_ms=0))
        seen: list[WalletState] = []
        try:
            with _progress() as show:

                def on_wallet(wallet: WalletState) -> None:
                    show(wallet)
                    if write_heads is not None:
                        seen.append(wallet)

                report = verify_store(store, kept, on_wallet, freeze)
        finally:
            store.close()
        if write_heads is not None:
            _write_heads(write_heads, seen)
    click.echo(f"{_SHOWN.format(report)}: all is as it must be.")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def backup(file: Path, force: bool) -> None:
    """Save a verified copy of a store in SQLite to FILE, while the service runs.

    FILE has that name only once it is whole. A service that writes does not wait.
    """
    from .api.answers import freeze

    with _one_sentence():
        url = _existing_database()
        with _progress() as show:
            report = back_up(url, file, freeze, show, force=force)
        size = file.stat().st_size
    click.echo(
        f"{_SHOWN.format(report)} in {size} bytes: saved to {file}, and verified."
    )


@main.command()
@click.argument("wallet_id")
def key(wallet_id: str) -> None:
    """Print the key of a wallet."""
    with _one_sentence():
        url = _existing_database()
        settings = _settings()
        with closing(open_current_store(url, settings.limits)) as store:
            wallet = find_wallet(store, wallet_id)
    if wallet is None:
        raise click.ClickException(f"There is no wallet {wallet_id}.")
    keys = WalletKeys(settings.secret_key, settings.secret_key_fallbacks)
    click.echo(keys.make(wallet.id, wallet.key_version))


@main.command()
def demo() -> None:
    """Fill a fresh store with a year of made-up movements, for a first look."""
    from .demo import make_demo

    with _one_sentence():
        click.echo(make_demo(_settings()))


@main.command()
@click.option("--kills", default=20, show_default=True, type=click.IntRange(1))
@click.option("--clients", default=8, show_default=True, type=click.IntRange(1, 256))
@click.option(
    "--folder",
    default=".",
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where to make a folder for the run: the disk that is to be proved.",
)
@click.option("--database-url", default="", help="An empty PostgreSQL database.")
def torture(kills: int, clients: int, folder: Path, database_url: str) -> None:
    """Kill a server of its own under load, and prove that no answer was lost.

    The folder of the run goes away if all was well, and stays if not.
    """
    # The load is needed by the one command that makes it.
    from .audit.torture import TortureError
    from .audit.torture import torture as run

    def show(number: int, answered: int) -> None:
        if on_a_terminal():
            told = f"\r{number} of {kills} kills, {answered} answered"
            click.echo(told, nl=number == kills, err=True)

    with _one_sentence():
        place = Path(tempfile.mkdtemp(prefix="wallet-torture-", dir=folder)).absolute()
        try:
            verdict = run(place, database_url, kills, clients, show)
        except TortureError as error:
            raise click.ClickException(str(error)) from error
    click.echo(
        f"kills {verdict.kills}, answered {verdict.answered}, retried"
        f" {verdict.retried}, lost {verdict.lost}, doubled {verdict.doubled}"
    )
    if not verdict.good:
        raise click.ClickException(
            f"The store FAILED: {verdict.what_is_wrong}. It is kept in {place}."
        )
    shutil.rmtree(place)
    click.echo("The store kept every answer exactly once.")


def _settings() -> Settings:
    return read_settings(read_environment())


def _existing_database() -> URL:
    """Return where the data is, for a command that reads it and makes nothing."""
    url = read_database_url(read_environment())
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise ConfigError(
            f"There is no database at {url.database}: look at WALLET_DATABASE_URL and"
            " WALLET_HOME, or start the service once."
        )
    return url


@contextmanager
def _one_sentence() -> Iterator[None]:
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
def _progress() -> Iterator[Callable[[WalletState], None]]:
    """Count wallets on a terminal."""
    count = 0

    def show(_wallet: WalletState) -> None:
        nonlocal count
        count += 1
        if count % 100 == 0 and on_a_terminal():
            click.echo(f"\r{count} wallets verified", nl=False, err=True)

    yield show
    if count >= 100 and on_a_terminal():
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def on_a_terminal() -> bool:
    """Tell whether someone is watching."""
    return sys.stderr.isatty()


def _write_heads(path: Path, wallets: list[WalletState]) -> None:
    try:
        write_heads(path, wallets)
    except OSError as error:
        raise HeadsError(f"{path} cannot be written.") from error
