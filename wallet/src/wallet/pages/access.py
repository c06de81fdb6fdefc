"""Who may see the pages: sessions, signing in and out, form tokens."""

import hashlib
import hmac
import secrets
import time
from typing import Any, Final

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
)
from werkzeug.wrappers import Response as AnyResponse

from ..clock import now_us
from ..ledger.commands import Principal
from ..storage.errors import StoreFailure
from ..storage.sessions import end_session, has_ended
from ..web.auth import Caller
from ..web.body import LARGEST_BODY, LARGEST_FORM, query_of, read_form
from ..web.problems import Problem
from ..web.service import current_service

#: A sign-in counts for so long.
LIFETIME_S: Final = 12 * 60 * 60
#: What needs no credentials, because it asks for them.
_OPEN: Final = ("balances.index", "signing.ask", "signing.sign_in", "signing.sign_out")

#: What the programs' interface has in place of a session.
_NO_SESSION: Final = NullSession()

signing = Blueprint("signing", __name__)


class PageSessions(SecureCookieSessionInterface):
    """Sessions of the pages; the programs' interface has none to read or write."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session of a visitor."""
        if request.path.startswith("/v1/"):
            return _NO_SESSION
        return super().open_session(app, request)


def guard() -> None:
    """Before a page is made: credentials, the query, then the token of its form.

    :raises Problem: one of them is missing, or the query is not UTF-8.
    """
    caller = None if request.endpoint in _OPEN else current_caller()
    query_of(request)
    if request.method == "POST":
        with_file = request.blueprint == "importing"
        read_form(request, caller, LARGEST_BODY if with_file else LARGEST_FORM)
        _require_token()


def _begin_session(caller: Caller) -> None:
    """Begin a new session; it holds neither the key nor the token."""
    _end_session()
    session.permanent = True
    session["id"] = secrets.token_urlsafe(16)
    session["until"] = int(time.time()) + LIFETIME_S
    if caller.principal is Principal.OPERATOR:
        session["operator"] = _seal()
    else:
        session["wallet"] = [caller.wallet_id, caller.key_version]


def _end_session() -> None:
    # A copy of the cookie must not outlive it, in whichever process it turns up.
    if not current_service().settings.local and _signed_in() is not None:
        end_session(
            current_service().store,
            session["id"],
            session["until"] * 1_000_000,
            now_us(),
        )
    session.clear()
    g.pop("signed_in", None)


def current_caller() -> Caller:
    """Tell who looks at the page; the version of a key is checked with its wallet.

    :raises Problem: no one is signed in.
    """
    if current_service().settings.local:
        return Caller(Principal.OPERATOR)
    if "signed_in" not in g:
        # Where this cannot be read, the page that says so is made for nobody.
        g.signed_in = None
        g.signed_in = _signed_in()
    caller: Caller | None = g.signed_in
    if caller is None:
        raise Problem("unauthenticated")
    return caller


def _signed_in() -> Caller | None:
    if "id" not in session or session.get("until", 0) <= time.time():
        return None
    if hmac.compare_digest(session.get("operator", ""), _seal()):
        caller = Caller(Principal.OPERATOR)
    elif "wallet" in session:
        caller = Caller(Principal.OWNER, *session["wallet"])
    else:
        return None
    service = current_service()
    service.turns.begin(caller.name)
    return None if has_ended(service.store, session["id"]) else caller


def form_token() -> str:
    """Give a token for the forms of this session, which looks anew in each page.

    Pages are packed, and what is always the same could be guessed from their length.
    """
    if "form" not in session:
        session.permanent = True
        session["form"] = secrets.token_urlsafe(24)
    return masked(session["form"])


def masked(token: str, mask: str = "") -> str:
    """Write a token so that it tells nothing of itself."""
    mask = mask or secrets.token_urlsafe(12)
    proof = hmac.new(token.encode(), mask.encode(), hashlib.sha256).hexdigest()
    return f"{mask}.{proof}"


def for_templates() -> dict[str, Any]:
    """Name what every page shows."""
    try:
        caller = current_caller()
    except (Problem, StoreFailure):
        caller = None
    return {
        "caller": caller,
        "operating": caller is not None and caller.principal is Principal.OPERATOR,
        "shared": not current_service().settings.local,
        "form_token": form_token,
    }


def _require_token() -> None:
    known, given = session.get("form", ""), request.form.get("form", "")
    expected = masked(known, given.partition(".")[0])
    if not known or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Problem("stale-form")


def _seal() -> str:
    # Another operator token ends the sessions that the last one began. The token
    # itself cannot be found from this without the secret key.
    settings = current_service().settings
    token = settings.operator_token or ""
    return hmac.new(
        settings.secret_key.encode(), b"operator." + token.encode(), hashlib.sha256
    ).hexdigest()


@signing.get("/sign-in")
def ask() -> AnyResponse | str:
    """Ask for a key or the token."""
    if current_service().settings.local:
        return redirect(url_for("balances.index"), 303)
    return render_template("sign_in.html")


@signing.post("/sign-in")
def sign_in() -> AnyResponse:
    """Begin a session for the holder of a key or the token."""
    service = current_service()
    token = service.settings.operator_token
    if token is not None:
        try:
            typed = request.form.get("key", "").strip()
            caller = service.recognise(request, typed, token)
            if caller.wallet_id is not None:
                service.open_wallet(caller, caller.wallet_id)
        except Problem as problem:
            if problem.kind.name == "too-many-attempts":
                raise
            # What was typed is a secret or nearly one, so it is not shown again.
            page = render_template("sign_in.html", refused=True)
            return Response(page, 401, problem.headers)
        _begin_session(caller)
    return redirect(url_for("balances.index"), 303)


@signing.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session, for every copy of its cookie."""
    _end_session()
    return redirect(url_for("balances.index"), 303)
