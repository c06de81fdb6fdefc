"""What every page carries: its headers, and problems told to people as pages."""

import json
from typing import Final

from flask import Response, render_template, request

#: Nothing but files of our own; no script or style within a page, and no frame.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # With "no-referrer" a browser would hide the origin of our own forms as well.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_KINDS: Final = ("application/problem+json", "text/html")


def finish(response: Response) -> Response:
    """Set the headers of a page, after a problem has been made one."""
    if request.path.startswith("/v1/"):
        return response
    if response.mimetype == _KINDS[0] and _asks_for_page():
        problem = json.loads(response.get_data())
        response.set_data(render_template("problem.html", problem=problem))
        response.mimetype = _KINDS[1]
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _asks_for_page() -> bool:
    # A client that takes anything gets what clients are told elsewhere.
    return request.accept_mimetypes.best_match(_KINDS) == _KINDS[1]
