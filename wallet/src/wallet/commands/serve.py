"""Serving."""

from collections.abc import Mapping

import click

from ..config import ConfigError, Settings, read_environment
from ..storage.address import place
from ..storage.durability import is_durable
from .common import one_sentence, settings_of_environment


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256))
@click.option(
    "--leave",
    default=0,
    show_default=True,
    type=click.IntRange(0, 3600),
    help="On SIGTERM, answer /status with 503 for this many seconds, then stop.",
)
def serve(host: str, port: int, workers: int, leave: int) -> None:
    """Serve until SIGTERM or Ctrl-C, and then finish what was received."""
    # The server is loaded by the one command that needs it.
    from .. import server as serving

    with one_sentence():
        _refuse_other(workers)
        settings = settings_of_environment()
        address = serving.check(settings, host, port, workers)
        found = serving.prepare(settings)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Listening on http://{shown}:{port} with {workers} worker(s).")
    click.echo(_told(settings, found))
    with one_sentence():
        serving.serve(settings, address, port, workers, leave)


def _refuse_other(workers: int) -> None:
    """Refuse another number of workers in the environment, which Compose alone reads.

    :raises ConfigError: there is one.
    """
    asked = read_environment().get("WORKERS", "").strip()
    if asked not in ("", str(workers)):
        raise ConfigError(
            f"WALLET_WORKERS={asked} is for Docker Compose, and {workers} would be"
            " started: use the option --workers, or unset the variable."
        )


def _told(settings: Settings, found: Mapping[str, str] | None) -> str:
    """Say where the data is, whether it is safe there, and who is let in.

    :param found: the settings of the database, if it could be reached.
    """
    kept = "kept through a loss of power"
    if found is None:
        kept = "which cannot be reached: until it can, everything is answered with 503"
    elif not is_durable(found):
        kept = (
            f"NOT {kept}: set fsync, full_page_writes and synchronous_commit of"
            " PostgreSQL to on"
        )
    if found is not None and (name := "synchronous_standby_names") in found:
        kept = f"{kept}; {name} is {found[name] or 'empty'}"
    mode = "shared, with an operator token and wallet keys"
    if settings.local:
        mode = "local, this machine only and without credentials"
    return f"Data in {place(settings.database_url)}, {kept}.\nMode: {mode}."
