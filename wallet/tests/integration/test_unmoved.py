"""A balance that is set to what it is: nothing moves, and the key is used."""

import re

import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.ledger.commands import SetBalance, Submission
from wallet.ledger.ids import new_operation_id
from wallet.ledger.money import read_amount
from wallet.storage.connections import Limits
from wallet.storage.store import Store

from ..actions import create_wallet, in_thread
from ..browsing import Visitor, error_of, text_of
from ..everything import all_rows

KEY = "Idempotency-Key"


@pytest.fixture
def wallet(local):
    """A wallet with R 100.00."""
    wallet = local.create()
    assert local.deposit(wallet, 100).status_code == 201
    return wallet


def set_balance(calls, wallet, amount, if_match="*", **more):
    headers = {KEY: more.pop("key")} if "key" in more else {}
    headers["If-Match"] = if_match
    body = {"amount": amount} | more
    return calls.put(f"/v1/wallets/{wallet}/balance", body, **headers)


@pytest.mark.parametrize("if_match", ["*", '"1"'])
def test_nothing_to_do_is_kept_under_its_key(local, wallet, if_match, database_url):
    """It is answered again, whatever the wallet holds by then."""
    first = set_balance(local, wallet, "100.00", if_match, key="k")
    assert (first.status_code, first.data) == (204, b"")
    assert "Idempotent-Replayed" not in first.headers
    assert local.deposit(wallet, 50).status_code == 201
    before = all_rows(database_url)
    again = set_balance(local, wallet, "100", if_match, key="k")
    assert (again.status_code, again.data) == (204, b"")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert all_rows(database_url) == before
    assert local.balance(wallet) == ("150.00", 2)
    fresh = set_balance(local, wallet, "100.00", key="k2")
    assert fresh.status_code == 201
    assert local.balance(wallet) == ("100.00", 3)


def test_its_key_belongs_to_one_request(local, wallet, database_url):
    """Another balance, note or kind under it is refused, and nothing is written."""
    assert set_balance(local, wallet, "100.00", key="k").status_code == 204
    before = all_rows(database_url)
    for answer in (
        set_balance(local, wallet, "120.00", key="k"),
        set_balance(local, wallet, "100.00", key="k", note="counted"),
        local.deposit(wallet, 100, key="k"),
    ):
        assert answer.status_code == 422
        assert answer.json["type"] == "/problems/key-reused"
    assert all_rows(database_url) == before


def test_what_was_answered_is_found_by_its_key_and_id(local, wallet):
    """As with every other answer; it had no body."""
    set_balance(local, wallet, "100.00", key="k")
    found = local.get(f"/v1/operations?wallet={wallet}&key=k")
    assert found.status_code == 200
    told = found.json
    operation = told.pop("operation")
    assert told == {"key": "k", "status": 204, "body": None}
    by_id = local.get(f"/v1/operations/{operation}?wallet={wallet}")
    assert (by_id.status_code, by_id.json) == (200, found.json)


def test_without_a_key_nothing_at_all_is_written(local, wallet, database_url):
    """There is nothing to be found again."""
    before = all_rows(database_url)
    for if_match in ("*", '"1"'):
        assert set_balance(local, wallet, "100.00", if_match).status_code == 204
    assert all_rows(database_url) == before


def test_a_stale_or_malformed_request_leaves_its_key_free(local, wallet, database_url):
    """Only what was decided is kept."""
    before = all_rows(database_url)
    assert set_balance(local, wallet, "100.00", '"5"', key="k").status_code == 412
    assert set_balance(local, wallet, "100.001", key="k").status_code == 400
    assert all_rows(database_url) == before
    assert set_balance(local, wallet, "70.00", key="k").status_code == 201


def test_those_at_once_have_one_outcome(store, writer):
    """Whether they meet in one batch or in two, one is first."""
    wallet = create_wallet(writer)
    amount = read_amount("0")

    def ask():
        same = SetBalance(new_operation_id(), wallet, amount, key="k")
        return writer.submit(Submission((same,), wallet, if_match=0))

    threads, answers = zip(*(in_thread(ask) for _ in range(8)), strict=True)
    for thread in threads:
        thread.join(60)
    frozen = [result.frozen for ((result,),) in answers]
    assert {(each.status, each.body) for each in frozen} == {(204, "")}
    assert sum(not each.replayed for each in frozen) == 1
    assert verify(store, freeze=freeze).operations == 0


def test_a_store_that_keeps_it_verifies(local, wallet, database_url):
    """Beside a refusal, an entry and the same of another wallet."""
    other = local.create()
    assert set_balance(local, other, "0", key="k").status_code == 204
    assert set_balance(local, wallet, "100.00", key="k").status_code == 204
    assert local.withdraw(wallet, 999, key="refused").status_code == 422
    store = Store(make_url(database_url), Limits())
    report = verify(store, freeze=freeze)
    store.close()
    assert (report.wallets, report.entries, report.operations) == (2, 1, 1)


def test_a_page_may_be_sent_again_with_another_balance(app, local, wallet):
    """As after the back button: the form has the key that it had."""
    visitor = Visitor(app.test_client())
    page, path = f"/wallets/{wallet}", f"/wallets/{wallet}/balance"
    form = visitor.hidden(page, path)
    same = visitor.send(path, form | {"balance": "100"})
    assert (same.status_code, same.location) == (303, page)
    assert "nothing was written" in text_of(visitor.read(page))
    assert local.balance(wallet) == ("100.00", 1)
    more = visitor.send(path, form | {"balance": "130"})
    assert more.status_code == 303
    assert local.balance(wallet) == ("130.00", 2)
    late = visitor.send(path, form | {"balance": "100"})
    assert late.status_code == 412
    assert "Nothing was saved" in error_of(late)
    assert local.balance(wallet) == ("130.00", 2)


def test_a_review_of_what_is_kept_says_that_there_was_nothing_to_do(app, local, wallet):
    """Its address is opened again after the wallet moved, and asks for nothing."""
    visitor = Visitor(app.test_client())
    review = visitor.set_balance(wallet, "60").location
    form = visitor.hidden(review, review)
    assert local.withdraw(wallet, 40).status_code == 201
    done = visitor.send(review, form | {"version": "2"})
    assert (done.status_code, done.location) == (303, f"/wallets/{wallet}")
    assert local.deposit(wallet, 5).status_code == 201
    shown = visitor.read(review)
    assert "The wallet already had that balance" in text_of(shown)
    assert not re.search(r'<form id="confirm"', shown)
    assert local.balance(wallet) == ("65.00", 3)
