"""Whether the service works, and its metrics.

The status is open to all, so it names no host, user or address; but standbys have the
names that PostgreSQL was given for them.
"""

from functools import partial
from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, UnsetType
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .. import __version__
from ..clock import timestamp
from ..storage.durability import is_durable, waits_for_standby
from .auth import bearer, require_metrics_token
from .described import described
from .metrics import exposition
from .problems import Problem
from .replies import json_response
from .service import Service, current_service
from .values import Moment

status = Blueprint("status", __name__)


class DatabaseStatus(msgspec.Struct):
    """The health of the database, and whether a commit survives a loss of power.

    Without a standby, where one is required, it is failing.
    """

    status: Literal["ok", "failing"]
    engine: str
    durable: bool | UnsetType = UNSET
    settings: dict[str, str] | UnsetType = UNSET


class WriterStatus(msgspec.Struct):
    """The health of the writer, and how many commands wait for it.

    It is failing from a change that failed until one is written.
    """

    status: Literal["ok", "failing"]
    queued: int
    capacity: int


class StatusAnswer(msgspec.Struct):
    """The health of the service, with the names of the parts that fail."""

    status: Literal["ok", "failing"]
    version: str
    database: DatabaseStatus
    writer: WriterStatus
    failing: list[str] | UnsetType = UNSET
    future_entry_at: Annotated[
        Moment | UnsetType,
        described("The time of the latest entry, if it lies in the future."),
    ] = UNSET


@status.get("/status")
def read_status() -> Response:
    """Report the health of the service."""
    service = current_service()
    database, writer = _database(service), _writer(service)
    parts = {"database": database.status, "writer": writer.status}
    answer = StatusAnswer("ok", __version__, database, writer)
    if database.status == "ok":
        ahead_us = service.latest.ahead_us()
        answer.future_entry_at = UNSET if ahead_us is None else timestamp(ahead_us)
    failing = sorted(name for name, part in parts.items() if part != "ok")
    # It works, but the proxy in front is to send it no more requests.
    if service.leaving():
        failing.append("leaving")
    if not failing:
        return json_response(answer)
    answer.status, answer.failing = "failing", failing
    response = json_response(answer, 503)
    response.headers["Retry-After"] = "1"
    return response


@status.get("/metrics")
def read_metrics() -> Response:
    """Report what was counted and timed, over all workers, and what is measured now."""
    service = current_service()
    token = service.settings.metrics_token
    if not service.settings.local:
        if token is None:
            raise Problem("not-found")
        check = partial(require_metrics_token, metrics_token=token)
        service.attempts.judge(request, bearer(request), check)
    told = exposition() + generate_latest(service.gauges)
    return Response(told, content_type=CONTENT_TYPE_LATEST)


def _database(service: Service) -> DatabaseStatus:
    store = service.store
    engine = store.reading.dialect.name
    if not service.opened.is_set():
        return DatabaseStatus("failing", engine)
    try:
        settings = store.durability()
        store.watch.rows("SELECT 1 FROM wallets LIMIT 1")
    except Exception:
        return DatabaseStatus("failing", engine)
    required = service.settings.limits.require_standby
    safe = waits_for_standby(settings) or not required
    well: Literal["ok", "failing"] = "ok" if safe else "failing"
    return DatabaseStatus(well, engine, is_durable(settings), settings)


def _writer(service: Service) -> WriterStatus:
    line = service.writer.line
    full = line.closed or line.commands >= line.capacity
    well = not full and not service.writer.failing
    return WriterStatus("ok" if well else "failing", line.commands, line.capacity)
