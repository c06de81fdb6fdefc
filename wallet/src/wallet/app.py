"""Puts the parts of the service together."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask

from . import api, pages
from .api.answers import freeze
from .clock import now_us
from .config import Settings, read_environment, read_settings
from .history.future import LatestEntry
from .storage.store import open_store
from .web import hooks
from .web.auth import WalletKeys
from .web.metrics import observe_batch
from .web.service import Service
from .web.status import status
from .writer import Writer


class _Wallet(Flask):
    """The framework, without a question that it asks four times a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none here is a coroutine, and to look takes 4 %."""
        return func


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the application: read the settings, open the store, start the writer.

    :param config: settings without their prefix; they replace the environment's.
    :raises ConfigError: a setting cannot be used.
    """
    app = _Wallet("wallet")
    app.config.from_mapping(read_environment(), **(config or {}))
    # A doubled slash is another address, not a redirect.
    app.url_map.merge_slashes = False
    app.extensions["wallet"] = open_service(read_settings(app.config))
    hooks.init_app(app)
    app.register_blueprint(status)
    api.init_app(app)
    pages.init_app(app)
    return app


def open_service(settings: Settings) -> Service:
    """Open the store and the door to it."""
    store = open_store(settings.database_url, settings.limits)
    writer = Writer(
        store,
        freeze,
        now_us,
        capacity=settings.queue_size,
        batch_size=settings.batch_size,
        wait_s=settings.wait_timeout_ms / 1000,
        observe=observe_batch,
    )
    keys = WalletKeys(settings.secret_key, settings.secret_key_fallbacks)
    return Service(settings, keys, store, writer, LatestEntry(store))
