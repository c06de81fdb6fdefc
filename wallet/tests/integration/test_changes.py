"""A wallet can be renamed, its floor moved, archived, and its balance set."""

import threading

import pytest
from sqlalchemy import make_url, text

from wallet.api.answers import freeze
from wallet.audit.replay import Fault
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import ChangeWallet, Kind, RaiseKeyVersion, Submission
from wallet.ledger.money import Amount
from wallet.ledger.outcomes import Changed, Refused
from wallet.ledger.refusals import Refusal
from wallet.storage.connections import Limits
from wallet.storage.queries import find_wallet
from wallet.storage.store import Store
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import a_submission, create_wallet, in_thread


def change(calls, wallet, body, **headers):
    path = f"/v1/wallets/{wallet}"
    return calls.client.patch(path, json=body, headers=calls._headers(headers))


def set_balance(calls, wallet, body, version, **headers):
    path = f"/v1/wallets/{wallet}/balance"
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return calls.client.put(path, json=body, headers=calls._headers(headers))


def problem(answer):
    assert answer.status_code in (404, 412, 422), answer.text
    return answer.json["type"].removeprefix("/problems/")


def read(calls, wallet):
    answer = calls.get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 200
    return answer.json


@pytest.fixture
def sound(app):
    """Whatever was changed or refused, the store is sound."""
    yield
    verify(service_of(app).store, freeze=freeze)


