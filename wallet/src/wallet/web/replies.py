"""Answers in JSON: what was asked for, a problem, and a page of a list."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from ..ledger.outcomes import Frozen
from .problems import Problem


def encode(answer: Any) -> bytes:
    """Write an answer as JSON."""
    return msgspec.json.encode(answer)


def json_response(answer: Any, status: int = 200) -> Response:
    """Answer in JSON."""
    return Response(encode(answer), status, mimetype="application/json")


def problem_response(problem: Problem) -> Response:
    """Answer with a problem (RFC 9457)."""
    return Response(
        encode(problem.body()),
        problem.kind.status,
        problem.headers,
        mimetype="application/problem+json",
    )


def frozen_response(frozen: Frozen | None) -> Response:
    """Answer with the exact bytes that are stored for a repeated request."""
    assert frozen is not None  # noqa: S101  every move has an answer
    kind = "json" if frozen.status < 400 else "problem+json"
    response = Response(frozen.body, frozen.status, mimetype=f"application/{kind}")
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
