"""The pages that people use: rendered here, complete without a script."""

from datetime import timedelta
from typing import Final

from flask import Flask, Response, send_from_directory
from xstatic.pkg import jquery

from ..web.service import service_of
from . import access, dress, worth
from . import wording as shown
from .balances import balances
from .keys import keys
from .signing import signing
from .statement import statement
from .transfer import moving
from .wallet import history

_BLUEPRINTS: Final = (signing, balances, history, moving, statement, keys)
for _blueprint in _BLUEPRINTS:
    _blueprint.before_request(access.guard)


def init_app(app: Flask) -> None:
    """Register the pages, their session and what every page carries."""
    settings = service_of(app).settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # The setting is text with commas, which the framework would read by letters.
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SESSION_COOKIE_NAME="wallet",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not settings.local,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=access.LIFETIME_S),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= shown.FILTERS | worth.FILTERS
    app.context_processor(access.for_templates)
    app.after_request(dress.finish)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.session_interface = access.PageSessions()
    app.add_url_rule("/static/jquery.min.js", view_func=jquery_file)


def jquery_file() -> Response:
    """Serve jQuery from the installed package."""
    return send_from_directory(jquery.BASE_DIR, "jquery.min.js")
