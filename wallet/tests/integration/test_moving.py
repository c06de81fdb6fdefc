"""Transfer and Pay: asked, reviewed, confirmed, and done once."""

import re
import time

import pytest

from wallet.clock import now_us
from wallet.ledger.ids import made_at_us, new_wallet_id
from wallet.pages import review as reviewing
from wallet.storage import errors as failures
from wallet.web.service import service_of

from ..browsing import Visitor, error_of, text_of

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


@pytest.fixture
def bob(local):
    """An empty wallet."""
    return local.create(name="Bob")


def prepare(visitor, way, **fields):
    """Fill in what to move, and tell the address of its review."""
    given = {name.rstrip("_"): value for name, value in fields.items()}
    answer = visitor.send(way, visitor.hidden(way, way) | given)
    assert answer.status_code == 303, answer.text
    return answer.location


def test_a_transfer_is_reviewed_before_and_after_and_then_done(
    visitor, local, ada, bob
):
    """By choice; the review moves nothing, its confirmation moves it once."""
    review = prepare(visitor, "/transfer", from_=ada, to=bob, amount="R 30,50")
    shown = text_of(visitor.read(review))
    assert "Transfer R 30.50?" in shown
    assert f"From Ada To Bob {bob} Amount R 30.50" in shown
    assert "Balance before R 100.00 Balance after R 69.50" in shown
    assert (local.balance(ada), local.balance(bob)) == (("100.00", 1), ("0.00", 0))
    answer = visitor.confirm(review)
    assert (answer.status_code, answer.location) == (303, f"/wallets/{ada}")
    assert "Transferred: R 30.50." in text_of(visitor.read(answer.location))
    assert (local.balance(ada), local.balance(bob)) == (("69.50", 2), ("30.50", 1))


def test_a_transfer_goes_to_an_id_as_well(visitor, local, ada, bob):
    """Typed instead of chosen, or both when they agree."""
    visitor.confirm(prepare(visitor, "/transfer", from_=ada, to_id=bob, amount="1"))
    both = {"from": ada, "to": bob, "to_id": bob, "amount": "1"}
    visitor.confirm(prepare(visitor, "/transfer", **both))
    assert local.balance(bob) == ("2.00", 2)


def test_a_payment_is_a_withdrawal_that_says_whom(visitor, local, ada):
    """What for stands in the note, apart from it; a search finds both."""
    fields = {"from": ada, "amount": "20", "payee": " Thandi ", "note": "the garden"}
    review = prepare(visitor, "/pay", **fields)
    told = text_of(visitor.read(review))
    assert "To Thandi Note the garden Amount R 20.00" in told
    assert visitor.confirm(review).status_code == 303
    path = f"/v1/wallets/{ada}/entries"
    entry = local.get(path).json["entries"][0]
    assert (entry["kind"], entry["amount"]) == ("withdrawal", "-20.00")
    assert (entry["payee"], entry["note"]) == ("Thandi", "the garden")
    for text in ("THANDI", "garden"):
        found = local.get(f"{path}?text={text}").json["entries"]
        assert [each["version"] for each in found] == [2]
    shown = visitor.read(f"/wallets/{ada}")
    (note, whom) = re.findall(r'class="(?:note|whom)">(.*?)</td>', shown, re.S)[:2]
    assert (text_of(note).strip(), text_of(whom).strip()) == ("the garden", "To Thandi")


def test_a_confirmation_sent_again_pays_once(visitor, local, ada):
    """A double click, a reload of the confirmation, and the back button."""
    review = prepare(visitor, "/pay", from_=ada, amount="20", payee="Thandi")
    form = visitor.hidden(review, review)
    sent = [visitor.send(review, form) for _ in range(3)]
    assert [answer.status_code for answer in sent] == [303, 303, 303]
    back = visitor.read(review)
    assert "Done already" in back
    assert "Balance after" not in back
    assert 'name="version"' not in back
    assert local.balance(ada) == ("80.00", 2)