@pytest.mark.usefixtures("sound")
class TestChanges:
    """Over HTTP."""

    def test_a_wallet_is_renamed_and_its_floor_moved(self, local):
        """The answer is the wallet; no entry is written, and its version stays."""
        wallet = local.create(name="Ada")
        local.deposit(wallet, 5)
        before = read(local, wallet)
        answer = change(local, wallet, {"name": "Eve ☂", "floor": "-10.00"})
        assert answer.status_code == 200
        assert answer.json == before | {"name": "Eve ☂", "floor": "-10.00"}
        assert answer.headers["ETag"] == '"1"'
        assert read(local, wallet) == answer.json
        assert local.withdraw(wallet, 15).status_code == 201
        assert problem(local.withdraw(wallet, "0.01")) == "insufficient-funds"

    def test_what_is_left_out_stays(self, local):
        """And what is as it was asked to be is not written again."""
        wallet = local.create(name="Ada", floor="-5")
        assert change(local, wallet, {}).json == read(local, wallet)
        assert change(local, wallet, {"name": ""}).json["name"] == ""
        assert change(local, wallet, {"floor": -5}).json["floor"] == "-5.00"
        store = service_of(local.client.application).store
        assert find_wallet(store, wallet).changes == 1

    def test_a_floor_may_not_rise_above_the_balance(self, local):
        """Up to it is allowed."""
        wallet = local.create(floor="-10")
        local.withdraw(wallet, 4)
        refused = change(local, wallet, {"floor": "-3.99", "name": "x"})
        assert problem(refused) == "floor-too-high"
        assert read(local, wallet)["floor"] == "-10.00"
        assert read(local, wallet)["name"] == ""
        assert change(local, wallet, {"floor": "-4"}).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {"floor": "1"},
            {"floor": "-0.001"},
            {"name": "a\u0000"},
            {"name": None},
            {"archived": "yes"},
            {"currency": "USD"},
            [],
        ],
    )
    def test_a_malformed_change_changes_nothing(self, local, body):
        """A currency never changes."""
        wallet = local.create(name="Ada")
        before = read(local, wallet)
        assert change(local, wallet, body).status_code == 400
        assert read(local, wallet) == before

    def test_an_archived_wallet_takes_no_money_in_or_out(self, local):
        """It reads as before, and can be taken back."""
        wallet, other = local.create(), local.create()
        for each in (wallet, other):
            local.deposit(each, 5)
        assert problem(change(local, wallet, {"archived": True})) == "not-empty"
        local.withdraw(wallet, 5)
        answer = change(local, wallet, {"archived": True})
        assert (answer.status_code, answer.json["archived"]) == (200, True)
        assert problem(local.deposit(wallet, 1)) == "archived"
        assert problem(local.withdraw(wallet, 1)) == "archived"
        assert problem(local.transfer(other, wallet, 1)) == "archived"
        assert problem(local.transfer(wallet, other, 1)) == "archived"
        assert problem(set_balance(local, wallet, {"amount": 1}, 2)) == "archived"
        undone = local.post(f"/v1/wallets/{wallet}/entries/1/reversals")
        assert problem(undone) == "archived"
        assert (local.balance(wallet), local.balance(other)) == (
            ("0.00", 2),
            ("5.00", 1),
        )
        assert len(local.get(f"/v1/wallets/{wallet}/entries").json["entries"]) == 2
        assert change(local, wallet, {"archived": False}).json["archived"] is False
        assert local.deposit(wallet, 1).status_code == 201

    def test_archived_wallets_are_left_out_of_lists(self, local):
        """Unless they are asked for, page after page."""
        wallets = [local.create() for _ in range(4)]
        change(local, wallets[1], {"archived": True})

        def listed(query):
            found, page = [], f"/v1/wallets?limit=1{query}"
            while page:
                answer = local.get(page)
                assert answer.status_code == 200
                found += [each["id"] for each in answer.json["wallets"]]
                page = answer.json["next"]
            return found

        assert listed("&archived=true") == wallets
        assert listed("") == listed("&archived=false")
        assert listed("") == [wallets[0], *wallets[2:]]
        assert local.get("/v1/wallets?archived=1").status_code == 400
        assert wallets[1] not in local.get("/").text

    def test_if_match_holds_a_change(self, local):
        """To the version that was read."""
        wallet = local.create()
        local.deposit(wallet, 1)
        stale = change(local, wallet, {"name": "x"}, **{"If-Match": '"0"'})
        assert problem(stale) == "version-mismatch"
        assert read(local, wallet)["name"] == ""
        fresh = change(local, wallet, {"name": "x"}, **{"If-Match": '"1"'})
        assert fresh.status_code == 200

    def test_a_repeated_creation_is_that_of_the_first_name(self, local):
        """Its key belongs to the wallet as it was created."""
        headers = {"Idempotency-Key": "k"}
        body = {"name": "Ada", "floor": "-5.00"}
        first = local.post("/v1/wallets", body, **headers)
        change(local, first.json["id"], {"name": "Eve", "floor": 0, "archived": True})
        again = local.post("/v1/wallets", body, **headers)
        assert (again.status_code, again.json) == (201, first.json)
        renamed = local.post("/v1/wallets", {"name": "Eve"}, **headers)
        assert problem(renamed) == "key-reused"

    def test_a_balance_is_set(self, local):
        """By the deposit or withdrawal that is missing; by nothing if none is."""
        wallet = local.create(floor="-5")
        answer = set_balance(local, wallet, {"amount": "12.50", "note": "start"}, 0)
        assert answer.status_code == 201
        entry = answer.json["entry"]
        told = (entry["kind"], entry["amount"], entry["balance"], entry["note"])
        assert told == ("deposit", "12.50", "12.50", "start")
        answer = set_balance(local, wallet, {"amount": "-2.5"}, 1)
        entry = answer.json["entry"]
        assert (entry["kind"], entry["amount"]) == ("withdrawal", "-15.00")
        answer = set_balance(local, wallet, {"amount": "-2.50"}, 2)
        assert (answer.status_code, answer.data) == (204, b"")
        assert local.balance(wallet) == ("-2.50", 2)
        below = set_balance(local, wallet, {"amount": "-5.01"}, 2)
        assert problem(below) == "insufficient-funds"
        assert local.balance(wallet) == ("-2.50", 2)

    def test_a_balance_is_set_once_and_by_what_was_seen(self, local):
        """The version is asked for, and the same key is answered again."""
        wallet = local.create()
        assert set_balance(local, wallet, {"amount": 1}, None).status_code == 400
        stale = set_balance(local, wallet, {"amount": 1}, 5)
        assert problem(stale) == "version-mismatch"
        key = {"Idempotency-Key": "k"}
        first = set_balance(local, wallet, {"amount": 7}, 0, **key)
        again = set_balance(local, wallet, {"amount": "7.00"}, 0, **key)
        assert (again.status_code, again.data) == (201, first.data)
        assert again.headers["Idempotent-Replayed"] == "true"
        other = set_balance(local, wallet, {"amount": 8}, 1, **key)
        assert problem(other) == "key-reused"
        assert local.balance(wallet) == ("7.00", 1)


