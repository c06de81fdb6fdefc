"""A statement is imported on a page: chosen, looked at, confirmed, and written once."""

import io
from pathlib import Path

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from wallet.storage import errors as failures
from wallet.web.service import service_of

from ..browsing import Visitor, error_of, text_of
from .conftest import OPERATOR

pytestmark = pytest.mark.one_engine

STATEMENTS = Path(__file__).parent / "statements"


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


def look(visitor, wallet, data):
    """Choose a file."""
    page = f"/wallets/{wallet}/import"
    file = FileStorage(io.BytesIO(data), "statement.csv")
    boundary, body = encode_multipart(visitor.hidden(page, page) | {"file": file})
    return visitor.client.post(
        page,
        data=body,
        content_type=f"multipart/form-data; boundary={boundary}",
        base_url=visitor.address,
        headers={"Accept": "text/html", "Origin": visitor.address},
    )


def form_in(visitor, answer, monkeypatch):
    """Read the form of the look that was just answered."""
    monkeypatch.setattr(visitor, "get", lambda _path: answer)
    action = f"{answer.request.path.removesuffix('/confirm')}/confirm"
    form = visitor.hidden("", action)
    monkeypatch.undo()
    return action, form


def test_a_file_is_looked_at_and_then_written_as_it_was_shown(
    visitor, local, monkeypatch
):
    """Sent twice, it is written once; chosen again, nothing of it is new."""
    wallet = local.create(name="Ada")
    file = (STATEMENTS / "semicolons.csv").read_bytes()
    assert "Import a statement" in visitor.read(f"/wallets/{wallet}")
    asked = text_of(visitor.read(f"/wallets/{wallet}/import"))
    assert "cannot be older than the wallet's last entry" in asked
    answer = look(visitor, wallet, file)
    shown = text_of(answer.text)
    assert answer.status_code == 200
    assert "Import 4 movements?" in shown
    assert "Into Ada New 4 Known already 0 Refused 0" in shown
    assert "Balance before R 0.00 Balance after R 7 664.55" in shown
    assert "2026-11-03 \u2212R 4 750.00 Huur Huis; tuin en Kie 6 new" in shown
    assert local.balance(wallet) == ("0.00", 0)
    action, form = form_in(visitor, answer, monkeypatch)
    for said in ("Imported: 4 movements.", "All of it was known already"):
        sent = visitor.send(action, form)
        assert (sent.status_code, sent.location) == (303, f"/wallets/{wallet}")
        assert said in text_of(visitor.read(sent.location))
        assert local.balance(wallet) == ("7664.55", 4)
    again = look(visitor, wallet, file)
    assert (again.status_code, "Nothing is new" in again.text) == (200, True)
    assert "confirm" not in again.text


def test_refused_lines_are_shown_and_nothing_can_be_confirmed(visitor, local):
    """With their numbers and reasons, among them what only the rules refuse."""
    wallet = local.create()
    file = b"Date,Amount\n2026-01-01,5\n2026-01-02,<b>\n2026-01-03,-9\n"
    answer = look(visitor, wallet, file)
    shown = text_of(answer.text)
    assert (answer.status_code, "Nothing can be imported" in shown) == (200, True)
    assert "3 “<b>” is no amount in ZAR" in shown
    assert "4 the wallet has too little available" in shown
    assert "<b>" not in answer.text
    assert "confirm" not in answer.text
    assert local.balance(wallet) == ("0.00", 0)


def test_a_look_that_is_out_of_date_is_shown_anew(visitor, local, monkeypatch):
    """Nothing is written before it is confirmed once more."""
    wallet = local.create()
    answer = look(visitor, wallet, b"Date,Amount\n2026-01-01,5\n2026-01-02,6\n")
    action, form = form_in(visitor, answer, monkeypatch)
    assert local.bring_in(wallet, b"Date,Amount\n2026-01-01,5\n").status_code == 201
    stale = visitor.send(action, form)
    assert stale.status_code == 412
    assert error_of(stale) == (
        "The wallet has changed since you looked at the file, and nothing was written."
        " Check what is shown here now before you import it."
    )
    assert "New 1 Known already 1" in text_of(stale.text)
    assert local.balance(wallet) == ("5.00", 1)
    action, form = form_in(visitor, stale, monkeypatch)
    assert visitor.send(action, form).status_code == 303
    assert local.balance(wallet) == ("11.00", 2)