def test_an_operation_is_as_old_as_its_confirmation(visitor, local, ada):
    """Its id tells the time, by which it is found from its other side."""
    review = prepare(visitor, "/pay", from_=ada, amount="20", payee="Thandi")
    time.sleep(0.01)
    confirmed_us = now_us()
    assert visitor.confirm(review).status_code == 303
    entry = local.get(f"/v1/wallets/{ada}/entries").json["entries"][0]
    assert made_at_us(entry["operation"]) > confirmed_us - 1_000


REFUSED = [
    ("/transfer", {"amount": "1"}, 400, "to", "To must be a wallet"),
    ("/transfer", {"amount": "1,234", "to": "bob"}, 400, "amount", "two ways"),
    ("/transfer", {"amount": "0", "to": "bob"}, 400, "amount", "above zero"),
    ("/transfer", {"amount": "-5", "to": "bob"}, 400, "amount", "above zero"),
    (
        "/transfer",
        {"amount": "100.01", "to": "bob"},
        422,
        "amount",
        "too little available",
    ),
    ("/transfer", {"amount": "1", "to": "ada"}, 422, "to", "to itself"),
    ("/transfer", {"amount": "1", "to_id": "nobody"}, 422, "to", "no such recipient"),
    ("/transfer", {"amount": "1", "to": "yen"}, 422, "to", "another currency"),
    ("/transfer", {"amount": "1", "to": "bob", "to_id": "x"}, 400, "to", "given twice"),
    ("/transfer", {"amount": "1", "to": "bob", "from": ""}, 400, "from", "choose one"),
    ("/pay", {"amount": "1", "note": "x"}, 400, "payee", "whom you pay"),
    ("/pay", {"amount": "", "payee": "Thandi"}, 400, "amount", "Type an amount"),
    ("/pay", {"amount": "1", "payee": "x" * 201}, 400, "payee", "200 characters"),
    (
        "/pay",
        {"amount": "1", "payee": "x", "note": "x" * 501},
        *(400, "note", "500 characters"),
    ),
    (
        "/pay",
        {"amount": "100.01", "payee": "Thandi"},
        422,
        "amount",
        "too little available",
    ),
]


@pytest.mark.parametrize(("way", "fields", "status", "field", "words"), REFUSED)
def test_what_cannot_be_moved_is_refused_before_its_review(
    visitor, local, ada, bob, way, fields, status, field, words
):
    """What was typed is kept, the field at fault is marked, and nothing is moved."""
    known = {"ada": ada, "bob": bob, "yen": local.create(currency="JPY")}
    given = {"from": ada} | {name: known.get(v, v) for name, v in fields.items()}
    answer = visitor.fill(way, way, **given)
    assert answer.status_code == status
    assert words in error_of(answer)
    assert f'value="{given["amount"]}"' in answer.text
    (marked,) = [tag for tag in answer.text.split("<") if "aria-invalid" in tag]
    assert f'name="{field}"' in marked
    assert (local.balance(ada), local.balance(bob)) == (("100.00", 1), ("0.00", 0))


def test_nothing_can_be_moved_from_a_wallet_that_is_not_there(visitor, ada):
    """Whether its id could be one or not."""
    for sender in (new_wallet_id(), "w_1"):
        answer = visitor.fill("/pay", "/pay", from_=sender, amount="1", payee="x")
        assert answer.status_code == 404


def test_without_a_wallet_the_way_to_make_one_is_shown(visitor):
    """Instead of a form that cannot be filled in."""
    for way in ("/transfer", "/pay"):
        assert "make one first" in visitor.read(way)


def test_a_wallet_beyond_the_list_can_still_be_chosen(visitor, local):
    """Its page leads to the form with it chosen."""
    last = max(local.create() for _ in range(101))
    assert last not in visitor.read("/pay")
    page = visitor.read(f"/pay?from={last}")
    assert f'<option value="{last}" selected>' in page


