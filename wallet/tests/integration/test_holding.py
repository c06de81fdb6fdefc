"""Money is set aside on a page, paid out of it in parts, and released."""

import re

import pytest

from wallet.storage import errors as failures
from wallet.web.service import service_of

from ..browsing import Visitor, error_of, forms_in, text_of

pytestmark = pytest.mark.one_engine


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


@pytest.fixture
def ada(local):
    """A wallet with a hundred rand."""
    wallet = local.create(name="Ada")
    local.deposit(wallet, 100)
    return wallet


def sums(local, wallet):
    now = local.get(f"/v1/wallets/{wallet}").json
    return now["balance"], now["held"], now["available"]


def set_aside(visitor, wallet, **fields):
    path = f"/wallets/{wallet}/holds"
    return visitor.fill(path, path, **{"amount": "60", "days": "7"} | fields)


def actions(visitor, wallet):
    """The addresses of what can be done with what is set aside."""
    page = visitor.read(f"/wallets/{wallet}/holds")
    return re.findall(r'action="([^"]*/(?:capture|release))"', page)


def test_money_is_set_aside_paid_out_in_parts_and_let_go(visitor, local, ada):
    """The wallet's page says how much, and what remains available."""
    answer = set_aside(visitor, ada, amount="R 60,00", note="Bicycle")
    page = f"/wallets/{ada}/holds"
    assert (answer.status_code, answer.location) == (303, page)
    shown = text_of(visitor.read(page))
    assert "Set aside R 60.00 Available R 40.00" in shown
    assert "R 60.00 Bicycle until" in shown
    wallet = text_of(visitor.read(f"/wallets/{ada}"))
    assert "R 60.00 set aside , R 40.00 available" in wallet
    capture, release = actions(visitor, ada)
    part = visitor.fill(page, capture, amount="25", keep_open="true")
    assert (part.status_code, part.location) == (303, page)
    assert "R 25.00 of R 60.00 paid out" in text_of(visitor.read(page))
    assert sums(local, ada) == ("75.00", "35.00", "40.00")
    assert visitor.fill(page, release).status_code == 303
    assert actions(visitor, ada) == []
    assert sums(local, ada) == ("75.00", "0.00", "75.00")


def test_what_is_not_kept_is_let_go_with_the_payment(visitor, local, ada):
    """Unless the box is ticked."""
    set_aside(visitor, ada)
    capture, _ = actions(visitor, ada)
    paid = visitor.fill(f"/wallets/{ada}/holds", capture, amount="10")
    assert paid.status_code == 303
    assert sums(local, ada) == ("90.00", "0.00", "90.00")


def test_each_form_is_carried_out_once(visitor, local, ada):
    """A double click sets aside once, pays once, and lets go once."""
    page = f"/wallets/{ada}/holds"
    form = visitor.hidden(page, page) | {"amount": "60", "days": "1"}
    assert [visitor.send(page, form).status_code for _ in range(2)] == [303, 303]
    assert sums(local, ada) == ("100.00", "60.00", "40.00")
    capture, release = actions(visitor, ada)
    form = visitor.hidden(page, capture) | {"amount": "10", "keep_open": "true"}
    assert [visitor.send(capture, form).status_code for _ in range(2)] == [303, 303]
    assert sums(local, ada) == ("90.00", "50.00", "40.00")
    form = visitor.hidden(page, release)
    assert [visitor.send(release, form).status_code for _ in range(2)] == [303, 303]
    assert sums(local, ada) == ("90.00", "0.00", "90.00")


@pytest.mark.parametrize(
    ("fields", "status", "field", "words"),
    [
        ({"amount": "100.01"}, 422, "amount", "has too little available"),
        ({"amount": "0"}, 400, "amount", "above zero"),
        ({"amount": "1,234"}, 400, "amount", "two ways"),
        ({"days": "0"}, 400, "days", "from 1 to 365"),
        ({"days": "366"}, 400, "days", "from 1 to 365"),
        ({"days": "\u0663"}, 400, "days", "from 1 to 365"),
        ({"note": "x" * 501}, 400, "note", "500 characters"),
    ],
)
def test_what_cannot_be_set_aside_is_refused_and_kept(
    visitor, local, ada, fields, status, field, words
):
    """The field at fault is marked, and nothing is set aside."""
    answer = set_aside(visitor, ada, **fields)
    assert answer.status_code == status
    assert words in error_of(answer)
    (marked,) = [tag for tag in answer.text.split("<") if "aria-invalid" in tag]
    assert f'name="{field}"' in marked
    assert f'value="{fields.get("amount", "60")}"' in answer.text
    assert sums(local, ada) == ("100.00", "0.00", "100.00")


