"""The interface described: `/openapi.json`, `/docs` to try it, a page for each problem.

Everything comes from this service itself, so the pages work without a network.
"""

import secrets
import threading
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, current_app, render_template

from ..web.files import Kept, keep, send_file, send_kept
from ..web.kinds import KINDS
from ..web.problems import Problem
from ..web.replies import encode
from ..web.service import current_service
from .openapi import describe

documents = Blueprint("documents", __name__)

#: Swagger UI as it is released; only the files that the page needs are served.
_READER: Final = Path(str(files("flask_swagger_ui") / "dist"))
_ASSETS: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
#: Of many who ask for the description before it is made.
_ONE_DESCRIBES: Final = threading.Lock()
_NO_SCRIPTS: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


@documents.get("/openapi.json")
def read_description() -> Response:
    """Describe the interface in OpenAPI 3.1."""
    with _ONE_DESCRIBES:
        kept = _description(current_service().settings.local)
    return send_kept(kept, "application/json")


@documents.get("/docs")
def show_documentation() -> Response:
    """Show the interface, to read and to try."""
    nonce = secrets.token_urlsafe(16)
    response = Response(render_template("docs.html", nonce=nonce))
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
    return send_file(_READER / name, _ASSETS[name], max_age_s=86400)


@documents.get("/problems/<name>")
def show_problem(name: str) -> Response:
    """Show what a problem means."""
    if name not in KINDS:
        raise Problem("not-found")
    response = Response(render_template("problem_kind.html", kind=KINDS[name]))
    response.headers["Content-Security-Policy"] = _NO_SCRIPTS
    return response


@cache
def _description(local: bool) -> Kept:
    # It takes a tenth of a second, and is the same for as long as the process lives.
    return keep(encode(describe(current_app, local)))