def test_a_review_is_under_the_version_that_it_showed(visitor, local, ada):
    """If the wallet moves on in between, new figures are shown and nothing is paid."""
    review = prepare(visitor, "/pay", from_=ada, amount="20", payee="Thandi")
    form = visitor.hidden(review, review)
    local.deposit(ada, 5)
    answer = visitor.send(review, form)
    assert answer.status_code == 412
    told = "Nothing was paid: the balance went from R 100.00 to R 105.00."
    assert error_of(answer) == told
    assert "Balance before R 105.00 Balance after R 85.00" in text_of(answer.text)
    assert local.balance(ada) == ("105.00", 2)
    assert visitor.confirm(review).status_code == 303
    assert local.balance(ada) == ("85.00", 3)


def test_what_the_rules_refuse_at_the_confirmation_is_not_moved(visitor, local, ada):
    """The money went elsewhere; the review says so, then and later."""
    review = prepare(visitor, "/pay", from_=ada, amount="80", payee="Thandi")
    form = visitor.hidden(review, review)
    local.withdraw(ada, 50)
    answer = visitor.send(review, form | {"version": "2"})
    assert answer.status_code == 422
    assert "has too little available" in error_of(answer)
    local.deposit(ada, 500)
    for later in (visitor.get(review), visitor.send(review, form)):
        assert "has too little available" in error_of(later)
        assert 'name="version"' not in later.text
    assert local.balance(ada) == ("550.00", 3)


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (failures.OutcomeUnknown(), "It is not known whether this was done."),
        (failures.NotWritten(), "The service cannot do this now."),
    ],
)
def test_a_review_may_be_sent_again_after_a_failure(
    visitor, local, ada, monkeypatch, failure, text
):
    """It says so, and pays once."""
    review = prepare(visitor, "/pay", from_=ada, amount="20", payee="Thandi")
    form = visitor.hidden(review, review)
    writer = service_of(visitor.client.application).writer

    def lose(submission):
        raise failure

    monkeypatch.setattr(writer, "submit", lose)
    answer = visitor.send(review, form)
    monkeypatch.undo()
    assert answer.status_code == 503
    assert error_of(answer).startswith(text)
    assert local.balance(ada) == ("100.00", 1)
    assert visitor.send(review, form).status_code == 303
    assert visitor.send(review, form).status_code == 303
    assert local.balance(ada) == ("80.00", 2)


def test_a_review_that_was_altered_is_out_of_date(visitor, local, ada):
    """Nobody else can have written it."""
    review = prepare(visitor, "/pay", from_=ada, amount="20", payee="Thandi")
    form = visitor.hidden(review, review)
    for altered in (review[:-1], f"{review}x", "/review/x", "/review/a.b.c"):
        assert visitor.get(altered).status_code == 403
        assert visitor.send(altered, form).status_code == 403
    assert local.balance(ada) == ("100.00", 1)


def test_a_review_says_what_would_be_refused_now(visitor, local, ada, bob):
    """The way to confirm it is gone until it can be done."""
    review = prepare(visitor, "/transfer", from_=ada, to=bob, amount="80")
    local.withdraw(ada, 50)
    page = visitor.get(review)
    assert "has too little available" in error_of(page)
    assert 'name="version"' not in page.text
    local.deposit(ada, 50)
    assert visitor.confirm(review).status_code == 303
    assert (local.balance(ada), local.balance(bob)) == (("20.00", 4), ("80.00", 1))


def undo_link(visitor, page):
    (link,) = re.findall(r'<a[^>]* href="([^"]*/undo)">Undo</a>', visitor.read(page))
    return visitor.get(link)


