"""Answers in JSON: what was asked for, a problem, and a page of a list."""

from typing import Any, Final, cast
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from ..ledger.outcomes import Frozen
from .problems import Problem


class Answer(Response):
    """A whole answer, which the server is handed as it stands.

    The framework would copy its headers once more, and have the server ask for the body
    part by part.
    """

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Answer a request, with the headers alone if it asks for no more."""
        start_response(self.status, self.headers.to_wsgi_list())
        body = cast("list[bytes]", self.response)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body


#: Writes an answer as JSON.
encode: Final = msgspec.json.Encoder().encode


def json_response(answer: Any, status: int = 200) -> Response:
    """Answer in JSON."""
    return Answer(encode(answer), status, mimetype="application/json")


def problem_response(problem: Problem) -> Response:
    """Answer with a problem (RFC 9457)."""
    return Answer(
        encode(problem.body()),
        problem.kind.status,
        problem.headers,
        mimetype="application/problem+json",
    )


def frozen_response(frozen: Frozen | None) -> Response:
    """Answer with the exact bytes that are stored for a repeated request."""
    assert frozen is not None  # noqa: S101  every move has an answer
    kind = "json" if frozen.status < 400 else "problem+json"
    # Without a body, an answer has no length either.
    body = frozen.body or None
    response = Answer(body, frozen.status, mimetype=f"application/{kind}")
    if frozen.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def next_page(parameter: str, cursor: Any) -> str | None:
    """Return the address of the next page, with all that this one was asked for.

    :param cursor: where it begins, ``None`` if there is no such page.
    """
    if cursor is None:
        return None
    query = {**request.args.to_dict(), parameter: cursor}
    return f"{request.path}?{urlencode(query)}"
