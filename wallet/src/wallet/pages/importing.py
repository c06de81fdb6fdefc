"""Bringing in a bank's statement: a file, a look at what it says, and writing it.

The file travels signed in the form of the look, so what is written is what was shown;
and only if the wallet is as it was then.
"""

from typing import Final

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

from ..ledger.outcomes import WalletState
from ..storage.errors import StoreFailure
from ..web import importing as statements
from ..web.body import LARGEST_BODY
from ..web.problems import Problem
from ..web.service import current_service
from . import access, forms
from .signed import read_signed, sign

importing = Blueprint("importing", __name__, url_prefix="/wallets/<wallet_id>/import")

_SALT: Final = "wallet.import"
#: Room for the rest of the form.
_LARGEST_FIELD: Final = LARGEST_BODY - 4096
#: So many movements are shown one by one.
_MOST_SHOWN: Final = 500
_TOO_LARGE: Final = (
    "The file is too large for this page. Divide it into parts below 700 KiB, each with"
    " the line that names the columns, and import them one by one, the oldest first."
)
#: Said above the form as it would be sent now.
_CHANGED: Final = (
    "The wallet has changed since you looked at the file, and nothing was written."
    " Check what is shown here now before you import it."
)


@importing.before_request
def refuse_what_is_too_large() -> Response | None:
    """Show the form again, before any of a file that is too large is read."""
    if (request.content_length or 0) <= LARGEST_BODY:
        return None
    return Response(
        _form(_open((request.view_args or {})["wallet_id"]), _TOO_LARGE), 413
    )


@importing.get("")
def ask(wallet_id: str) -> str:
    """Ask for a file."""
    return _form(_open(wallet_id))


@importing.post("")
def look(wallet_id: str) -> AnyResponse | str:
    """Show what would come of a file."""
    wallet = _open(wallet_id)
    sent = request.files.get("file")
    data = b"" if sent is None else sent.read()
    if not data:
        return Response(_form(wallet, "Choose a file with something in it."), 400)
    signed = sign([wallet.id, data.decode("latin-1")], _SALT)
    if len(signed) > _LARGEST_FIELD:
        return Response(_form(wallet, _TOO_LARGE), 413)
    try:
        return _review(wallet, data, signed)
    except Problem as problem:
        text = problem.detail.replace("body", "The file", 1)
        return Response(_form(wallet, f"{text}."), problem.kind.status)


@importing.post("/confirm")
def confirm(wallet_id: str) -> AnyResponse:
    """Write what was shown."""
    wallet = _open(wallet_id)
    signed = forms.field("file")
    meant_for, text = read_signed(signed, _SALT)
    if meant_for != wallet.id:
        raise Problem("stale-form")
    data, version = text.encode("latin-1"), forms.read_version()
    service = current_service()
    try:
        statement = statements.read_file(wallet, data)
        found = statements.bring_in(service, wallet, statement, version)
    except (Problem, StoreFailure) as error:
        problem = forms.problem_of(error)
        said = _CHANGED if problem.kind.status == 412 else forms.sentence(problem)
        # What the ledger foretells of the lines says more than the refusal of them all.
        fresh = wallet if isinstance(error, StoreFailure) else _open(wallet_id)
        body = _review(fresh, data, signed, said)
        return Response(body, problem.kind.status, problem.headers)
    flash(_what_was_done(len(found.taken)))
    return redirect(url_for("history.show", wallet_id=wallet.id), 303)


def _open(wallet_id: str) -> WalletState:
    caller = access.current_caller()
    caller.must_be_operator()
    return current_service().open_wallet(caller, wallet_id)


def _what_was_done(count: int) -> str:
    if not count:
        return "All of it was known already, so nothing was written."
    return f"Imported: {count} movement{'' if count == 1 else 's'}."


def _form(wallet: WalletState, error: str = "") -> str:
    return render_template("import.html", wallet=wallet, error=error)


def _review(wallet: WalletState, data: bytes, signed: str, error: str = "") -> str:
    statement = statements.read_file(wallet, data)
    found = statements.foretell(current_service(), wallet, statement)
    new = {row.line for row in found.taken}
    known = {row.line for row in found.known}
    rows = [row for row in statement.rows if row.line in new | known]
    return render_template(
        "import_review.html",
        wallet=wallet,
        found=found,
        form=statement.form,
        rows=rows[:_MOST_SHOWN],
        more=len(rows[_MOST_SHOWN:]),
        new=new,
        refused=found.refused[: statements.MOST_TOLD],
        skipped=statement.skipped[: statements.MOST_TOLD],
        signed=signed,
        error=error,
    )
