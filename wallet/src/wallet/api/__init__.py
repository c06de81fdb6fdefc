"""The face for programs: JSON."""

from flask import Flask

from .docs import documents
from .history import timeline
from .holds import holds
from .imports import imports
from .lists import lists
from .rates import prices
from .wallets import v1


def init_app(app: Flask) -> None:
    """Register the calls, their description and their documents."""
    for blueprint in (v1, lists, holds, imports, timeline, prices, documents):
        app.register_blueprint(blueprint)
