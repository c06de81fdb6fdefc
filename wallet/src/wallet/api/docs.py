"""The pages about the interface: its description, one to try it, one for each problem.

Everything comes from this service itself, so the pages work without a network.
"""

import secrets
from typing import Final

from flask import (
    Blueprint,
    Response,
    current_app,
    render_template_string,
    send_from_directory,
)
from swagger_ui_bundle import swagger_ui_path

from ..web.problems import KINDS, Problem
from ..web.replies import json_response
from ..web.service import current_service
from .openapi import describe

documents = Blueprint("documents", __name__)

_ASSETS: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_NO_SCRIPTS: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

# The package has a version of the page that knows OpenAPI 3.0 by its number only; what
# this interface uses of 3.1 it shows all the same.
_DOCS: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Wallet</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
<div id="page"></div>
<script nonce="{{ nonce }}" src="/docs/swagger-ui-bundle.js"></script>
<script nonce="{{ nonce }}">
  fetch("/openapi.json")
    .then((answer) => answer.json())
    .then((spec) => {
      spec.openapi = "3.0.3";
      SwaggerUIBundle({ spec, dom_id: "#page", validatorUrl: null });
    });
</script>
"""

_PROBLEM: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ kind.title }}</title>
<h1>{{ kind.title }}</h1>
<p>{{ kind.detail }}</p>
<p>Status {{ kind.status }}, type <code>/problems/{{ kind.name }}</code>.</p>
<p><a href="/docs">The interface</a></p>
"""


@documents.get("/openapi.json")
def read_description() -> Response:
    """Describe the interface in OpenAPI 3.1."""
    described = describe(current_app, current_service().settings.local)
    return json_response(described)


@documents.get("/docs")
def show_documentation() -> Response:
    """Show the interface, and let people try it."""
    nonce = secrets.token_urlsafe(16)
    response = Response(render_template_string(_DOCS, nonce=nonce))
    response.headers["Content-Security-Policy"] = (
        f"{_NO_SCRIPTS}; script-src 'nonce-{nonce}'; connect-src 'self';"
        " style-src 'self' 'unsafe-inline'; img-src 'self' data:"
    )
    return response


@documents.get("/docs/<name>")
def read_asset(name: str) -> Response:
    """Send a file that the page of the interface needs."""
    if name not in _ASSETS:
        raise Problem("not-found")
    return send_from_directory(swagger_ui_path, name, conditional=False, max_age=86400)


@documents.get("/problems/<name>")
def show_problem(name: str) -> Response:
    """Show what a problem means."""
    if name not in KINDS:
        raise Problem("not-found")
    response = Response(render_template_string(_PROBLEM, kind=KINDS[name]))
    response.headers["Content-Security-Policy"] = _NO_SCRIPTS
    return response