def test_more_than_is_set_aside_is_not_paid_out(visitor, local, ada):
    """Nor is anything paid out of what was let go."""
    set_aside(visitor, ada)
    capture, release = actions(visitor, ada)
    page = f"/wallets/{ada}/holds"
    form = visitor.hidden(page, capture) | {"amount": "5"}
    refused = visitor.fill(page, capture, amount="60.01")
    assert refused.status_code == 422
    assert error_of(refused).endswith(".")
    assert sums(local, ada) == ("100.00", "60.00", "40.00")
    assert visitor.fill(page, release).status_code == 303
    late = visitor.send(capture, form)
    assert late.status_code == 422
    assert sums(local, ada) == ("100.00", "0.00", "100.00")


def test_a_payment_that_is_refused_stays_as_it_was_typed(visitor, local, ada):
    """At its own hold, where the reason stands; the others are as they were."""
    for amount in ("20", "30"):
        set_aside(visitor, ada, amount=amount)
    page = f"/wallets/{ada}/holds"
    capture = actions(visitor, ada)[2]
    answer = visitor.fill(page, capture, amount="1,250", keep_open="true")
    assert answer.status_code == 400
    assert "two ways" in error_of(answer)
    _, first, second = answer.text.split("<li>\n    <p id=")
    for once in ('value="1,250"', " checked", "aria-invalid", 'id="error"'):
        assert (answer.text.count(once), once in second) == (1, True)
    assert 'name="amount" value="R\u00a020.00"' in first
    assert 'id="amount" name="amount" value=""' in second
    assert sums(local, ada) == ("100.00", "50.00", "50.00")


#: What is typed into each form, and what the wallet holds once it was carried out.
TYPED = {
    "holds": (
        {"amount": "10", "note": "Bicycle", "days": "30"},
        ("100.00", "60.00", "40.00"),
    ),
    "capture": ({"amount": "10", "keep_open": "true"}, ("90.00", "40.00", "50.00")),
    "release": ({}, ("100.00", "30.00", "70.00")),
}


@pytest.mark.parametrize("form", TYPED)
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (failures.OutcomeUnknown(), "It is not known whether this was done."),
        (failures.NotWritten(), "The service cannot do this now."),
    ],
)
def test_after_a_failure_the_same_form_may_be_sent_again(
    visitor, local, ada, monkeypatch, failure, told, form
):
    """It alone keeps its key and what was typed, so whatever became of it is once."""
    for amount in ("20", "30"):
        set_aside(visitor, ada, amount=amount)
    page, (typed, after) = f"/wallets/{ada}/holds", TYPED[form]
    path = next(p for p in (page, *actions(visitor, ada)) if p.endswith(form))
    sent = visitor.hidden(page, path) | typed
    writer = service_of(visitor.client.application).writer
    submit = writer.submit

    def lose(submission):
        # What was released is not on the page any more, and needs no form.
        if isinstance(failure, failures.OutcomeUnknown) and form != "release":
            submit(submission)
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(writer, "submit", lose)
        answer = visitor.send(path, sent)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert error_of(answer).startswith(told)
    keys = {action: each["key"] for action, each in forms_in(answer.text).items()}
    assert [action for action in keys if keys[action] == sent["key"]] == [path]
    assert len({*keys.values()}) == len(keys)
    for name, value in typed.items():
        assert answer.text.count(f'name="{name}" value="{value}"') >= 1
    assert answer.text.count(" checked") == ("keep_open" in typed)
    again = visitor.send(path, typed | forms_in(answer.text)[path])
    assert again.status_code == 303
    assert sums(local, ada) == after


def test_another_amount_is_not_taken_for_the_one_that_was_lost(visitor, local, ada):
    """After a change of what was sent, one is told to look first."""
    page = f"/wallets/{ada}/holds"
    form = visitor.hidden(page, page) | {"amount": "60", "days": "1"}
    assert visitor.send(page, form).status_code == 303
    answer = visitor.send(page, form | {"amount": "30"})
    assert answer.status_code == 422
    assert "sent before with something else in it" in error_of(answer)
    assert 'name="amount" value="30"' in answer.text
    assert sums(local, ada) == ("100.00", "60.00", "40.00")


def test_each_hold_is_a_group_that_is_called_what_it_is(visitor, ada):
    """So that one of several buttons that pay out is known by ear."""
    for amount, note in (("20", "Bicycle"), ("30", "")):
        set_aside(visitor, ada, amount=amount, note=note)
    page = visitor.read(f"/wallets/{ada}/holds")
    named = re.findall('role="group" aria-labelledby="([^"]*)"', page)
    told = [re.findall(f'<p id="{each}">(.*?)</p>', page, re.S) for each in named]
    assert [text_of(each).split(" until ")[0].strip() for (each,) in told] == [
        "R 20.00 Bicycle",
        "R 30.00",
    ]
