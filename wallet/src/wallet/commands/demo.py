"""A first look at a store that has something in it."""

import click

from .common import one_sentence, settings_of_environment


@click.command()
def demo() -> None:
    """Fill a fresh store with a year of made-up movements, for a first look."""
    click.echo("Making a year of movements, which takes some seconds …")
    # Not above: a server loads its metrics after it has made a folder for them.
    from ..demo import make_demo

    with one_sentence():
        told = make_demo(settings_of_environment())
    click.echo(told)
