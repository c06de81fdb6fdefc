"""The command line: each command is registered here."""

import click

from . import __version__
from .commands.copy import copy
from .commands.demo import demo
from .commands.serve import serve
from .commands.stores import backup, key, verify
from .commands.torture import torture


@click.group()
@click.version_option(__version__)
def main() -> None:
    """A wallet service that keeps every cent exactly once.

    Settings are environment variables that begin with WALLET_; the README lists them.
    """


for command in (serve, verify, backup, copy, torture, key, demo):
    main.add_command(command)
