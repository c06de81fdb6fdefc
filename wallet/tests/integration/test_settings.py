"""A wallet's settings: name, floor, archive and key, changed on its pages."""

import re

import pytest

from wallet.storage import errors as failures
from wallet.storage.queries import find_wallet
from wallet.web.service import service_of

from ..actions import Wallets
from ..browsing import Visitor, error_of, forms_in, text_of
from .conftest import OPERATOR

pytestmark = pytest.mark.one_engine


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


@pytest.fixture
def manager(shared_app):
    """Someone who has signed in with the operator's token."""
    visitor = Visitor(shared_app.test_client())
    assert visitor.sign_in(OPERATOR).status_code == 303
    return visitor


def told(calls: Wallets, wallet):
    answer = calls.get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 200
    return answer.json


def test_a_wallet_is_renamed_and_gets_a_floor(visitor, local):
    """The form shows what counts, in the way in which it can be typed."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    assert 'value="R\u00a00.00"' in visitor.read(path)
    assert "May go down" not in visitor.read(f"/wallets/{wallet}")
    answer = visitor.fill(path, path, name="Everyday", floor="-R 500")
    assert (answer.status_code, answer.location) == (303, f"/wallets/{wallet}")
    shown = text_of(visitor.read(answer.location))
    assert "Saved." in shown
    assert "May go down to \u2212R 500.00" in shown
    now = told(local, wallet)
    assert (now["name"], now["floor"]) == ("Everyday", "-500.00")
    assert 'value="\u2212R\u00a0500.00"' in visitor.read(path)


@pytest.mark.parametrize(
    ("fields", "status", "field", "words"),
    [
        ({"floor": "5"}, 400, "floor", "zero or below"),
        ({"floor": "x"}, 400, "floor", "Type an amount"),
        ({"floor": "0"}, 422, "floor", "available"),
        ({"name": "x" * 201}, 400, "name", "200 characters"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    visitor, local, fields, status, field, words
):
    """What was typed is kept, its field is marked, and nothing is changed."""
    wallet = local.create(name="Ada", floor=-500)
    assert local.withdraw(wallet, 1).status_code == 201
    before = told(local, wallet)
    path = f"/wallets/{wallet}/settings"
    given = {"name": "Bob", "floor": "-R 1"} | fields
    answer = visitor.fill(path, path, **given)
    assert answer.status_code == status
    assert words in error_of(answer)
    (marked,) = [tag for tag in answer.text.split("<") if "aria-invalid" in tag]
    assert f'name="{field}"' in marked
    assert f'value="{given["floor"]}"' in answer.text
    assert told(local, wallet) == before


def test_a_wallet_is_archived_and_taken_back(visitor, local):
    """Only when it is empty; then it is left out of the list and moves nothing."""
    wallet = local.create(name="Ada")
    local.deposit(wallet, 5)
    page, path = f"/wallets/{wallet}/settings", f"/wallets/{wallet}/archive"
    refused = visitor.fill(page, path)
    assert refused.status_code == 422
    assert "empty" in error_of(refused)
    assert not told(local, wallet)["archived"]
    local.withdraw(wallet, 5)
    assert visitor.fill(page, path).status_code == 303
    assert told(local, wallet)["archived"]
    shown = visitor.read(f"/wallets/{wallet}")
    assert "no money comes in or goes out" in text_of(shown)
    assert 'id="set"' not in shown
    assert wallet not in visitor.read("/")
    assert visitor.fill(page, path).status_code == 303
    assert not told(local, wallet)["archived"]
    assert 'id="set"' in visitor.read(f"/wallets/{wallet}")


def test_a_new_key_is_asked_for_twice_and_then_shown(manager, operator, stranger):
    """The button leads to a page that says what it does; only that one does it."""
    made = operator.post("/v1/wallets").json
    wallet, path = made["id"], f"/wallets/{made['id']}/key/renew"
    settings = manager.read(f"/wallets/{wallet}/settings")
    assert f'href="{path}"' in settings
    assert "stops working at once" in text_of(manager.read(path))
    owner = Wallets(stranger.client, made["key"])
    assert owner.get(f"/v1/wallets/{wallet}").status_code == 200
    answer = manager.send(path, manager.hidden(path, path))
    assert answer.status_code == 200
    (key,) = re.findall(r"<code>(.*?)</code>", answer.text)
    assert owner.get(f"/v1/wallets/{wallet}").status_code == 401
    owner = Wallets(stranger.client, key)
    assert owner.get(f"/v1/wallets/{wallet}").status_code == 200


def test_the_holder_of_a_key_changes_no_settings(shared_app, operator):
    """Neither the forms nor what they send."""
    made = operator.post("/v1/wallets", {"name": "Ada"}).json
    owner = Visitor(shared_app.test_client())
    assert owner.sign_in(made["key"]).status_code == 303
    path = f"/wallets/{made['id']}"
    assert f"{path}/settings" not in owner.read(path)
    for ending in ("settings", "key/renew"):
        assert owner.get(f"{path}/{ending}").status_code == 403
    form = owner.hidden(f"{path}/holds", f"{path}/holds")
    for ending in ("settings", "archive", "key", "key/renew"):
        sent = owner.send(f"{path}/{ending}", form | {"name": "x", "floor": "0"})
        assert sent.status_code == 403
    assert told(operator, made["id"])["name"] == "Ada"


FAILURES = [
    (failures.OutcomeUnknown(), "It is not known whether this was done."),
    (failures.NotWritten(), "The service cannot do this now."),
]


def lose(monkeypatch, visitor, failure, path, form):
    """Send a form whose answer is lost, and which was done if nobody knows."""
    writer = service_of(visitor.client.application).writer
    submit = writer.submit

    def fail(submission):
        if isinstance(failure, failures.OutcomeUnknown):
            submit(submission)
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(writer, "submit", fail)
        answer = visitor.send(path, form)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    return answer


@pytest.mark.parametrize(
    ("ending", "typed", "after"),
    [
        ("settings", {"name": "Bob", "floor": "-R 5"}, ("Bob", "-5.00", False)),
        ("archive", {}, ("Ada", "0.00", True)),
    ],
)
@pytest.mark.parametrize(("failure", "words"), FAILURES)
def test_after_a_failure_the_settings_may_be_sent_again(
    visitor, local, monkeypatch, failure, words, ending, typed, after
):
    """As they were typed: a wallet that was archived is not restored by that."""
    wallet = local.create(name="Ada")
    page, path = f"/wallets/{wallet}/settings", f"/wallets/{wallet}/{ending}"
    form = visitor.hidden(page, path) | typed
    answer = lose(monkeypatch, visitor, failure, path, form)
    assert error_of(answer).startswith(words)
    for name, value in typed.items():
        assert f'name="{name}" value="{value}"' in answer.text
    again = visitor.send(path, typed | forms_in(answer.text)[path])
    assert again.status_code == 303
    now = told(local, wallet)
    assert (now["name"], now["floor"], now["archived"]) == after


@pytest.mark.parametrize(("failure", "words"), FAILURES)
def test_after_a_failure_a_new_key_may_be_asked_for_again(
    manager, operator, stranger, monkeypatch, failure, words
):
    """The page says so, and the next answer has a key that works."""
    wallet = operator.create(name="Ada")
    path = f"/wallets/{wallet}/key/renew"
    answer = lose(monkeypatch, manager, failure, path, manager.hidden(path, path))
    assert error_of(answer).startswith(words)
    again = manager.send(path, forms_in(answer.text)[""])
    assert again.status_code == 200
    (key,) = re.findall(r"<code>(.*?)</code>", again.text)
    owner = Wallets(stranger.client, key)
    assert owner.get(f"/v1/wallets/{wallet}").status_code == 200


def field_of(page, name):
    """Read what a field of the settings shows."""
    (value,) = re.findall(f'name="{name}" value="([^"]*)"', page)
    return value


def shown_in(page, path):
    """Read what a browser would send, if nothing were typed."""
    fields = {name: field_of(page, name) for name in ("name", "floor")}
    return forms_in(page)[path] | fields


def test_a_page_that_is_out_of_date_takes_nothing_back(visitor, local):
    """A floor that somebody else has set stays, and what was typed is kept."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    before = shown_in(visitor.read(path), path)
    assert visitor.fill(path, path, name="Ada", floor="-R 100").status_code == 303
    late = visitor.send(path, before | {"name": "Everyday"})
    assert late.status_code == 412
    assert error_of(late) == (
        "Nothing was saved: since you opened this page the lowest balance allowed"
        " became \u2212R 100.00. Check the values below, and save again if you wish."
    )
    now = told(local, wallet)
    assert (now["name"], now["floor"]) == ("Ada", "-100.00")
    assert field_of(late.text, "name") == "Everyday"
    assert field_of(late.text, "floor") == "\u2212R\u00a0100.00"
    assert visitor.send(path, shown_in(late.text, path)).status_code == 303
    now = told(local, wallet)
    assert (now["name"], now["floor"]) == ("Everyday", "-100.00")


