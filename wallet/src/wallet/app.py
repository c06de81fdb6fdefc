"""Puts the parts of the service together."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter

from . import api, pages
from .api.answers import freeze
from .config import Settings, read_environment, read_settings
from .history.future import LatestEntry
from .storage.store import Store
from .web import hooks
from .web.auth import WalletKeys
from .web.feed import Feed
from .web.gauges import Gauges
from .web.hooks import BEGAN_S
from .web.metrics import observe_batch
from .web.places import SlowClients
from .web.service import Service, service_of
from .web.status import status
from .web.turns import Turns
from .writer import Writer


class _Request(Request):
    """A request whose files stay in memory, where the whole body is counted anyway."""

    def _get_file_stream(self, *_about: Any, **_more: Any) -> IO[bytes]:
        return BytesIO()


class _Wallet(Flask):
    """The framework, without what no request here needs."""

    request_class = _Request

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serve a request; with it ends the turn that it took when it first read."""
        environ[BEGAN_S] = time.monotonic()
        turns = service_of(self).turns
        turns.begin()
        try:
            return super().wsgi_app(environ, start_response)
        finally:
            turns.end()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Find addresses by their path, whatever the host is called.

        To read its name from the headers, three times, takes a tenth of a balance.
        """
        if request is None:
            return None
        place = request.root_path, "", request.scheme
        return self.url_map.bind("", *place, request.method, request.path)

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Do nothing: here nothing waits for a request to end; to look takes 4 %."""

    do_teardown_appcontext = do_teardown_request

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none here is a coroutine, and to look takes 4 %."""
        return func


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the application: read the settings, open the store, start the writer.

    :param config: settings without their prefix; they replace the environment's.
    :raises ConfigError: a setting cannot be used.
    :raises NotWritten: the database cannot be reached.
    """
    app = make_app(config)
    try:
        service_of(app).open()
    except Exception:
        service_of(app).close()
        raise
    return app


def make_app(
    config: Mapping[str, Any] | None = None, leaving: Callable[[], bool] = bool
) -> Flask:
    """Create the application, which refuses to work until its store is opened.

    :param leaving: tells whether its server is about to stop; by default, never.
    """
    app = _Wallet("wallet", static_folder=None)
    app.config.from_mapping(read_environment(), **(config or {}))
    # A doubled slash is another address, not a redirect.
    app.url_map.merge_slashes = False
    service = make_service(read_settings(app.config))
    app.extensions["wallet"] = replace(service, leaving=leaving)
    hooks.init_app(app, pages.dress)
    app.register_blueprint(status)
    api.init_app(app)
    pages.init_app(app)
    return app


def make_service(settings: Settings) -> Service:
    """Make the store, which is not opened yet, and the door to it."""
    slow = SlowClients(settings.threads)
    turns = Turns(
        settings.limits.readers,
        settings.limits.lock_timeout_ms / 1000,
        # With the places for slow clients, there are more threads for others.
        most_waiting=settings.threads,
    )
    store = Store(settings.database_url, settings.limits, turns.take)
    latest = LatestEntry(store)
    feed = Feed(store)

    def observe(*committed: Any) -> None:
        feed.nudge()
        observe_batch(*committed)

    writer = Writer(
        store,
        freeze,
        latest.read_clock,
        capacity=settings.queue_size,
        batch_size=settings.batch_size,
        wait_s=settings.wait_timeout_ms / 1000,
        lock_s=settings.limits.lock_timeout_ms / 1000,
        answer_s=(settings.limits.exchange_s or 0) + 1,
        # Half of the threads stay for those who want other wallets.
        most_aside=max(1, settings.threads // 2),
        observe=observe,
    )
    keys = WalletKeys(settings.secret_key, settings.secret_key_fallbacks)
    gauges = Gauges(store)
    return Service(settings, keys, store, writer, latest, slow, feed, gauges, turns)