def test_what_was_done_can_be_undone_once(visitor, local, ada, bob):
    """The sentence that says so leads to a review; both sides of a transfer go back."""
    review = prepare(visitor, "/transfer", from_=ada, to=bob, amount="30")
    answer = undo_link(visitor, visitor.confirm(review).location)
    assert answer.status_code == 303
    shown = text_of(visitor.read(answer.location))
    assert f"Undo this transfer? Wallet Ada With Bob {bob} Added R 30.00" in shown
    assert "Balance before R 70.00 Balance after R 100.00" in shown
    assert local.balance(ada) == ("70.00", 2)
    form = visitor.hidden(answer.location, answer.location)
    sent = [visitor.send(answer.location, form) for _ in range(2)]
    assert [each.status_code for each in sent] == [303, 303]
    assert "Undone: R 30.00 added." in text_of(visitor.read(f"/wallets/{ada}"))
    assert (local.balance(ada), local.balance(bob)) == (("100.00", 3), ("0.00", 2))
    again = visitor.get(f"/wallets/{ada}/entries/2/undo")
    assert again.status_code == 303
    refused = visitor.get(again.location)
    assert "was already undone" in error_of(refused)
    assert 'name="version"' not in refused.text


def test_what_is_not_there_cannot_be_undone(visitor, ada):
    """Neither an entry nor a wallet."""
    for path in (f"/wallets/{ada}/entries/9/undo", "/wallets/w_1/entries/1/undo"):
        assert visitor.get(path).status_code == 404


def test_a_balance_that_came_about_meanwhile_is_not_set_again(visitor, local, ada):
    """Between the form and its review, or while that was looked at."""
    review = visitor.set_balance(ada, "40").location
    form = visitor.hidden(review, review)
    local.withdraw(ada, 60)
    told = "The wallet already has that balance, so there is nothing to write."
    assert error_of(visitor.get(review)) == told
    stale = visitor.send(review, form)
    assert stale.status_code == 412
    fresh = visitor.send(review, form | {"version": "2"})
    assert (fresh.status_code, fresh.location) == (303, f"/wallets/{ada}")
    assert told in text_of(visitor.read(fresh.location))
    assert local.balance(ada) == ("40.00", 2)


def test_a_wallet_that_moved_and_holds_the_same_is_said_to_have_changed(
    visitor, local, ada
):
    """No figures that are the same before and after."""
    review = prepare(visitor, "/pay", from_=ada, amount="20", payee="Thandi")
    form = visitor.hidden(review, review)
    local.deposit(ada, 5)
    local.withdraw(ada, 5)
    answer = visitor.send(review, form)
    assert answer.status_code == 412
    told = "Nothing was paid: the wallet has changed since you looked at it."
    assert error_of(answer) == told
    assert local.balance(ada) == ("100.00", 3)


def test_a_conflict_that_leaves_too_little_says_both(visitor, local, ada):
    """What happened, and why it cannot be done now."""
    review = prepare(visitor, "/pay", from_=ada, amount="80", payee="Thandi")
    form = visitor.hidden(review, review)
    local.withdraw(ada, 50)
    answer = visitor.send(review, form)
    assert answer.status_code == 412
    told = "Nothing was paid: the balance went from R 100.00 to R 50.00. The wallet"
    assert error_of(answer).startswith(f"{told} has too little available")
    assert 'name="version"' not in answer.text
    assert local.balance(ada) == ("50.00", 2)


def test_money_is_added_after_a_review(visitor, local, ada):
    """A deposit that says from whom; no more than what was typed."""
    review = prepare(visitor, "/add", from_=ada, amount="20", payee="Employer")
    shown = text_of(visitor.read(review))
    assert "Add R 20.00?" in shown
    assert "Wallet Ada From Employer Amount R 20.00" in shown
    assert local.balance(ada) == ("100.00", 1)
    answer = visitor.confirm(review)
    assert answer.status_code == 303
    assert "Added: R 20.00." in text_of(visitor.read(answer.location))
    entry = local.get(f"/v1/wallets/{ada}/entries").json["entries"][0]
    told = entry["kind"], entry["amount"], entry["payee"], entry["note"]
    assert told == ("deposit", "20.00", "Employer", None)
    assert "Done already" in visitor.read(review)