def test_what_was_typed_in_both_is_kept_and_may_be_saved(visitor, local):
    """Whoever has seen what it became may have it otherwise."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    before = shown_in(visitor.read(path), path)
    assert visitor.fill(path, path, name="Bob", floor="-R 100").status_code == 303
    late = visitor.send(path, before | {"name": "Cleo", "floor": "-R 7"})
    assert late.status_code == 412
    assert "the name became Bob and the lowest balance" in error_of(late)
    fields = field_of(late.text, "name"), field_of(late.text, "floor")
    assert fields == ("Cleo", "-R 7")
    assert told(local, wallet)["name"] == "Bob"
    assert visitor.send(path, shown_in(late.text, path)).status_code == 303
    now = told(local, wallet)
    assert (now["name"], now["floor"]) == ("Cleo", "-7.00")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"name": "Eve \u2602"}], "the name became \u2068Eve \u2602\u2069."),
        ([{"name": ""}], "the name was removed."),
        ([{"archived": True}], "the wallet was archived."),
        ([{"name": "x"}, {"name": "Ada"}], "it was changed and back again."),
        ([None], "a new key was made."),
    ],
)
def test_whatever_was_changed_since_is_said(visitor, local, changes, words):
    """By whichever way; and nothing is written."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    before = shown_in(visitor.read(path), path)
    for change in changes:
        address = f"/v1/wallets/{wallet}"
        if change is None:
            assert local.post(f"{address}/keys").status_code == 201
        else:
            assert local.client.patch(address, json=change).status_code == 200
    now = told(local, wallet)
    late = visitor.send(path, before | {"floor": "-R 5"})
    assert late.status_code == 412
    assert words in error_of(late)
    assert told(local, wallet) == now


