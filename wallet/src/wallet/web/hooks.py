"""What holds for every request: its id, its guards, and its refusal."""

import logging
import random
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ..storage.errors import StoreFailure
from .auth import refuse_foreign_pages, refuse_strangers
from .metrics import observe_request
from .problems import Problem, failed
from .replies import problem_response
from .service import service_of

log = logging.getLogger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
#: What succeeds is told only to whoever asks for everything.
_LEVEL_OF_CLASS: Final = {4: logging.INFO, 5: logging.WARNING}
_PROBLEM_OF_STATUS: Final = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}


class Application(Flask):
    """Flask without the question whether a view is async, as none is here."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take a function as it is: asking four times a request took 3 % of it."""
        return func


def init_app(app: Flask) -> None:
    """Put the guards and the refusals in place."""
    app.before_request(partial(_guard, service_of(app).settings.local))
    app.after_request(_finish)
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(StoreFailure, _answer_failure)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_mistake)


def current_request() -> Request:
    """Take the request out of its context: each look through that one costs."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def _guard(local: bool) -> None:
    incoming = current_request()
    given = incoming.environ.get("HTTP_X_REQUEST_ID", "")
    known = _REQUEST_ID.fullmatch(given) is not None
    g.began_s = time.monotonic()
    # The id is no secret, only unique.
    g.request_id = given if known else f"{random.getrandbits(128):032x}"
    if local:
        refuse_strangers(incoming)
    refuse_foreign_pages(incoming)


def _finish(response: Response) -> Response:
    incoming, headers = current_request(), response.headers
    headers.add("X-Request-Id", g.request_id)
    headers.add("X-Content-Type-Options", "nosniff")
    if not any(name == "Cache-Control" for name, _ in headers):
        headers.add("Cache-Control", "no-store")
    method, rule, status = incoming.method, incoming.url_rule, response.status_code
    took_s = time.monotonic() - g.began_s
    observe_request(method, None if rule is None else rule.rule, status, took_s)
    level = _LEVEL_OF_CLASS.get(status // 100, logging.DEBUG)
    # The query is left out: whoever errs may put a key there.
    log.log(level, "%s %s %d %.1f ms", method, incoming.path, status, took_s * 1000)
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
