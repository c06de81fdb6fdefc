"""Who looks at the pages, for how long, and from which of them a form may come."""

import hashlib
import hmac
import secrets
import time
from typing import Any, Final

from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from ..ledger.commands import Principal
from ..web.auth import Caller
from ..web.problems import Problem
from ..web.service import current_service

#: Whoever signed in longer ago signs in again.
LIFETIME_S: Final = 12 * 60 * 60
#: Whoever has no credentials yet is asked for them here.
_OPEN: Final = ("balances.index", "signing.ask", "signing.sign_in", "signing.sign_out")
#: No form of ours is larger.
_LARGEST_FORM: Final = 64 * 1024


class PageSessions(SecureCookieSessionInterface):
    """Sessions of the pages; the programs' interface has none to read or write."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session of a visitor."""
        if request.path.startswith("/v1/"):
            return None
        return super().open_session(app, request)


def guard() -> None:
    """Before a page is made: credentials, then the token of its form.

    :raises Problem: one of them is missing.
    """
    if request.endpoint not in _OPEN:
        current_caller()
    if request.method == "POST":
        request.max_content_length = _LARGEST_FORM
        _require_token()


def sign_in(caller: Caller) -> None:
    """Begin a new session; it holds neither the key nor the token."""
    session.clear()
    session.permanent = True
    session["until"] = int(time.time()) + LIFETIME_S
    if caller.principal is Principal.OPERATOR:
        session["operator"] = _seal()
    else:
        session["wallet"] = [caller.wallet_id, caller.key_version]


def sign_out() -> None:
    """Forget everything about this visitor."""
    session.clear()


def current_caller() -> Caller:
    """Tell who looks at the page; the version of a key is checked with its wallet.

    :raises Problem: no one is signed in.
    """
    if current_service().settings.local:
        return Caller(Principal.OPERATOR)
    if session.get("until", 0) > time.time():
        if hmac.compare_digest(session.get("operator", ""), _seal()):
            return Caller(Principal.OPERATOR)
        if "wallet" in session:
            return Caller(Principal.OWNER, *session["wallet"])
    raise Problem("unauthenticated")


def form_token() -> str:
    """Give the token that the forms of this session carry."""
    if "form" not in session:
        session.permanent = True
        session["form"] = secrets.token_urlsafe(24)
    token: str = session["form"]
    return token


def for_templates() -> dict[str, Any]:
    """Name what every page shows."""
    try:
        caller = current_caller()
    except Problem:
        caller = None
    return {
        "caller": caller,
        "operating": caller is not None and caller.principal is Principal.OPERATOR,
        "shared": not current_service().settings.local,
        "form_token": form_token,
    }


def _require_token() -> None:
    known, given = session.get("form", ""), request.form.get("form", "")
    if not known or not hmac.compare_digest(known.encode(), given.encode()):
        raise Problem("stale-form")


def _seal() -> str:
    # Another operator token ends the sessions that the last one began. The token
    # itself cannot be found from this without the secret key.
    settings = current_service().settings
    token = settings.operator_token or ""
    return hmac.new(
        settings.secret_key.encode(), b"operator." + token.encode(), hashlib.sha256
    ).hexdigest()