def test_when_the_database_is_away_the_same_form_may_be_sent_again(
    visitor, local, monkeypatch
):
    """It is said that nothing was written."""
    wallet = local.create()
    answer = look(visitor, wallet, b"Date,Amount\n2026-01-01,5\n")
    action, form = form_in(visitor, answer, monkeypatch)
    writer = service_of(visitor.client.application).writer

    def lose(_submission):
        raise failures.NotWritten

    monkeypatch.setattr(writer, "submit", lose)
    lost = visitor.send(action, form)
    monkeypatch.undo()
    assert lost.status_code == 503
    assert "cannot do this now" in error_of(lost)
    assert visitor.send(action, form).status_code == 303
    assert local.balance(wallet) == ("5.00", 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Choose a file with something in it."),
        (b"when,what\n", "The file has no line that names its columns"),
        (b'Date,Amount\n2026-01-01,"5\n', "The file has a cell in quotes"),
    ],
)
def test_what_is_no_statement_is_said_where_it_was_chosen(visitor, local, data, said):
    """And another file can be chosen there."""
    wallet = local.create()
    answer = look(visitor, wallet, data)
    assert (answer.status_code, error_of(answer).startswith(said)) == (400, True)
    assert 'type="file"' in answer.text


def test_a_form_that_was_altered_or_is_of_another_wallet_is_refused(
    visitor, local, monkeypatch
):
    """Only what was looked at for this wallet is written."""
    wallet, other = local.create(), local.create()
    answer = look(visitor, wallet, b"Date,Amount\n2026-01-01,5\n")
    action, form = form_in(visitor, answer, monkeypatch)
    for path, changes in (
        (action, {"file": form["file"][:-1]}),
        (action, {"file": "x"}),
        (action, {"form": "x"}),
        (action.replace(wallet, other), {}),
    ):
        assert visitor.send(path, form | changes).status_code == 403
    for each in (wallet, other):
        assert local.balance(each) == ("0.00", 0)


@pytest.mark.parametrize("path", ["", "/confirm"])
def test_a_file_that_is_too_large_is_told_where_another_can_be_chosen(
    visitor, local, path
):
    """None of it is read; whoever may not import sees no form."""
    wallet = local.create()
    page = f"/wallets/{wallet}/import"
    form = visitor.hidden(page, page) | {"file": "x" * 2**20}
    answer = visitor.send(f"{page}{path}", form)
    assert answer.status_code == 413
    assert "Divide it into parts below 700 KiB" in error_of(answer)
    assert 'type="file"' in answer.text
    assert local.balance(wallet) == ("0.00", 0)
    assert visitor.send(f"/wallets/x/import{path}", form).status_code == 404


@pytest.mark.slow
def test_a_large_file_goes_through_the_page(visitor, local, monkeypatch):
    """Up to the size of any body; a larger one is refused."""
    wallet = local.create()
    lines = [f"2026-01-01,1,{'shop' * 20} {n}" for n in range(10_000)]
    file = "\n".join(["Date,Amount,Note", *lines]).encode()
    assert 850_000 < len(file) < 2**20
    answer = look(visitor, wallet, file)
    assert answer.status_code == 200, answer.text[:500]
    assert "9500 more are not shown" in answer.text
    action, form = form_in(visitor, answer, monkeypatch)
    assert visitor.send(action, form).status_code == 303
    assert local.balance(wallet) == ("10000.00", 10_000)
    large = look(visitor, wallet, file + b"x" * 2**18)
    assert large.status_code == 413
    assert "Divide it into parts" in error_of(large)


def test_the_holder_of_a_key_does_not_import(shared_app, operator):
    """The link is not on his page, and the pages are not his."""
    made = operator.post("/v1/wallets", {}).json
    owner = Visitor(shared_app.test_client())
    assert owner.sign_in(made["key"]).status_code == 303
    page = f"/wallets/{made['id']}"
    assert "import" not in owner.read(page).lower()
    assert owner.get(f"{page}/import").status_code == 403
    large = {"file": "x" * 2**20}
    assert owner.send(f"{page}/import", large).status_code == 403
    boss = Visitor(shared_app.test_client())
    assert boss.sign_in(OPERATOR).status_code == 303
    assert boss.get(f"{page}/import").status_code == 200
