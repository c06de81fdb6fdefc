import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.audit.verify import verify
from wallet.ledger.ids import new_wallet_id
from wallet.web.service import service_of

from ..actions import Wallets
from ..chance import examples

PATHS = {
    "deposit": "deposits",
    "withdrawal": "withdrawals",
    "transfer": "transfers",
}


def an_item(kind="deposit", amount="1.00", **members):
    return {"kind": kind, "amount": amount, **members}


def statuses(answer):
    return [outcome["status"] for outcome in answer.json["outcomes"]]


def test_a_batch_is_done_in_order(local):
    """Each item finds what the ones before it left, and is answered in its place."""
    ada, bob = local.create(), local.create()
    answer = local.batch(
        ada,
        an_item("withdrawal"),
        an_item(amount=3, note="salary"),
        an_item("transfer", to=bob),
        an_item("transfer", to="nobody"),
        an_item("withdrawal"),
    )
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert statuses(answer) == [422, 201, 201, 422, 201]
    first, second, third, fourth, _ = answer.json["outcomes"]
    assert first["problem"]["type"] == "/problems/insufficient-funds"
    assert fourth["problem"]["type"] == "/problems/unknown-recipient"
    assert second["entry"]["note"] == "salary"
    assert third["operation"] == third["entry"]["operation"]
    assert (local.balance(ada), local.balance(bob)) == (("1.00", 3), ("1.00", 1))


def test_a_refused_item_of_an_atomic_batch_refuses_all(local):
    """Nothing is written, no key is remembered, and the outcomes name the item."""
    wallet = local.create()
    items = (an_item(key="a"), an_item("withdrawal", "9", key="b"), an_item(key="c"))
    refused = local.batch(wallet, *items, atomic=True)
    assert (refused.status_code, statuses(refused)) == (422, [424, 422, 424])
    assert refused.content_type == "application/problem+json"
    problem = refused.json["outcomes"][1]["problem"]
    assert problem["type"] == "/problems/insufficient-funds"
    assert local.balance(wallet) == ("0.00", 0)
    for key in "abc":
        path = f"/v1/operations?wallet={wallet}&key={key}"
        assert local.get(path).status_code == 404
    done = local.batch(wallet, items[0], items[2], atomic=True)
    assert (done.status_code, statuses(done)) == (200, [201, 201])
    assert local.balance(wallet) == ("2.00", 2)


def test_a_refusal_that_is_replayed_refuses_an_atomic_batch_too(local):
    """An earlier no under the same key is still a no."""
    wallet = local.create()
    earlier = local.withdraw(wallet, 9, key="k")
    local.deposit(wallet, 20)
    items = (an_item(), an_item("withdrawal", "9", key="k"))
    refused = local.batch(wallet, *items, atomic=True)
    assert (refused.status_code, statuses(refused)) == (422, [424, 422])
    assert refused.json["outcomes"][1]["problem"] == earlier.json
    assert local.balance(wallet) == ("20.00", 1)


def test_a_repeated_key_within_a_batch_replays(local):
    """The money moves once, whether the key is older or of the same batch."""
    wallet = local.create()
    single = local.deposit(wallet, 5, key="old")
    item = an_item(amount="5", key="old")
    answer = local.batch(wallet, an_item(key="k"), item, an_item(key="k"))
    first, second, third = answer.json["outcomes"]
    assert (first, second) == (third, {"status": 201} | single.json)
    assert local.balance(wallet) == ("6.00", 2)
    reused = local.batch(wallet, an_item(key="k", amount="2"))
    assert statuses(reused) == [422]
    problem = reused.json["outcomes"][0]["problem"]
    assert problem["type"] == "/problems/key-reused"
    assert local.balance(wallet) == ("6.00", 2)


