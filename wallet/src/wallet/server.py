"""Runs the service: checks, one granian server, and workers that share nothing."""

import ctypes
import errno
import multiprocessing.util
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from granian.server.common import AbstractServer

from . import logs, signals, sockets
from .config import ConfigError, Settings
from .storage.durability import require_standby
from .storage.errors import StoreFailure, may_come_back
from .storage.opening import open_store
from .web.auth import is_loopback
from .web.places import SlowClients

#: After a request to stop, clients that still send a body by then are cut off.
_STOP_TIMEOUT_S: Final = 9
#: Connections of a worker, silent ones included; these are closed after 30 seconds.
_MOST_CONNECTIONS: Final = 8192
#: The head of a request. The address of a review has some 3 KiB, and may come a second
#: time as the page before it; the cookies of a browser may have more. It is measured
#: between two reads, so that one of nearly twice as much can get in.
_LARGEST_HEAD: Final = 32 * 1024
#: Files, the database's connections and what comes while another one is closed.
_SPARE_FILES: Final = 512
#: The name that prometheus-client looks for.
_METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def check(settings: Settings, host: str, port: int, workers: int) -> str:
    """Refuse to serve in a way that is unsafe, and find the address to listen on.

    :raises ConfigError: with one sentence that says what to change.
    """
    address = _free_address(host, port)
    if settings.local and not is_loopback(address):
        raise ConfigError(
            f"Without WALLET_OPERATOR_TOKEN the service does not listen on {host}:"
            " set the token, or use --host 127.0.0.1."
        )
    if workers > 1 and settings.database_url.get_backend_name() == "sqlite":
        raise ConfigError(
            "SQLite takes one worker, because several fight for its one lock: use"
            " --workers 1, or set WALLET_DATABASE_URL to a PostgreSQL database."
        )
    return address


def prepare(settings: Settings) -> dict[str, str] | None:
    """Bring the tables up to date before any worker starts; read what makes it safe.

    Every connection is closed again, because a worker must not inherit one. ``None``
    says that the database is away: the workers wait for it.

    :raises UnsafeDatabase: a standby is required, and there is none.
    """
    try:
        store = open_store(settings.database_url, settings.limits)
        try:
            found = store.durability()
        finally:
            store.close()
    except StoreFailure as failure:
        if may_come_back(failure):
            return None
        raise
    if settings.limits.require_standby:
        require_standby(found)
    return found


def serve(
    settings: Settings, address: str, port: int, workers: int, leave_s: int = 0
) -> None:
    """Serve until asked to stop, and then answer every request that was received.

    :param leave_s: how long it first says that it leaves, if SIGTERM asks.
    """
    server = make_server("wallet", settings, address, port, workers)
    _raise_limit_of_files(_MOST_CONNECTIONS + _SPARE_FILES)
    signals.let_workers_be_stopped_while_they_start()
    leaving = RawValue(ctypes.c_bool, False)
    if leave_s:
        stop = server.signal_handler_interrupt
        server.on_startup(partial(signals.leave_first, leave_s, leaving, stop))
    with _metrics_of(workers):
        load = partial(load_application, leaving)
        server.serve(target_loader=load, wrap_loader=False)


def make_server(
    name: str, settings: Settings, address: str, port: int, workers: int
) -> AbstractServer[Any]:
    """Make the server; the bench gives the same one to what it compares with."""
    return Server(
        name,
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        # With HTTP/2, streams that are cut off would hold threads for ever.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=_LARGEST_HEAD),
        workers=workers,
        blocking_threads=settings.threads + SlowClients(settings.threads).threads,
        backpressure=_MOST_CONNECTIONS,
        workers_kill_timeout=_STOP_TIMEOUT_S,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=_server_logs(settings),
    )


def load_application(leaving: ctypes.c_bool) -> Callable[..., Any]:
    """Make the application within a worker, so that its threads are its own.

    :param leaving: shared with the server, which sets it before it stops.
    """
    # Only here, because the metrics look for their folder when they are loaded.
    from .app import make_app
    from .web.metrics import observe_ask
    from .web.service import service_of

    signals.die_with_parent()
    app = make_app(leaving=lambda: leaving.value)
    service = service_of(app)
    logs.set_up(service.settings)
    service.open_patiently()
    # The server returns once every request is answered; then the writer may end.
    multiprocessing.util.Finalize(None, service.close, exitpriority=1)
    signals.when_told_to_stop(service.feed.stop)
    # A client that waits for an answer does not move either.
    sockets.Watch(service.settings.wait_timeout_ms / 1000).start()
    if service.settings.luno_url is not None:
        # What asks over the network takes a while to load.
        from .prices import poller

        url, opened = service.settings.luno_url, service.opened
        prices = poller.start(service.settings, url, observe_ask, opened)
        multiprocessing.util.Finalize(None, prices.stop, exitpriority=2)
    return app


def _server_logs(settings: Settings) -> dict[str, Any]:
    """Let the server itself write its events like those of its workers."""
    formatter = {"()": logs.Formatter, "form": settings.log_format}
    return {"formatters": {"generic": formatter, "access": formatter}}


@contextmanager
def _metrics_of(workers: int) -> Iterator[None]:
    """Give workers a folder where their metrics add up, empty at the start.

    One worker needs none. Workers must find its name before they load the metrics.

    :raises ConfigError: the folder that was named cannot be used.
    """
    given = os.environ.get(_METRICS_FOLDER)
    if given:
        try:
            Path(given).mkdir(parents=True, exist_ok=True)
            for left_over in Path(given).glob("*.db"):
                left_over.unlink()
        except OSError as error:
            raise ConfigError(
                f"{_METRICS_FOLDER} must name a folder that can be written."
            ) from error
        yield
    elif workers == 1:
        yield
    else:
        with TemporaryDirectory(prefix="wallet-metrics-") as folder:
            os.environ[_METRICS_FOLDER] = folder
            yield


def _raise_limit_of_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _free_address(host: str, port: int) -> str:
    # The server shares its port among its workers, and so would share it with another
    # server that happens to run: ask for it alone first.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError as error:
        raise ConfigError(
            f"{host} is no name of a host: choose another with --host."
        ) from error
    except OSError as error:
        said = f"Port {port} of {host} cannot be used ({error.strerror}): choose others"
        advice = f"{said} with --port and --host."
        if error.errno == errno.EADDRINUSE:
            free = port + 1 if port < 65535 else 8000
            ways = f"`make wallet PORT={free}`, or `wallet serve --port {free}`"
            advice = f"Port {port} is in use: try {ways}."
        raise ConfigError(advice) from error
    return str(address[0])
