"""A wallet's settings: its name, its floor, its archive; and its key."""

from collections.abc import Iterator, Mapping

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from ..ledger.commands import ChangeWallet, RaiseKeyVersion, Submission
from ..ledger.money import CURRENCIES, Amount, AmountError
from ..ledger.outcomes import Change, KeyRaised, WalletState
from ..storage.errors import StoreFailure
from ..storage.queries import find_change
from ..web.fields import Name, check
from ..web.problems import Problem, failed, malformed
from ..web.service import current_service
from . import access, forms
from .wording import balanced, isolated, money

changing = Blueprint("changing", __name__, url_prefix="/wallets/<wallet_id>")


@changing.get("/settings")
def show(wallet_id: str) -> str:
    """Show what can be changed."""
    return _page(_open(wallet_id))


@changing.post("/settings")
def change(wallet_id: str) -> AnyResponse:
    """Change the name and the floor."""
    wallet, seen = _open(wallet_id), _read_seen()
    try:
        name = check(forms.field("name"), Name, "name")
        _change(ChangeWallet(wallet.id, name, _read_floor(wallet), seen=seen))
    except (Problem, StoreFailure) as error:
        if forms.problem_of(error).kind.name == "version-mismatch":
            return _outdated(wallet_id, seen)
        return _again(wallet, error)
    flash("Saved.")
    return redirect(url_for("history.show", wallet_id=wallet.id), 303)


@changing.post("/archive")
def archive(wallet_id: str) -> AnyResponse:
    """Put a wallet away, or take it back."""
    wallet = _open(wallet_id)
    away = forms.field("archived") == "true"
    try:
        _change(ChangeWallet(wallet.id, archived=away))
    except (Problem, StoreFailure) as error:
        return _again(wallet, error)
    flash("It is in the archive now." if away else "It is back from the archive.")
    return redirect(url_for("history.show", wallet_id=wallet.id), 303)


@changing.post("/key")
def show_key(wallet_id: str) -> str:
    """Show the key. It is asked for by a form, so that no address leads to it."""
    return _key_page(_open(wallet_id))


@changing.get("/key/renew")
def ask_to_renew(wallet_id: str) -> str:
    """Say what a new key does, before it is made."""
    return render_template("renew.html", wallet=_open(wallet_id))


@changing.post("/key/renew")
def renew_key(wallet_id: str) -> AnyResponse | str:
    """Make every key that was handed out worthless, and show the new one."""
    wallet = _open(wallet_id)
    command = RaiseKeyVersion(wallet.id)
    try:
        outcome = current_service().submit_decided(Submission((command,), wallet.id))
    except StoreFailure as failure:
        problem = failed(failure)
        error = forms.sentence(problem)
        body = render_template("renew.html", wallet=wallet, error=error)
        return Response(body, problem.kind.status, problem.headers)
    assert isinstance(outcome, KeyRaised)  # noqa: S101  nothing else can come
    flash("A new key was made. Older keys no longer work.")
    # Nothing is read any more: were that refused, nobody would see the key.
    return _key_page(outcome.wallet)


def _open(wallet_id: str) -> WalletState:
    caller = access.current_caller()
    caller.must_be_operator()
    return current_service().open_wallet(caller, wallet_id)


def _change(command: ChangeWallet) -> None:
    current_service().submit_decided(Submission((command,), command.wallet_id))


def _read_seen() -> int:
    """Read how often the wallet had been changed when the form was made.

    :raises Problem: the form does not say.
    """
    try:
        return forms.read_version("changes")
    except Problem as error:
        raise Problem("stale-form") from error


def _outdated(wallet_id: str, seen: int) -> Response:
    """Show what the wallet has now, and what was typed instead of what was shown."""
    wallet = _open(wallet_id)
    shown = find_change(current_service().store, wallet.id, seen)
    if shown is None:
        raise Problem("stale-form")
    typed = request.form.to_dict() | {"changes": str(wallet.changes)}
    if forms.field("name") == shown.name.strip():
        typed["name"] = wallet.name
    if _read_floor(wallet).unscaled == shown.floor_minor:
        typed["floor"] = money(wallet.floor_minor, wallet.currency)
    problem = Problem("version-mismatch")
    text = (
        "Nothing was saved: since you opened this page "
        + (
            " and ".join(_what_changed(shown, wallet))
            or "it was changed and back again"
        )
        + ". Check the values below, and save again if you wish."
    )
    return Response(_page(wallet, problem, text, typed), problem.kind.status)


def _what_changed(shown: Change, wallet: WalletState) -> Iterator[str]:
    if shown.name != wallet.name:
        name = isolated(balanced(wallet.name.strip()))
        yield f"the name became {name}" if name else "the name was removed"
    if shown.floor_minor != wallet.floor_minor:
        floor = money(wallet.floor_minor, wallet.currency)
        yield f"the lowest balance allowed became {floor}"
    if (shown.archived_at_us is None) != (wallet.archived_at_us is None):
        yield "the wallet was " + ("archived" if wallet.archived_at_us else "restored")
    if shown.key_version != wallet.key_version:
        yield "a new key was made"


def _read_floor(wallet: WalletState) -> Amount:
    try:
        minor = forms.read_typed(forms.field("floor"), wallet.currency)
    except AmountError as error:
        raise Problem("malformed", str(error), members={"field": "floor"}) from error
    if minor > 0:
        raise malformed("floor", "must be zero or below")
    return Amount(minor, CURRENCIES[wallet.currency])


def _again(wallet: WalletState, error: Problem | StoreFailure) -> Response:
    # With the wallet as it was, so that each button asks for what it asked for.
    problem = forms.problem_of(error)
    return Response(_page(wallet, problem), problem.kind.status, problem.headers)


def _page(
    wallet: WalletState,
    problem: Problem | None = None,
    text: str = "",
    typed: Mapping[str, str] | None = None,
) -> str:
    return render_template(
        "settings.html",
        wallet=wallet,
        typed=request.form if typed is None else typed,
        error=text or (problem and forms.sentence(problem)),
        at_fault=problem and _field_at_fault(problem),
    )


def _field_at_fault(problem: Problem) -> str:
    if problem.kind.name == "floor-too-high":
        return "floor"
    return str(problem.members.get("field", ""))


def _key_page(wallet: WalletState) -> str:
    key = current_service().keys.make(wallet.id, wallet.key_version)
    return render_template("key.html", wallet=wallet, key=key)
