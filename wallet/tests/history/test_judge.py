"""The judge finds every fault that is planted, and none in what is right."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from .judge import judge
from .order import Order
from .record import Call, Request, load, save
from .teller import Teller

pytestmark = pytest.mark.one_engine


@pytest.fixture
def teller():
    """Two wallets, of which one has a hundred."""
    teller = Teller()
    teller.create("ada")
    teller.create("bob")
    teller.move("w_ada", "deposit", "100.00", key="salary")
    return teller


def found(teller):
    """The names of what the judge finds once all is read."""
    return judge(teller.look_last()).names


def edit(teller, call, **changes):
    """Let a client have seen something else."""
    place = teller.calls.index(call)
    teller.calls[place] = replace(call, **changes)
    return teller.calls[place]


def unanswered(teller, call):
    """Let a client have seen nothing of an answer."""
    return edit(teller, call, status=None, data=b"", replayed=False)


def test_an_honest_history_is_clean(teller, tmp_path):
    """Everything that clients do, and all that may come of it."""
    salary = teller.calls[2]
    assert teller.send(salary.request).replayed
    sent = teller.move("w_ada", "transfer", "30.00", to="w_bob", key="rent")
    teller.send(unanswered(teller, sent).request)
    teller.move("w_ada", "withdrawal", "70.01")
    lost = teller.move("w_bob", "deposit", "1.00")
    unanswered(teller, lost)
    for atomic in (False, True):
        items = ({"kind": "deposit", "amount": f"{each}.00"} for each in (1, 2, 3))
        teller.batch("w_bob", *items, atomic=atomic)
    teller.batch("w_bob", {"kind": "withdrawal", "amount": "1000.00"})
    teller.move("w_bob", "deposit", "5.00", if_match=8)
    teller.read("w_ada")
    teller.list_all()
    verdict = judge(teller.look_last())
    assert verdict.faults == []
    assert verdict.counts["replays"] == 2
    assert verdict.counts["unknown outcomes"] == 2
    assert verdict.counts["refusals judged"] == 1
    save(teller.calls, tmp_path / "calls")
    assert load(tmp_path / "calls") == teller.calls


def test_a_reading_may_see_what_is_under_way_or_not(teller):
    """While a write has begun and not ended, both answers are right."""
    write = teller.move("w_ada", "deposit", "5.00")
    new = teller.read("w_ada")
    for began, ended in ((0.1, 0.2), (0.3, 0.9)):
        edit(teller, new, began=write.began + began, ended=write.began + ended)
        new = teller.calls[-1]
    row = new.json | {"balance": "100.00", "available": "100.00", "version": 1}
    old = teller.saw(new.request, 200, row, etag='"1"')
    edit(teller, old, began=write.began + 0.1, ended=write.began + 0.2)
    assert found(teller) == set()
    # Once it was seen, it stays.
    edit(teller, teller.calls[4], began=write.began + 0.01, ended=write.began + 0.02)
    assert judge(teller.calls).names == {"order"}


def test_a_lost_deposit_is_found(teller):
    """It was answered, and is in no history."""
    before = dict(teller.wallets["w_bob"])
    teller.move("w_bob", "deposit", "5.00")
    teller.entries["w_bob"].clear()
    teller.wallets["w_bob"] = before
    assert found(teller) == {"gone"}


def test_an_answered_write_gone_after_a_crash_is_found(teller):
    """Another one took its place, and the sums are right again."""
    lost = teller.move("w_ada", "deposit", "5.00")
    teller.entries["w_ada"].pop()
    teller.wallets["w_ada"] |= {"balance": "100.00", "version": 1}
    teller.move("w_ada", "deposit", "5.00")
    assert found(teller) >= {"gone", "changed"}
    assert lost.status == 201


def test_a_doubled_deposit_is_found(teller):
    """The same request made two entries."""
    note = teller.calls[2].request.body["note"]
    teller.append("w_ada", "deposit", Decimal(100), teller.new("o"), note)
    assert found(teller) == {"twice"}


def test_an_unknown_outcome_carried_out_twice_is_found(teller):
    """It was done before the answer was lost, and again with the same key."""
    lost = teller.move("w_ada", "deposit", "5.00", key="k")
    unanswered(teller, lost)
    teller.kept.clear()
    teller.send(lost.request)
    assert found(teller) == {"twice"}


def test_a_repeated_request_that_is_new_again_is_found(teller):
    """With the same bytes, but not as a replay."""
    again = teller.send(teller.calls[2].request)
    edit(teller, again, replayed=False)
    assert "twice" in found(teller)


def test_a_write_is_as_late_as_the_attempt_that_was_new(teller):
    """Nobody can have seen it between a lost attempt and the one that did it."""
    lost = teller.move("w_ada", "deposit", "5.00", key="k")
    seen = teller.read("w_ada")
    teller.kept.clear()
    done = teller.saw(lost.request, 201, lost.data)
    unanswered(teller, lost)
    assert found(teller) == {"order"}
    edit(teller, done, replayed=True)
    assert found(teller) == set()
    assert seen.ended < done.began


def test_a_replay_of_nothing_is_found(teller):
    """Nobody sent this request before."""
    edit(teller, teller.calls[2], replayed=True)
    assert found(teller) == {"replay of nothing"}


def test_a_replay_with_other_bytes_is_found(teller):
    """A space is enough."""
    again = teller.send(teller.calls[2].request)
    edit(teller, again, data=again.data.replace(b"{", b"{ ", 1))
    assert found(teller) == {"other bytes"}


def test_a_lookup_with_other_bytes_is_found(teller):
    """An operation is looked up as it was answered."""
    first = teller.calls[2]
    body = first.data.replace(b"{", b"{ ", 1).decode()
    text = '{"operation":"o","key":"salary","status":201,"body":'
    path = "/v1/operations?wallet=w_ada&key=salary"
    seen = teller.saw(
        Request("look up", "GET", path), 200, text.encode() + first.data + b"}"
    )
    assert found(teller) == set()
    edit(teller, seen, data=f"{text}{body}}}".encode())
    assert found(teller) == {"other bytes"}


def test_a_lookup_that_misses_what_was_answered_is_found(teller):
    """It was answered before the lookup began."""
    path = "/v1/operations?wallet=w_ada&key=salary"
    problem = {"type": "/problems/unknown-operation"}
    teller.saw(Request("look up", "GET", path), 404, problem)
    assert found(teller) == {"order"}


@pytest.mark.parametrize("kind", ["wallet", "list", "entries"])
def test_a_stale_reading_is_found(teller, kind):
    """It began after a write was answered, and does not show it."""
    if kind == "entries":
        path = "/v1/wallets/w_ada/entries"
        entries = {"entries": list(teller.entries["w_ada"]), "next": None}
        old = teller.saw(Request("history", "GET", path), 200, entries)
    else:
        old = teller.read("w_ada") if kind == "wallet" else teller.list_all()
    teller.move("w_ada", "deposit", "5.00")
    edit(teller, old, began=teller.now + 2, ended=teller.now + 3)
    teller.now += 4
    assert found(teller) == {"order"}


def test_a_reading_from_the_future_is_found(teller):
    """It ended before the write began."""
    teller.now += 4
    teller.move("w_ada", "deposit", "5.00")
    early = teller.read("w_ada")
    edit(teller, early, began=teller.calls[2].ended + 1, ended=teller.now - 3)
    assert found(teller) == {"order"}


def test_readings_that_go_back_are_found(teller):
    """A write whose outcome is unknown was seen, and then not any more."""
    row = teller.row("w_ada")
    unanswered(teller, teller.move("w_ada", "deposit", "5.00"))
    new = teller.read("w_ada")
    teller.saw(new.request, 200, row)
    assert found(teller) == {"order"}


def test_a_reading_with_another_balance_is_found(teller):
    """Its version had another one."""
    seen = teller.read("w_ada")
    edit(teller, seen, data=seen.data.replace(b"100.00", b"100.01"))
    assert found(teller) == {"balance"}


def test_a_reading_with_another_etag_is_found(teller):
    """It names the version that was read."""
    edit(teller, teller.read("w_ada"), etag='"2"')
    assert found(teller) == {"balance"}


def test_a_version_gap_is_found(teller):
    """Nobody saw the version between."""
    teller.wallets["w_ada"]["version"] = 2
    teller.move("w_ada", "deposit", "5.00")
    assert "gap" in found(teller)


def test_a_balance_that_is_not_the_sum_is_found(teller):
    """A cent more than was put in."""
    teller.wallets["w_bob"]["balance"] = "0.01"
    assert found(teller) == {"sum", "balance"}


def test_a_balance_below_the_floor_is_found(teller):
    """The wallet should have refused."""
    teller.wallets["w_bob"]["floor"] = "-1.00"
    teller.move("w_bob", "withdrawal", "1.00")
    teller.wallets["w_bob"]["floor"] = "0.00"
    assert "floor" in found(teller)


def test_a_refusal_without_a_reason_is_found(teller):
    """The balance was enough at every moment of the request."""
    problem = {"type": "/problems/insufficient-funds"}
    body = {"amount": "100.00", "note": "n"}
    path = "/v1/wallets/w_ada/withdrawals"
    refused = teller.saw(Request("withdraw", "POST", path, body), 422, problem)
    assert found(teller) == {"unjustified"}
    # With a withdrawal under way at the same time, it has one.
    taken = teller.move("w_ada", "withdrawal", "0.01")
    edit(teller, taken, began=refused.began, ended=refused.ended)
    assert found(teller) == set()


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [(("60.00", "60.00"), set()), (("50.00", "50.00"), {"unjustified"})],
)
def test_a_refused_atomic_batch_is_judged_with_what_came_before(
    teller, amounts, expected
):
    """The second item finds what the first one left."""
    items = [
        {"kind": "withdrawal", "amount": amount, "note": f"n{amount}{number}"}
        for number, amount in enumerate(amounts)
    ]
    problem = {"type": "/problems/insufficient-funds"}
    wrapped = [{"status": 424}, {"status": 422, "problem": problem}]
    answer = {"type": "/problems/batch-refused", "outcomes": wrapped}
    body = {"operations": items, "atomic": True}
    request = Request("batch", "POST", "/v1/wallets/w_ada/batches", body)
    data = json.dumps(answer, separators=(",", ":")).encode()
    teller.saw(request, 422, data)
    assert found(teller) == expected


@pytest.mark.parametrize("moved_first", [True, False])
def test_a_refusal_in_a_batch_has_the_balance_beside_its_neighbour(teller, moved_first):
    """At the time of the batch others were possible, but not between the two."""
    small = {"kind": "deposit", "amount": "1.00"}
    large = {"kind": "withdrawal", "amount": "101.50"}
    items = (small, large) if moved_first else (large, small)
    done = teller.batch("w_ada", *items)
    assert done.json["outcomes"][moved_first]["status"] == 422
    taken = teller.move("w_ada", "withdrawal", "90.00")
    edit(teller, taken, began=done.began, ended=done.ended)
    assert found(teller) == set()
    # With less asked for, only the balance after the other withdrawal was too low.
    operations = [dict(item) for item in done.request.body["operations"]]
    operations[moved_first]["amount"] = "99.00"
    body = {"operations": operations, "atomic": False}
    edit(teller, done, request=replace(done.request, body=body))
    assert found(teller) == {"unjustified"}


def test_a_refusal_that_is_kept_is_judged_by_when_it_was_decided(teller):
    """It is answered again after the wallet has enough."""
    refused = teller.move("w_bob", "withdrawal", "5.00", key="k")
    teller.move("w_bob", "deposit", "50.00")
    assert teller.send(refused.request).replayed
    assert found(teller) == set()
    unanswered(teller, refused)
    assert found(teller) == set()


def test_a_wallet_that_is_missing_in_a_list_is_found(teller):
    """It was created before the list was asked for."""
    seen = teller.list_all()
    rows = {"wallets": seen.json["wallets"][:1], "next": None}
    edit(teller, seen, data=json.dumps(rows).encode())
    assert found(teller) == {"order"}


@pytest.mark.parametrize(
    "problem",
    ["unknown-recipient", "self-transfer", "currency-mismatch", "key-reused"],
)
def test_other_refusals_without_a_reason_are_found(teller, problem):
    """Nothing that was asked explains them."""
    body = {"amount": "1.00", "note": "n", "to": "w_bob"}
    request = Request("transfer", "POST", "/v1/wallets/w_ada/transfers", body, "k")
    teller.saw(request, 422, {"type": f"/problems/{problem}"})
    assert found(teller) == {"unjustified"}


def test_a_mismatch_of_the_version_that_was_asked_for_is_found(teller):
    """The wallet had it all the time."""
    body = {"amount": "1.00", "note": "n"}
    path = "/v1/wallets/w_ada/deposits"
    problem = {"type": "/problems/version-mismatch"}
    teller.saw(Request("deposit", "POST", path, body, None, 1), 412, problem)
    assert found(teller) == {"unjustified"}


def test_a_write_at_another_version_is_found(teller):
    """It was asked for at the one before."""
    teller.move("w_ada", "deposit", "1.00", if_match=0)
    assert found(teller) == {"wrong version"}


def test_money_made_by_half_a_transfer_is_found(teller):
    """The recipient has it, and so has the sender."""
    teller.move("w_ada", "transfer", "5.00", to="w_bob")
    teller.entries["w_ada"].pop()
    teller.wallets["w_ada"] |= {"balance": "100.00", "version": 1}
    assert found(teller) >= {"half done", "money made", "gone"}


def test_a_list_that_tears_a_transfer_is_found(teller):
    """It shows the money on neither side, while the transfer was under way."""
    before = teller.row("w_bob")
    sent = teller.move("w_ada", "transfer", "5.00", to="w_bob")
    torn = teller.list_all()
    rows = {"wallets": [teller.row("w_ada"), before], "next": None}
    edit(
        teller,
        torn,
        began=sent.began + 0.1,
        ended=sent.began + 0.2,
        data=json.dumps(rows).encode(),
    )
    assert found(teller) == {"torn"}


def test_an_atomic_batch_done_in_part_is_found(teller):
    """The first of two items is there, and nobody was answered."""
    items = [{"kind": "deposit", "amount": each} for each in ("1.00", "2.00")]
    done = teller.batch("w_ada", *items, atomic=True)
    unanswered(teller, done)
    teller.entries["w_ada"].pop()
    teller.wallets["w_ada"] |= {"balance": "101.00", "version": 2}
    assert found(teller) == {"in part"}


def test_a_reading_in_the_middle_of_an_atomic_batch_is_found(teller):
    """All of it happens at one moment."""
    items = [{"kind": "deposit", "amount": each} for each in ("1.00", "2.00")]
    done = teller.batch("w_ada", *items, atomic=True)
    seen = teller.read("w_ada")
    row = seen.json | {"version": 2, "balance": "101.00", "available": "101.00"}
    edit(
        teller,
        seen,
        began=done.began,
        ended=done.ended,
        data=json.dumps(row).encode(),
        etag='"2"',
    )
    assert found(teller) == {"torn"}


@pytest.mark.parametrize(
    "told",
    [
        {"status": 503, "data": b'{"type":"/problems/unavailable"}'},
        {"status": 422, "data": b'{"type":"/problems/key-reused"}'},
        {"status": None, "data": b"", "whole": False},
    ],
    ids=["unavailable", "refused", "half sent"],
)
def test_a_write_that_was_denied_is_found(teller, told):
    """The client was told, or knows, that nothing was written."""
    edit(teller, teller.move("w_ada", "deposit", "1.00"), **told)
    assert "written all the same" in found(teller)


def test_an_entry_that_nobody_asked_for_is_found(teller):
    """Its note belongs to no request."""
    teller.append("w_ada", "deposit", Decimal(1), "o", "n")
    assert found(teller) == {"unasked"}


def test_an_answer_to_another_request_is_found(teller):
    """The key of one request was answered with the entry of another."""
    other = replace(
        teller.calls[2].request,
        body={"amount": "7.00", "note": "n"},
    )
    teller.send(other)
    assert "wrong answer" in found(teller)


def test_a_wallet_that_is_gone_or_there_twice_is_found(teller):
    """It was answered with success, once."""
    del teller.wallets["w_bob"]
    del teller.entries["w_bob"]
    assert found(teller) == {"gone", "order"}
    teller.wallets["w_x"] = teller.wallets["w_ada"] | {"id": "w_x", "version": 0}
    teller.wallets["w_x"]["balance"] = "0.00"
    teller.entries["w_x"] = []
    assert found(teller) >= {"twice"}


@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_answer_that_is_none_of_the_interface_is_found(teller, status):
    """Whatever it says."""
    edit(teller, teller.read("w_ada"), status=status, data=b"<html>")
    assert found(teller) == {"unexpected answer"}


def test_events_have_an_order_or_none():
    """Each at least as late as those before it, and none before itself."""
    order = Order()
    for event, (earliest, latest) in {"a": (1, 5), "b": (0, 4), "c": (0, 9)}.items():
        order.not_before(event, earliest, f"{event} begins")
        order.not_after(event, latest, f"{event} ends")
    order.put("b", after="a")
    order.put("c", after="b")
    assert order.narrow() == ([], [])
    assert (order.windows["a"].latest, order.windows["c"].earliest) == (4, 1)
    order.not_before("a", 4.5, "late")
    assert order.narrow()[0] != []
    order.put("a", after="c")
    assert order.narrow()[1] == ["a", "b", "c"]


def test_a_call_knows_whether_it_may_have_written():
    """No answer says nothing, unless the request was not whole."""
    call = Call(Request("deposit", "POST", "/"), 0, 1)
    assert call.may_have_written
    assert not replace(call, whole=False).may_have_written
    unknown = replace(call, status=503, data=b'{"type":"/problems/outcome-unknown"}')
    assert unknown.may_have_written
    assert replace(call, status=503, data=b"").problem == "no problem at all"
