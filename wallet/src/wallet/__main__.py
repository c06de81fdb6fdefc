"""Runs the command line with ``python -m wallet``."""

from .cli import main

main()
