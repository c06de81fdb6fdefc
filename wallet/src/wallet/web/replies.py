"""Answers in JSON: what was asked for, a problem, and a page of a list."""

from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from ..ledger.outcomes import Frozen
from .problems import Problem

Row = TypeVar("Row")


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


def cut_page(
    rows: list[Row], limit: int, cursor: str, member: str
) -> tuple[list[Row], str | None]:
    """Return the rows of a page, and the address of the next one if there is one.

    :param rows: one more than the page has, if there are more.
    :param cursor: the parameter of the next page, which takes the last row's member.
    """
    page = rows[:limit]
    if len(rows) == len(page):
        return page, None
    query = urlencode({"limit": limit, cursor: getattr(page[-1], member)})
    return page, f"{request.path}?{query}"
