"""Describes the interface in OpenAPI 3.1, from the types that it reads and writes.

Nothing is written twice: bodies, parameters and answers come from their types, refusals
from the table of problems, names and summaries from the functions of the routes.
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import msgspec
from flask import Flask

from .. import __version__
from ..prices.rates import PAIR
from ..web.described import described, named
from ..web.fields import WalletId
from ..web.kinds import KINDS
from ..web.problems import Problem
from ..web.status import StatusAnswer
from ..web.values import OperationId
from . import answers
from .calls import CALLS, Call
from .held import HOLD_ID
from .parameters import HEADERS
from .schemas import REF, Schema, portable, schemas

_HEADERS: Final[dict[str, tuple[str, Schema]]] = {
    "X-Request-Id": (
        "The id of this request, also in the log of the service.",
        {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    ),
    "Location": (
        "The address of the wallet.",
        {"type": "string", "format": "uri-reference"},
    ),
    "ETag": (
        "The wallet's version, for If-Match.",
        {"type": "string", "pattern": '^"[0-9]+"$'},
    ),
    "Idempotent-Replayed": (
        "Present if the key was used before: this is the first answer again.",
        {"type": "string", "enum": ["true"]},
    ),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string"}),
    "Retry-After": ("Seconds to wait.", {"type": "string", "pattern": "^[0-9]+$"}),
    "Allow": ("The methods that the address allows.", {"type": "string"}),
}
#: The headers that an answer may lack.
_OPTIONAL: Final = {"Idempotent-Replayed"}
_IN_PATH: Final = {
    "wallet_id": Annotated[WalletId, described("The id of the wallet.")],
    "version": Annotated[
        str,
        described(
            "The version of the entry.", pattern="^[1-9][0-9]{0,17}$", examples=["1"]
        ),
    ],
    "hold_id": Annotated[str, described("The id of the hold.", pattern=f"^{HOLD_ID}$")],
    "operation_id": Annotated[OperationId, described("The id of the operation.")],
    "pair": Annotated[
        str,
        described(
            "The pair; XBTZAR, rand for a bitcoin, is the only one.", enum=[PAIR]
        ),
    ],
}
_TAGS: Final = {
    "Wallets": "Wallets and their keys.",
    "Moves": "Money that comes, goes, or changes wallets.",
    "Holds": "Money that is set aside, and paid out later or let go.",
    "History": "What a wallet held, and what became of a request.",
    "Rates": "What a bitcoin costs.",
    "Service": "How the service is.",
}
_SCHEMES: Final = {
    "operatorToken": "The operator's token, which may do everything.",
    "walletKey": "A wallet's key: reads that wallet, withdraws and transfers from it,"
    " and sets money aside, pays it out and lets it go.",
    "metricsToken": "The token that reads metrics, and nothing else.",
}
_ABOUT: Final = """\
Wallets that keep every cent exactly once.

Amounts are decimal text in major units, such as "125.50", or whole numbers.
Send an Idempotency-Key with every request that moves money, and repeat the request
until it is answered.

A service without an operator token needs no credentials, and serves only the machine
that it runs on.

