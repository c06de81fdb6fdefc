"""The pages that people use: rendered here, complete without a script."""

import hmac
import json
from datetime import timedelta
from typing import Final

from flask import Flask, Response, render_template, request

from .. import __version__
from ..config import Settings
from ..web.files import pack
from ..web.service import service_of
from . import access, assets, wording
from .access import signing
from .balances import balances
from .confirm import confirming
from .entry import one_entry
from .holds import holding
from .importing import importing
from .months import months
from .settings import changing
from .statement import statement
from .transfer import moving
from .wallet import history

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
_BLUEPRINTS: Final = (
    signing,
    balances,
    history,
    months,
    moving,
    confirming,
    statement,
    changing,
    holding,
    one_entry,
    importing,
)
for _blueprint in _BLUEPRINTS:
    _blueprint.before_request(access.guard)


def init_app(app: Flask) -> None:
    """Register the pages, their session and what every page carries."""
    settings = service_of(app).settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # The setting is text with commas, which the framework would read by letters.
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SESSION_COOKIE_NAME=_cookie_name(settings),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not settings.local,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=access.LIFETIME_S),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= wording.FILTERS
    app.jinja_env.globals["clocks"] = wording.clocks
    app.jinja_env.globals["program_version"] = __version__
    app.jinja_env.globals["asset"] = assets.address
    app.jinja_env.globals["worth_column"] = wording.worth_column
    app.context_processor(access.for_templates)
    # An address that ends in a slash leads to the same page.
    app.url_map.strict_slashes = False
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.url_map.strict_slashes = True
    app.session_interface = access.PageSessions()
    app.add_url_rule("/static/<filename>", "static", assets.send)


def _cookie_name(settings: Settings) -> str:
    if not settings.local:
        # A name that begins so is kept from plain HTTP, other paths and subdomains.
        return "__Host-wallet"
    # A browser sends cookies to every port of a host: each store has its own name.
    mark = hmac.new(settings.secret_key.encode(), b"cookie", "sha256").hexdigest()
    return f"wallet-{mark[:8]}"


def dress(response: Response) -> Response:
    """Set the headers of a page, after a problem has been made one."""
    if response.mimetype == _KINDS[0] and _asks_for_page():
        problem = json.loads(response.get_data())
        response.set_data(render_template("problem.html", problem=problem))
        response.mimetype = _KINDS[1]
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype == _KINDS[1] and not response.is_streamed:
        pack(request, response)
    return response


def _asks_for_page() -> bool:
    # A client that takes anything gets what clients are told elsewhere.
    return request.accept_mimetypes.best_match(_KINDS) == _KINDS[1]