def test_an_item_and_a_single_call_share_their_keys(local):
    """What an item did is found, and replayed, like any other request."""
    wallet = local.create()
    (outcome,) = local.batch(wallet, an_item(key="k")).json["outcomes"]
    again = local.deposit(wallet, "1", key="k")
    found = local.get(f"/v1/operations?wallet={wallet}&key=k").json
    assert {"status": 201} | again.json == outcome
    assert again.headers["Idempotent-Replayed"] == "true"
    assert found["body"] == again.json


def test_if_match_is_checked_once_before_the_first_item(local):
    """The items themselves move the version on; a full repetition finds its answer."""
    wallet = local.create()
    local.deposit(wallet, 1)
    items = (an_item(key="a"), an_item(key="b"))
    assert local.batch(wallet, *items, if_match='"0"').status_code == 412
    assert local.balance(wallet) == ("1.00", 1)
    done = local.batch(wallet, *items, if_match='"1"')
    again = local.batch(wallet, *items, if_match='"1"')
    assert (done.status_code, again.data) == (200, done.data)
    more = local.batch(wallet, *items, an_item(), if_match='"1"')
    assert more.status_code == 412
    assert local.balance(wallet) == ("3.00", 3)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ('{"kind": "deposit", "amount": 1.5}', "operations[1].amount"),
        ('{"kind": "deposit", "amount": "1.005"}', "operations[1].amount"),
        ('{"kind": "deposit", "amount": "0"}', "operations[1].amount"),
        ('{"kind": "deposit"}', "operations[1].amount"),
        ('{"kind": "deposit", "amount": 1, "amount": 1}', "operations[1].amount"),
        ('{"kind": "deposit", "amount": 1, "to": "x"}', "operations[1].to"),
        ('{"kind": "transfer", "amount": 1}', "operations[1].to"),
        ('{"kind": "transfer", "amount": 1, "to": "a\\nb"}', "operations[1].to"),
        ('{"kind": "deposit", "amount": 1, "note": "\\u0000"}', "operations[1].note"),
        ('{"kind": "deposit", "amount": 1, "key": "a b"}', "operations[1].key"),
        ('{"kind": "deposit", "amount": 1, "key": ""}', "operations[1].key"),
        ('{"kind": "payout", "amount": 1}', "operations[1].kind"),
        ('{"kind": 7, "amount": 1}', "operations[1].kind"),
        ('{"amount": 1}', "operations[1].kind"),
        ("[]", "operations[1]"),
        ("null", "operations[1]"),
    ],
)
def test_a_malformed_item_is_named_and_refuses_the_whole(local, item, field):
    """Nothing is guessed, and nothing of the batch is done."""
    wallet = local.create()
    good = json.dumps(an_item(key="k"))
    answer = local.client.post(
        f"/v1/wallets/{wallet}/batches",
        data=f'{{"operations": [{good}, {item}]}}',
        content_type="application/json",
    )
    assert (answer.status_code, answer.json.get("field")) == (400, field)
    assert local.balance(wallet) == ("0.00", 0)
    assert local.get(f"/v1/operations?wallet={wallet}&key=k").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "operations"),
        ('{"operations": []}', "operations"),
        ('{"operations": {}}', "operations"),
        (json.dumps({"operations": [an_item()] * 1001}), "operations"),
        ('{"operations": [], "operations": []}', "operations"),
        (json.dumps({"operations": [an_item()], "atomic": 1}), "atomic"),
        (json.dumps({"operations": [an_item()], "key": "k"}), "key"),
    ],
    ids=lambda value: value[:40],
)
def test_a_malformed_batch_is_refused(local, body, field):
    """It has 1 to 1,000 items and no member that the call does not know."""
    wallet = local.create()
    answer = local.client.post(
        f"/v1/wallets/{wallet}/batches", data=body, content_type="application/json"
    )
    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert local.balance(wallet) == ("0.00", 0)


def test_a_batch_takes_a_thousand_items(local):
    """More than are committed together otherwise; still one commit."""
    wallet = local.create()
    answer = local.batch(wallet, *[an_item(amount="0.01")] * 1000)
    assert (answer.status_code, set(statuses(answer))) == (200, {201})
    assert local.balance(wallet) == ("10.00", 1000)


