"""The face for programs: JSON."""

from flask import Flask

from .docs import documents
from .history import timeline
from .holds import holds
from .imports import imports
from .lists import lists
from .operations import operations
from .rates import prices
from .wallets import v1


def init_app(app: Flask) -> None:
    """Register the calls, their description and their documents."""
    calls = (v1, lists, holds, imports, timeline, operations, prices)
    for blueprint in (*calls, documents):
        app.register_blueprint(blueprint)
