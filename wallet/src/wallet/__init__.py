"""A wallet service that keeps every cent exactly once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from flask import Flask

__version__ = "0.1.0"


def create_app(config: Mapping[str, Any] | None = None) -> "Flask":
    """Create the application: read the settings, open the store, start the writer.

    :param config: settings without their prefix; they replace the environment's.
    :raises ConfigError: a setting cannot be used.
    """
    # Importing the package reads and opens nothing, and so is cheap for the command
    # line and for whoever needs one module only.
    from . import pages
    from .api.docs import documents
    from .api.history import timeline
    from .api.rates import prices
    from .api.wallets import v1
    from .config import read_settings
    from .web import hooks as requests
    from .web.metrics import metrics
    from .web.metrics import observe_batch
    from .web.service import open_service
    from .web.status import status

    app = requests.Application(__name__)
    # A token of digits only is text as well, so nothing is parsed.
    app.config.from_prefixed_env("WALLET", loads=str)
    app.config.from_mapping(config or {})
    # A doubled slash is another address, not a redirect.
    app.url_map.merge_slashes = False
    settings = read_settings(app.config)
    app.extensions["wallet"] = open_service(settings, observe_batch)
    requests.init_app(app)
    app.register_blueprint(v1)
    app.register_blueprint(timeline)
    app.register_blueprint(prices)
    app.register_blueprint(status)
    app.register_blueprint(metrics)
    app.register_blueprint(documents)
    pages.init_app(app)
    return app