def test_only_the_operator_changes_a_wallet(operator):
    """The holder of its key may not, nor may a page of another site."""
    created = operator.post("/v1/wallets").json
    owner = type(operator)(operator.client, created["key"])
    wallet = created["id"]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    for calls, headers in ((owner, {}), (operator, foreign)):
        assert change(calls, wallet, {"name": "x"}, **headers).status_code == 403
        answer = set_balance(calls, wallet, {"amount": 1}, 0, **headers)
        assert answer.status_code == 403
    assert read(operator, wallet)["name"] == ""
    assert operator.balance(wallet) == ("0.00", 0)


def test_two_processes_change_one_after_the_other(store, writer, database_url):
    """No change is lost, and none is written twice."""
    other = Store(make_url(database_url), Limits())
    second = Writer(other, freeze, now_us)
    wallet = create_wallet(writer)
    outcomes = []

    def rename(by, name):
        for number in range(10):
            command = ChangeWallet(wallet, name=f"{name} {number}")
            (result,) = by.submit(Submission((command,), wallet))
            outcomes.append(result.outcome)

    threads = [
        threading.Thread(target=rename, args=each)
        for each in ((writer, "one"), (second, "two"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    second.stop()
    assert all(isinstance(each, Changed) for each in outcomes)
    assert find_wallet(store, wallet).changes == 20
    verify(store, freeze=freeze)
    other.close()


def test_of_two_who_have_seen_the_same_one_changes_it(store, writer, database_url):
    """The other is refused; but what is so already may be asked for again."""
    other = Store(make_url(database_url), Limits())
    second = Writer(other, freeze, now_us)
    wallet = create_wallet(writer)

    def rename(by, name):
        command = ChangeWallet(wallet, name=name, seen=0)
        return by.submit(Submission((command,), wallet))[0].outcome

    asked = [(writer, "one"), (second, "two")]
    threads, outcomes = zip(*(in_thread(rename, *each) for each in asked), strict=True)
    for thread in threads:
        thread.join(60)
    (first,) = (each for (each,) in outcomes if isinstance(each, Changed))
    (refused,) = (each for (each,) in outcomes if isinstance(each, Refused))
    assert refused.refusal is Refusal.VERSION_MISMATCH
    name = first.wallet.name
    assert find_wallet(store, wallet).name == name
    assert isinstance(rename(second, name), Changed)
    second.stop()
    found = find_wallet(store, wallet)
    assert (found.name, found.changes) == (name, 1)
    verify(store, freeze=freeze)
    other.close()


def test_a_floor_holds_from_its_change_on(store, writer):
    """What was below the floor of today was above that of its time."""
    wallet = create_wallet(writer, floor_minor=-900)
    writer.submit(a_submission(wallet, Kind.WITHDRAWAL, "9"))
    writer.submit(a_submission(wallet, Kind.DEPOSIT, "10"))
    for command in (
        ChangeWallet(wallet, floor=Amount(0, 0)),
        RaiseKeyVersion(wallet),
        ChangeWallet(wallet, name="x"),
    ):
        writer.submit(Submission((command,), wallet))
    verify(store, freeze=freeze)
    raised = "UPDATE changes SET floor_minor = 0 WHERE number = 0"
    for forgery in (raised, "UPDATE changes SET name = 'y' WHERE number = 1"):
        with store.writing.begin() as connection:
            connection.execute(text(forgery))
        with pytest.raises(Fault):
            verify(store)