def test_the_key_of_a_batch_is_in_its_items(local):
    """A key in the header would have to stand for many answers."""
    wallet = local.create()
    answer = local.batch(wallet, an_item(), key="k")
    assert (answer.status_code, answer.json["field"]) == (400, "Idempotency-Key")
    assert local.balance(wallet) == ("0.00", 0)


def test_an_owner_may_send_what_an_owner_may_do(operator, stranger):
    """One item without the right refuses the whole, before anything is decided."""
    made = operator.post("/v1/wallets").json
    wallet, bob = made["id"], operator.create()
    owner = Wallets(stranger.client, made["key"])
    operator.deposit(wallet, 10)
    allowed = (an_item("withdrawal", key="a"), an_item("transfer", to=bob))
    refused = owner.batch(wallet, *allowed, an_item())
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/forbidden")
    for other in (bob, new_wallet_id(), "x"):
        assert owner.batch(other, *allowed).status_code == 403
    assert stranger.batch(wallet, *allowed).status_code == 401
    assert operator.balance(wallet) == ("10.00", 1)
    assert statuses(owner.batch(wallet, *allowed)) == [201, 201]
    # Keys are kept apart by principal, within a batch as well.
    assert statuses(operator.batch(wallet, allowed[0])) == [201]
    assert operator.balance(wallet) == ("7.00", 4)


def test_a_worthless_key_is_told_so_first(operator, stranger):
    """Whatever else is wrong with the batch."""
    made = operator.post("/v1/wallets").json
    operator.post(f"/v1/wallets/{made['id']}/keys")
    owner = Wallets(stranger.client, made["key"])
    for item in (an_item("withdrawal"), an_item(), {"kind": "x"}):
        assert owner.batch(made["id"], item).status_code == 401


def test_a_batch_for_a_wallet_that_is_not_there_is_404(local):
    """The form of the id is judged before any look-up."""
    for wallet in (new_wallet_id(), "w_1"):
        answer = local.batch(wallet, an_item())
        assert answer.json["type"] == "/problems/unknown-wallet"


amounts = st.integers(1, 300).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
keys = st.sampled_from([None, None, "a", "b"])
items = st.builds(
    lambda kind, amount, key: {"kind": kind, "amount": amount, "key": key},
    st.sampled_from(sorted(PATHS)),
    amounts,
    keys,
)


def without_what_differs(told):
    """Leave out what is new each time: ids, times, and digests over them."""
    hidden = {"operation", "at", "digest", "counterparty"}
    return {
        name: without_what_differs(value) if isinstance(value, dict) else value
        for name, value in told.items()
        if name not in hidden
    }


@pytest.mark.model
@settings(max_examples=examples(15), database=None)
@given(st.lists(items, min_size=1, max_size=12))
def test_a_batch_is_as_many_single_calls(app, local, asked):
    """The same outcomes, balances and keys come of both."""
    pairs = [(local.create(), local.create()) for _ in range(2)]
    told = []
    for item in asked:
        one, other = pairs[0]
        body = {"amount": item["amount"]}
        if item["kind"] == "transfer":
            body["to"] = other
        header = {"Idempotency-Key": item["key"]} if item["key"] else {}
        path = f"/v1/wallets/{one}/{PATHS[item['kind']]}"
        answer = local.post(path, body, **header)
        member = answer.json if answer.status_code == 201 else {"problem": answer.json}
        told.append({"status": answer.status_code} | member)
    one, other = pairs[1]
    transfer = {"to": other}
    together = local.batch(
        one,
        *[each | (transfer if each["kind"] == "transfer" else {}) for each in asked],
    )
    assert [without_what_differs(each) for each in together.json["outcomes"]] == [
        without_what_differs(each) for each in told
    ]
    for single, batched in zip(*pairs, strict=True):
        assert local.balance(single) == local.balance(batched)
    verify(service_of(app).store)
