"""Around every request: its id, the guards before it, headers, log and refusals."""

import logging
import random
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..storage.errors import StoreFailure
from .auth import refuse_foreign_pages, refuse_strangers
from .metrics import observe_request
from .peers import caller_address
from .problems import Problem, failed
from .replies import problem_response
from .service import Service, current_request, service_of

log = logging.getLogger(__name__)

#: When the first look at a request was taken, as its environment tells.
BEGAN_S: Final = "wallet.began_s"

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
#: Successful requests are logged at debug level only.
_LEVEL_OF_CLASS: Final = {4: logging.INFO, 5: logging.WARNING}
#: What follows is signed, but for everyone to read: a payee, a note, an amount.
_REVIEWS: Final = "/review/"
#: What answers before the database was reached for the first time.
_WITHOUT_TABLES: Final = ("status", "documents")
_PROBLEM_OF_STATUS: Final = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}


def init_app(app: Flask, dress: Callable[[Response], Response]) -> None:
    """Put the guards and the refusals in place.

    :param dress: makes a page of whatever is not an answer of the interface.
    """
    service = service_of(app)
    app.before_request(partial(_guard, service.settings.local, service))
    app.after_request(partial(_finish, dress))
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(StoreFailure, _answer_failure)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_mistake)


def _guard(local: bool, service: Service) -> None:
    incoming = current_request()
    request_id = incoming.environ.get("HTTP_X_REQUEST_ID", "")
    if _REQUEST_ID.fullmatch(request_id) is None:
        # The id is no secret, only unique.
        request_id = f"{random.getrandbits(128):032x}"
    g.request_id = request_id
    if service.settings.log_address:
        g.address = str(caller_address(incoming.environ))
    # The framework takes several slashes at the start for one.
    if incoming.environ["PATH_INFO"].startswith("//"):
        raise Problem("not-found")
    if local:
        refuse_strangers(incoming)
    refuse_foreign_pages(incoming)
    if not service.opened.is_set() and incoming.blueprint not in _WITHOUT_TABLES:
        raise Problem("unavailable", "The database is away; it is waited for.")


def _finish(dress: Callable[[Response], Response], response: Response) -> Response:
    incoming = current_request()
    path = incoming.path
    if not path.startswith("/v1/"):
        response = dress(response)
    headers = response.headers
    headers.add("X-Request-Id", g.request_id)
    headers.add("X-Content-Type-Options", "nosniff")
    if "Cache-Control" not in [name for name, _ in headers]:
        headers.add("Cache-Control", "no-store")
    method, rule, status = incoming.method, incoming.url_rule, response.status_code
    took_s = time.monotonic() - incoming.environ[BEGAN_S]
    observe_request(method, None if rule is None else rule.rule, status, took_s)
    level = _LEVEL_OF_CLASS.get(status // 100, logging.DEBUG)
    # The query is left out: someone may put a key there by mistake.
    if path.startswith(_REVIEWS):
        path = f"{_REVIEWS}<signed>"
    log.log(level, "%s %s %d %.1f ms", method, path, status, took_s * 1000)
    return response


def _answer_failure(failure: StoreFailure) -> Response:
    log.warning("%r because of %r", failure, failure.__cause__)
    return problem_response(failed(failure))


def _answer_http(error: HTTPException) -> Response:
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    name = _PROBLEM_OF_STATUS.get(error.code or 500, "malformed")
    return problem_response(Problem(name, headers=headers))


def _answer_mistake(error: Exception) -> Response:
    log.error("a mistake of this program", exc_info=error)
    return problem_response(Problem("internal-error"))