Any address answers 405 `/problems/method-not-allowed` to a method not listed here,
other than HEAD and OPTIONS."""


def describe(app: Flask, local: bool) -> Schema:
    """Describe every route of an application.

    :param local: the service asks for no credentials.
    """
    paths: dict[str, Schema] = {}
    views = _views(app)
    for (method, route), call in CALLS.items():
        path = re.sub(r"<(\w+)>", r"{\1}", route)
        view = views[method, route]
        operation = {
            "operationId": view.__name__,
            "tags": [call.tag],
            "summary": (view.__doc__ or "").partition("\n")[0],
            "parameters": _parameters(call, route),
            **_operation(call, local),
        }
        paths.setdefault(path, {})[method.lower()] = operation
    description: Schema = portable(
        {
            "openapi": "3.1.0",
            "info": {"title": "Wallet", "version": __version__, "description": _ABOUT},
            "servers": [{"url": "/"}],
            "tags": [
                {"name": name, "description": about} for name, about in _TAGS.items()
            ],
            "paths": paths,
            "components": {
                "schemas": schemas(),
                "headers": {name: _header(name) for name in _HEADERS},
                "securitySchemes": {
                    name: {"type": "http", "scheme": "bearer", "description": about}
                    for name, about in _SCHEMES.items()
                },
            },
        }
    )
    return description


def _views(app: Flask) -> dict[tuple[str, str], Callable[..., Any]]:
    return {
        (method, rule.rule): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def _parameters(call: Call, route: str) -> list[Schema]:
    query = msgspec.json.schema_components([call.query], ref_template=REF)[1]
    fields = query[call.query.__name__]
    path = {name: _IN_PATH[name] for name in re.findall(r"<(\w+)>", route)}
    headers = {name: HEADERS[name] for name in call.takes}
    places = {
        "path": {name: msgspec.json.schema(kind) for name, kind in path.items()},
        "query": fields["properties"],
        "header": {name: msgspec.json.schema(kind) for name, kind in headers.items()},
    }
    required = {*path, *fields["required"], *call.needs}
    return [
        _parameter(place, name, schema, name in required)
        for place, schemas in places.items()
        for name, schema in schemas.items()
    ]


def _parameter(place: str, name: str, schema: Schema, required: bool) -> Schema:
    # What may be left out is never null.
    if {"type": "null"} in schema.get("anyOf", ()):
        schema = schema["anyOf"][0]
    return {
        "name": name,
        "in": place,
        "description": schema.pop("description"),
        "required": required,
        "schema": schema,
    }


def _operation(call: Call, local: bool) -> Schema:
    operation: Schema = {
        "responses": {str(call.status): _good(call), **_refusals(call)},
        "security": [] if local else [{name: []} for name in call.security],
    }
    if call.may_be_empty:
        headers = _good(call)["headers"]
        nothing = {"description": "Nothing was to be done.", "headers": headers}
        operation["responses"]["204"] = nothing
    if call.may_write_nothing:
        nothing = _good(call) | {"description": "Nothing was written."}
        operation["responses"]["200"] = nothing
    if call.answer is StatusAnswer:
        failing = _good(call) | {"description": "A part of the service is failing."}
        failing["headers"] = _headers(["X-Request-Id", "Retry-After"])
        operation["responses"]["503"] = failing
    if call.body is not None:
        media, schema = _content(call.body)
        if media != "application/json":
            # The makers of clients send that as it is.
            schema["format"] = "binary"
        content = {media: {"schema": schema, "example": call.example}}
        needed = {"description": call.needed_first} if call.needed_first else {}
        operation["requestBody"] = {**needed, "required": True, "content": content}
    return operation


def _content(kind: Any) -> tuple[str, Schema]:
    if isinstance(kind, str):
        return kind, {"type": "string"}
    return "application/json", named(kind.__name__)


def _good(call: Call) -> Schema:
    media, schema = _content(call.answer)
    return {
        "description": "It is done." if call.status == 201 else "Here it is.",
        "headers": _headers(["X-Request-Id", *call.gives]),
        "content": {media: {"schema": schema}},
    }


def _refusals(call: Call) -> dict[str, Schema]:
    by_status: dict[str, list[Problem]] = {}
    for name in KINDS:
        if name in call.problems:
            problem = Problem(name)
            by_status.setdefault(str(problem.kind.status), []).append(problem)
    return {status: _refusal(problems) for status, problems in by_status.items()}


def _refusal(problems: list[Problem]) -> Schema:
    examples = {each.kind.name: {"value": each.body()} for each in problems}
    return {
        "description": "; ".join(problem.kind.title for problem in problems) + ".",
        "headers": _headers(["X-Request-Id", *problems[0].headers]),
        "content": {
            "application/problem+json": {
                "schema": named(answers.ProblemAnswer.__name__),
                "examples": examples,
            }
        },
    }


def _headers(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header(name: str) -> dict[str, Any]:
    about, schema = _HEADERS[name]
    return {"description": about, "required": name not in _OPTIONAL, "schema": schema}
