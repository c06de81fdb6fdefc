"""The proof that a disk or a database keeps what it is told to keep."""

import shutil
import tempfile
from pathlib import Path

import click

from .common import one_sentence, show_count


@click.command()
@click.option("--kills", default=20, show_default=True, type=click.IntRange(1))
@click.option("--clients", default=8, show_default=True, type=click.IntRange(1, 256))
@click.option(
    "--folder",
    default=".",
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where to make a folder for the run: on the disk to be tested.",
)
@click.option("--database-url", default="", help="An empty PostgreSQL database.")
def torture(kills: int, clients: int, folder: Path, database_url: str) -> None:
    """Start a server, kill it under load, and prove that no answer was lost.

    The folder of the run is removed if all was well, and kept if not.
    """
    # The load is needed by the one command that makes it.
    from ..audit.torture import TortureError
    from ..audit.torture import torture as run

    def show(number: int, answered: int) -> None:
        told = f"{number} of {kills} kills, {answered} answered"
        show_count(told, last=number == kills)

    with one_sentence():
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