def test_wallets_are_offered_by_currency_and_found_by_name(visitor, local):
    """Where there are more than are offered, that is said."""
    assert "find-hint" not in visitor.read("/pay?from=" + local.create(name="Ada"))
    for number in range(101):
        local.create(name=f"Box {number:03}", currency=("ZAR", "EUR")[number % 2])
    page = visitor.read("/pay")
    assert "Only the first 100 wallets are offered below." in text_of(page)
    groups = re.findall('<optgroup label="([A-Z]+)"', page)
    assert groups == ["EUR", "ZAR"]
    assert "Box 100" not in page
    found = visitor.read("/pay?find=BOX+10")
    assert "Only wallets that match are offered below." in text_of(found)
    assert re.findall("Box [0-9]+", found) == ["Box 100"]
    assert "There is no such wallet" in text_of(visitor.read("/pay?find=zzz"))


def test_what_was_chosen_is_kept_when_others_are_looked_for(visitor, local):
    """Also where it is not among those that are found or offered first."""
    for number in range(100):
        local.create(name=f"Box {number:02}")
    zoe, zul = local.create(name="Zoe"), local.create(name="Zul")
    local.deposit(zul, 5)
    page = visitor.read(f"/transfer?from={zul}")
    (search,) = re.findall(r'role="search">(.*?)</form>', page, re.S)
    assert f'type="hidden" name="from" value="{zul}"' in search
    found = visitor.read(f"/transfer?from={zul}&find=Zoe")
    assert f'<option value="{zul}" selected>' in found
    assert f'<option value="{zoe}">' in found
    assert f'href="/transfer?from={zul}">Offer all' in found
    none = visitor.read(f"/transfer?from={zul}&find=zzz")
    assert "No wallet matches." in text_of(none)
    assert f'<option value="{zul}" selected>' in none
    refused = visitor.fill("/transfer", "/transfer", from_=zul, to=zoe, amount="1,250")
    assert refused.status_code == 400
    for chosen in (zul, zoe):
        assert f'<option value="{chosen}" selected>' in refused.text
    assert local.balance(zul) == ("5.00", 1)


def test_no_wallet_is_chosen_for_one_that_is_not_there(visitor, local, ada, bob):
    """From an old link one chooses anew."""
    for sender in (new_wallet_id(), "w_1"):
        page = visitor.read(f"/pay?from={sender}")
        assert "Choose a wallet" in page
        assert " selected" not in page


def test_what_is_to_be_moved_stays_typed_when_it_cannot_be_foretold(
    visitor, local, ada, bob, monkeypatch
):
    """The database was away for a moment."""

    def fail(*_arguments):
        raise failures.NotWritten

    form = {"from": ada, "to": bob, "amount": "R 7", "note": "lunch"}
    form |= visitor.hidden("/transfer", "/transfer")
    with monkeypatch.context() as broken:
        broken.setattr(reviewing, "find_wallet", fail)
        answer = visitor.send("/transfer", form)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert error_of(answer).startswith("The service cannot do this now.")
    for chosen in (ada, bob):
        assert f'<option value="{chosen}" selected>' in answer.text
    for typed in ("R 7", "lunch"):
        assert f'value="{typed}"' in answer.text
    assert visitor.send("/transfer", form).status_code == 303
    assert local.balance(ada) == ("100.00", 1)


def test_an_entry_has_a_page_with_all_that_is_known_of_it(visitor, local, ada, bob):
    """Its date in the history leads there, and from there it can be undone."""
    local.transfer(ada, bob, 30, note="lunch")
    (link,) = re.findall(
        f'href="(/wallets/{ada}/entries/2)"', visitor.read(f"/wallets/{ada}")
    )
    page = visitor.read(link)
    shown = text_of(page)
    assert "Transfer of R 30.00" in shown
    assert (
        f"Amount \u2212R 30.00 Balance after R 70.00 Other wallet Bob {bob} Note lunch"
        in shown
    )
    answer = undo_link(visitor, link)
    assert visitor.confirm(answer.location).status_code == 303
    assert "This was undone." in visitor.read(link)
    assert "/undo" not in visitor.read(link)
    assert "/undo" not in visitor.read(f"/wallets/{ada}/entries/3")
    for nowhere in ("9", "0", "9" * 30, "x"):
        assert visitor.get(f"/wallets/{ada}/entries/{nowhere}").status_code == 404
