"""The command line: each command is registered here."""

import os
import sys
from typing import Any

import click

from . import __version__
from .commands.copy import copy
from .commands.demo import demo
from .commands.serve import serve
from .commands.stores import backup, key, verify
from .commands.torture import torture


class Program(click.Group):
    """The commands, which end with one sentence also where they cannot speak."""

    def main(self, *args: Any, **more: Any) -> Any:
        """Run a command; what else can fail of a file is said by the command itself."""
        try:
            return super().main(*args, **more)
        except OSError as error:
            # What is left to be printed is tried again at the end, and must go away.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"Error: This cannot be printed: {error.strerror}.", err=True)
            sys.exit(1)


@click.group(cls=Program)
@click.version_option(__version__)
def main() -> None:
    """A wallet service that keeps every cent exactly once.

    Settings are environment variables that begin with WALLET_; the README lists them.
    """


for command in (serve, verify, backup, copy, torture, key, demo):
    main.add_command(command)
