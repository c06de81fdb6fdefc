"""An operation is undone by its opposite: once, whole, and within the rules."""

import threading
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import Kind, Reverse, Submission
from wallet.ledger.ids import new_operation_id
from wallet.ledger.outcomes import Moved
from wallet.ledger.refusals import Refusal
from wallet.storage.connections import Limits
from wallet.storage.queries import find_entry
from wallet.storage.store import Store
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import a_submission, create_wallet
from ..chance import examples


def undo(calls, wallet, version, note=None, **headers):
    body = {} if note is None else {"note": note}
    path = f"/v1/wallets/{wallet}/entries/{version}/reversals"
    return calls.post(path, body, **headers)


def entries(calls, wallet):
    answer = calls.get(f"/v1/wallets/{wallet}/entries")
    assert answer.status_code == 200, answer.text
    return answer.json["entries"]


def problem(answer):
    assert answer.status_code in (404, 412, 422), answer.text
    return answer.json["type"].removeprefix("/problems/")


@pytest.fixture(autouse=True)
def sound(app):
    """Whatever was undone or refused, the store is sound."""
    yield
    verify(service_of(app).store, freeze=freeze)


def test_a_deposit_is_undone(local):
    """By an entry of the opposite amount that names it, and that it names."""
    wallet = local.create()
    done = local.deposit(wallet, "12.50", note="twice by mistake").json
    answer = undo(local, wallet, 1, "sorry")
    assert answer.status_code == 201
    entry = answer.json["entry"]
    assert answer.json["operation"] == entry["operation"] != done["operation"]
    told = {name: entry[name] for name in ("version", "kind", "amount", "balance")}
    assert told == {
        "version": 2,
        "kind": "reversal",
        "amount": "-12.50",
        "balance": "0.00",
    }
    assert (entry["note"], entry["counterparty"]) == ("sorry", None)
    assert (entry["reverses"], entry["reversed_by"]) == (done["operation"], None)
    newest, oldest = entries(local, wallet)
    assert newest == entry
    assert oldest == done["entry"] | {"reversed_by": answer.json["operation"]}


def test_a_withdrawal_is_undone(local):
    """The money comes back."""
    wallet = local.create()
    local.deposit(wallet, 5)
    local.withdraw(wallet, 2)
    assert undo(local, wallet, 2).json["entry"]["amount"] == "2.00"
    assert local.balance(wallet) == ("5.00", 3)


@pytest.mark.parametrize("side", [0, 1])
def test_a_transfer_is_undone_on_both_sides(local, side):
    """Whichever side is named; the other one cannot be undone again."""
    wallets = [local.create(), local.create()]
    local.deposit(wallets[0], 10)
    done = local.transfer(wallets[0], wallets[1], 4).json
    versions = (2, 1)
    answer = undo(local, wallets[side], versions[side])
    assert answer.status_code == 201
    assert answer.json["entry"]["amount"] == ("4.00", "-4.00")[side]
    assert [local.balance(each) for each in wallets] == [("10.00", 3), ("0.00", 2)]
    for wallet, other in (wallets, wallets[::-1]):
        undoing, undone = entries(local, wallet)[:2]
        assert undoing["reverses"] == undone["operation"] == done["operation"]
        assert undone["reversed_by"] == undoing["operation"]
        assert undoing["counterparty"] == other
    for wallet, version in zip(wallets, versions, strict=True):
        assert problem(undo(local, wallet, version)) == "already-reversed"
    assert [local.balance(each) for each in wallets] == [("10.00", 3), ("0.00", 2)]


