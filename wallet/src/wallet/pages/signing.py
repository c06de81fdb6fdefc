"""Signing in with a wallet's key or the operator's token, and out."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ..web.auth import recognise
from ..web.problems import Problem
from ..web.service import current_service
from . import access

signing = Blueprint("signing", __name__)


@signing.get("/sign-in")
def ask() -> AnyResponse | str:
    """Ask for a key or the token."""
    if current_service().settings.local:
        return redirect(url_for("balances.index"), 303)
    return render_template("sign_in.html")


@signing.post("/sign-in")
def sign_in() -> AnyResponse:
    """Begin a session for whoever has a key or the token."""
    service = current_service()
    token = service.settings.operator_token
    if token is not None:
        try:
            caller = recognise(request.form.get("key", "").strip(), token, service.keys)
            if caller.wallet_id is not None:
                current_service().open_wallet(caller, caller.wallet_id)
        except Problem:
            # What was typed is a secret or nearly one, so it is not shown again.
            return Response(render_template("sign_in.html", refused=True), 401)
        access.sign_in(caller)
    return redirect(url_for("balances.index"), 303)


@signing.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session."""
    access.sign_out()
    return redirect(url_for("balances.index"), 303)
