"""A wallet service that keeps every cent exactly once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__version__ = "0.1.0"


def create_app(config: Mapping[str, Any] | None = None) -> "Flask":
    """Create the application; :func:`wallet.app.create_app` has the details."""
    # Importing the package reads and opens nothing, and so is cheap for the command
    # line and for programs that need one module only.
    from .app import create_app

    return create_app(config)