def test_an_operation_is_undone_once(local):
    """Another key is refused; the same key is answered again."""
    wallet = local.create()
    local.deposit(wallet, 5)
    first = undo(local, wallet, 1, **{"Idempotency-Key": "k"})
    again = undo(local, wallet, 1, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert problem(undo(local, wallet, 1)) == "already-reversed"
    refused = undo(local, wallet, 1, **{"Idempotency-Key": "l"})
    assert problem(refused) == "already-reversed"
    assert undo(local, wallet, 1, **{"Idempotency-Key": "l"}).data == refused.data
    other = undo(local, wallet, 1, "another note", **{"Idempotency-Key": "k"})
    assert problem(other) == "key-reused"
    assert local.balance(wallet) == ("0.00", 2)


def test_a_reversal_cannot_be_undone(local):
    """To do it again is a move of its own."""
    wallet = local.create()
    local.deposit(wallet, 5)
    undo(local, wallet, 1)
    assert problem(undo(local, wallet, 2)) == "not-reversible"
    assert local.balance(wallet) == ("0.00", 2)


def test_what_was_spent_cannot_be_taken_back(local):
    """The receiver's floor holds, and neither side changes."""
    ada, bob = local.create(), local.create()
    local.deposit(ada, 10)
    local.transfer(ada, bob, 4)
    local.withdraw(bob, 1)
    assert problem(undo(local, ada, 2)) == "insufficient-funds"
    assert problem(undo(local, bob, 1)) == "insufficient-funds"
    assert (local.balance(ada), local.balance(bob)) == (("6.00", 2), ("3.00", 2))
    local.deposit(bob, 1)
    assert undo(local, ada, 2).status_code == 201
    assert (local.balance(ada), local.balance(bob)) == (("10.00", 3), ("0.00", 4))


@pytest.mark.parametrize("version", ["0", "2", "-1", "x", "01", "9" * 30, "%20"])
def test_an_entry_that_is_not_there_cannot_be_undone(local, version):
    """And nothing is remembered under the key."""
    wallet = local.create()
    local.deposit(wallet, 5)
    headers = {"Idempotency-Key": "k"}
    assert problem(undo(local, wallet, version, **headers)) == "unknown-entry"
    assert undo(local, wallet, 1, **headers).status_code == 201


def test_if_match_holds_a_reversal(local):
    """As it does every move."""
    wallet = local.create()
    local.deposit(wallet, 5)
    local.deposit(wallet, 6)
    assert problem(undo(local, wallet, 1, **{"If-Match": '"1"'})) == "version-mismatch"
    assert local.balance(wallet) == ("11.00", 2)
    assert undo(local, wallet, 1, **{"If-Match": '"2"'}).status_code == 201


def test_only_the_operator_undoes(operator):
    """The holder of a wallet's key may not, not even a withdrawal of its own."""
    created = operator.post("/v1/wallets").json
    operator.deposit(created["id"], 5)
    owner = type(operator)(operator.client, created["key"])
    answer = undo(owner, created["id"], 1)
    assert answer.status_code == 403
    assert operator.balance(created["id"]) == ("5.00", 1)
    assert undo(operator, created["id"], 1).status_code == 201


def a_reversal(store, wallet, version):
    entry = find_entry(store, wallet, version)
    command = Reverse(
        new_operation_id(),
        wallet,
        entry.operation_id,
        entry.kind,
        -entry.amount_minor,
        entry.counterparty,
    )
    return Submission((command,), wallet)


def test_two_processes_undo_once(store, writer, database_url):
    """Two writers that know nothing of each other name both sides at once."""
    other = Store(make_url(database_url), Limits())
    second = Writer(other, freeze, now_us)
    ada, bob = create_wallet(writer), create_wallet(writer)
    for round_number in range(1, 9):
        writer.submit(a_submission(ada, Kind.DEPOSIT, "4"))
        (moved,) = writer.submit(a_submission(ada, Kind.TRANSFER, "4", recipient=bob))
        versions = [entry.version for entry in moved.outcome.entries]
        start, outcomes = threading.Barrier(6), []

        def race(by, store, wallet, version, start=start, outcomes=outcomes):
            submission = a_reversal(store, wallet, version)
            start.wait(60)
            (result,) = by.submit(submission)
            outcomes.append(result.outcome)

        sides = list(zip((ada, bob), versions, strict=True))
        threads = [
            threading.Thread(target=race, args=(*by, *side))
            for by in ((writer, store), (second, other))
            for side in (*sides, sides[0])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        done = [each for each in outcomes if isinstance(each, Moved)]
        refused = [each.refusal for each in outcomes if not isinstance(each, Moved)]
        assert len(done) == 1, round_number
        assert refused == [Refusal.ALREADY_REVERSED] * 5
    second.stop()
    assert verify(store, freeze=freeze).entries == 8 * 5
    other.close()


@pytest.mark.model
@settings(max_examples=examples(15))
@given(st.lists(st.tuples(st.sampled_from("dwtu"), st.integers(1, 9)), max_size=25))
def test_undoing_leaves_what_was_not_done(local, asked):
    """Any moves and reversals, against a model that forgets what was undone."""
    ada, bob = local.create(), local.create()
    balances, moves = {ada: 0, bob: 0}, []
    for what, number in asked:
        if what == "u":
            version = number
            move = moves[version - 1] if version <= len(moves) else None
            answer = undo(local, ada, version)
            if move is None:
                assert problem(answer) == "unknown-entry"
                continue
            if move == "reversal":
                assert problem(answer) == "not-reversible"
                continue
            changes, undone = move
            if undone:
                assert problem(answer) == "already-reversed"
                continue
            opposite = {each: -change for each, change in changes.items()}
            if any(balances[each] + opposite[each] < 0 for each in opposite):
                assert problem(answer) == "insufficient-funds"
                continue
            moves[version - 1] = (changes, True)
            moves.append("reversal")
            changes = opposite
        else:
            call = {
                "d": lambda n: local.deposit(ada, n),
                "w": lambda n: local.withdraw(ada, n),
                "t": lambda n: local.transfer(ada, bob, n),
            }[what]
            answer = call(number)
            changes = {ada: number if what == "d" else -number}
            changes |= {bob: number} if what == "t" else {}
            if balances[ada] + changes[ada] < 0:
                assert problem(answer) == "insufficient-funds"
                continue
            moves.append((changes, False))
        assert answer.status_code == 201, answer.text
        for wallet, change in changes.items():
            balances[wallet] += change
    for wallet, balance in balances.items():
        assert Decimal(local.balance(wallet)[0]) == balance