def test_settings_that_are_sent_twice_are_saved_once(visitor, local):
    """The second finds the wallet as it asks for, by the first."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    form = shown_in(visitor.read(path), path) | {"name": "Bob"}
    for _ in range(2):
        answer = visitor.send(path, form)
        assert (answer.status_code, answer.location) == (303, f"/wallets/{wallet}")
    store = service_of(visitor.client.application).store
    assert find_wallet(store, wallet).changes == 1


def test_a_mistake_on_a_page_that_is_out_of_date_makes_it_no_newer(visitor, local):
    """It is corrected, and then it is still out of date."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    before = shown_in(visitor.read(path), path)
    assert visitor.fill(path, path, name="Bob", floor="0").status_code == 303
    wrong = visitor.send(path, before | {"floor": "x"})
    assert wrong.status_code == 400
    late = visitor.send(path, shown_in(wrong.text, path) | {"floor": "-R 5"})
    assert late.status_code == 412
    now = told(local, wallet)
    assert (now["name"], now["floor"]) == ("Bob", "0.00")


@pytest.mark.parametrize("changes", ["", "x", "*", "-1", "7", "9" * 30])
def test_a_form_that_tells_no_number_of_changes_is_out_of_date(visitor, local, changes):
    """So is one that was open when the program was replaced by a newer one."""
    wallet = local.create(name="Ada")
    path = f"/wallets/{wallet}/settings"
    form = shown_in(visitor.read(path), path) | {"name": "Bob", "changes": changes}
    answer = visitor.send(path, form)
    assert answer.status_code == 403
    assert "out of date" in text_of(answer.text)
    assert told(local, wallet)["name"] == "Ada"
