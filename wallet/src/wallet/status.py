"""Whether the service works. Open to all, so it names no host, user or address."""

from typing import Any

from flask import Blueprint
from flask import Response
from sqlalchemy.exc import DBAPIError

from . import __version__
from . import failures
from .engines import durability
from .engines import is_durable
from .messages import encode
from .service import Service
from .service import current_service
from .store import Store

status = Blueprint("status", __name__)


@status.get("/status")
def read_status() -> Response:
    """Tell how the service is."""
    service = current_service()
    parts = {"database": _database(service.store), "writer": _writer(service)}
    failing = sorted(name for name, part in parts.items() if part["status"] != "ok")
    answer: dict[str, Any] = {"status": "failing" if failing else "ok"}
    if failing:
        answer["failing"] = failing
    answer |= {"version": __version__, **parts}
    code = 503 if failing else 200
    response = Response(encode(answer), code, mimetype="application/json")
    if failing:
        response.headers["Retry-After"] = "1"
    return response


def _database(store: Store) -> dict[str, Any]:
    engine = store.reading.dialect.name
    try:
        with failures.before_commit(), store.reading.connect() as connection:
            settings = durability(connection)
            connection.exec_driver_sql("SELECT 1 FROM wallets LIMIT 1")
    except (failures.StoreFailure, DBAPIError):
        return {"status": "failing", "engine": engine}
    durable = is_durable(settings)
    return {"status": "ok", "engine": engine, "durable": durable, "settings": settings}


def _writer(service: Service) -> dict[str, Any]:
    writer, queue = service.writer, service.writer.queue
    well = writer.alive and queue.commands < queue.capacity
    return {
        "status": "ok" if well else "failing",
        "queued": queue.commands,
        "capacity": queue.capacity,
    }
