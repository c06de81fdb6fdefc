"""The judge finds what is wrong with reversals, holds, changes and lists."""

from dataclasses import replace

import pytest

from .judge import judge
from .record import Request
from .teller import Teller
from .test_judge import edit, found, unanswered

pytestmark = pytest.mark.one_engine


@pytest.fixture
def teller():
    """Two wallets with a hundred each."""
    teller = Teller()
    for name in ("ada", "bob"):
        teller.create(name)
        teller.move(f"w_{name}", "deposit", "100.00")
    return teller


def a_hold(teller, amount="30.00", expires_in=1_000):
    """Place a hold in the first wallet, and return its id."""
    placed = teller.hold("w_ada", amount, expires_in)
    assert placed.status == 201
    return placed.json["hold"]["id"]


def refused(teller, request, problem, status=422):
    """Let a client be refused, whatever the wallet would say."""
    return teller.saw(request, status, {"type": f"/problems/{problem}"})


def test_an_honest_history_is_clean(teller):
    """All that can be done with holds, reversals, floors and archives."""
    hold, other = a_hold(teller), a_hold(teller)
    assert teller.move("w_ada", "withdrawal", "40.01").status == 422
    teller.capture("w_ada", hold, amount="10.00", keep_open=True)
    teller.read_hold("w_ada", hold)
    assert teller.read("w_ada").json["held"] == "50.00"
    teller.capture("w_ada", hold)
    teller.release("w_ada", other)
    teller.list_all()
    soon = a_hold(teller, "5.00", expires_in=6)
    while teller.holds[soon]["state"] == "open":
        teller.read("w_ada")
        teller.read_hold("w_ada", soon)
    lost = a_hold(teller)
    unanswered(teller, teller.release("w_ada", lost))
    teller.move("w_ada", "transfer", "50.00", to="w_bob")
    teller.reverse("w_ada", 4)
    teller.set_balance("w_ada", "10.00")
    teller.set_balance("w_ada", "0.00")
    for members in ({"archived": True}, {"archived": False}, {"floor": "-9.00"}):
        teller.change("w_ada", **members)
    teller.move("w_ada", "withdrawal", "9.00")
    verdict = judge(teller.look_last())
    assert verdict.faults == []
    assert (verdict.counts["holds"], verdict.counts["refusals judged"]) == (4, 1)


def test_a_reversal_done_twice_is_found(teller):
    """By two requests, of which each got an answer."""
    for _ in range(2):
        teller.move("w_ada", "deposit", "5.00")
    for _ in range(2):
        assert teller.reverse("w_ada", 2).status == 201
    assert "undone twice" in found(teller)


def test_a_reversal_of_something_else_is_found(teller):
    """It gave back another amount."""
    teller.move("w_ada", "deposit", "5.00")
    done = teller.reverse("w_ada", 2)
    path = "/v1/wallets/w_ada/entries/1/reversals"
    edit(teller, done, request=replace(done.request, path=path))
    assert found(teller) >= {"half done", "wrong answer"}


def test_an_entry_shown_as_not_undone_is_found(teller):
    """The reversal was answered before."""
    path = "/v1/wallets/w_ada/entries"
    teller.reverse("w_ada", 1)
    entries = [each | {"reversed_by": None} for each in teller.entries["w_ada"][::-1]]
    shown = {"entries": entries, "next": None}
    teller.saw(Request("history", "GET", path), 200, shown)
    assert found(teller) == {"order"}


def test_a_hold_captured_twice_is_found(teller):
    """Each time as a whole."""
    hold = a_hold(teller)
    teller.capture("w_ada", hold)
    teller.holds[hold]["remaining"] = "30.00"
    teller.capture("w_ada", hold)
    assert found(teller) >= {"paid twice"}


def test_more_captured_than_was_held_is_found(teller):
    """In parts."""
    hold = a_hold(teller)
    for _ in range(2):
        teller.capture("w_ada", hold, amount="20.00", keep_open=True)
    assert "paid twice" in found(teller)


@pytest.mark.parametrize("end", ["release", "time"])
def test_a_capture_after_the_end_is_found(teller, end):
    """The hold was released before, or had expired."""
    hold = a_hold(teller, expires_in=10)
    if end == "release":
        teller.release("w_ada", hold)
    else:
        teller.now += 10
    teller.expire()
    teller.holds[hold]["remaining"] = "30.00"
    expected = "paid twice" if end == "release" else "too late"
    was = dict(teller.holds[hold])
    teller.capture("w_ada", hold, amount="30.00")
    teller.holds[hold] = was | {"captured": "30.00", "remaining": "0.00"}
    assert expected in found(teller)


def test_a_hold_that_is_shown_after_its_expiry_is_found(teller):
    """As if it still counted."""
    a_hold(teller, "100.00", expires_in=10)
    before = teller.read("w_ada")
    teller.now += 10
    teller.saw(before.request, 200, before.data)
    assert found(teller) == {"held"}


def test_a_hold_that_counts_after_its_expiry_is_found(teller):
    """The money was free, and was refused."""
    a_hold(teller, "100.00", expires_in=10)
    teller.now += 10
    path = "/v1/wallets/w_ada/withdrawals"
    request = Request("withdraw", "POST", path, {"amount": "1.00", "note": "n"})
    refused(teller, request, "insufficient-funds")
    assert found(teller) == {"unjustified"}


def test_a_hold_that_is_released_after_its_expiry_is_found(teller):
    """It was free by itself before."""
    hold = a_hold(teller, expires_in=10)
    teller.now += 10
    teller.release("w_ada", hold)
    assert found(teller) == {"too late"}


def test_a_hold_that_expires_early_is_found(teller):
    """By a second."""
    hold = a_hold(teller)
    row = teller.holds[hold] | {"state": "expired", "remaining": "0.00"}
    path = f"/v1/wallets/w_ada/holds/{hold}"
    teller.saw(Request("read hold", "GET", path), 200, {"hold": row})
    assert found(teller) == {"hold"}


def test_a_hold_that_is_forgotten_is_found(teller):
    """It was answered, and is in no list."""
    hold = a_hold(teller)
    del teller.holds[hold]
    assert found(teller) == {"gone"}


def test_a_hold_that_does_not_count_is_found(teller):
    """What it sets aside is taken out, set aside again, or shown as free."""
    hold = a_hold(teller, "80.00")
    was, teller.holds = teller.holds, {}
    assert teller.move("w_ada", "withdrawal", "30.00").status == 201
    teller.holds = was
    assert hold in was
    assert "held" in found(teller)


def test_two_holds_of_the_same_money_are_found(teller):
    """The second should have been refused."""
    a_hold(teller, "80.00")
    was, teller.holds = teller.holds, {}
    a_hold(teller, "30.00")
    teller.holds |= was
    assert "held" in found(teller)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("hold-closed", {"unjustified"}),
        ("hold-expired", {"unjustified"}),
        ("unknown-hold", {"unjustified"}),
        ("insufficient-funds", {"unjustified"}),
        ("hold-exceeded", set()),
    ],
)
def test_a_capture_is_refused_with_reason(teller, problem, expected):
    """It asks for too much of a hold that is open."""
    hold = a_hold(teller)
    path = f"/v1/wallets/w_ada/holds/{hold}/captures"
    body = {"amount": "30.01", "note": "n"}
    refused(teller, Request("capture", "POST", path, body), problem)
    assert found(teller) == expected


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("already-reversed", {"unjustified"}),
        ("not-reversible", {"unjustified"}),
        ("unknown-entry", {"unjustified"}),
        ("archived", {"unjustified"}),
        ("insufficient-funds", set()),
    ],
)
def test_a_reversal_is_refused_with_reason(teller, problem, expected):
    """The money is set aside."""
    a_hold(teller)
    path = "/v1/wallets/w_ada/entries/1/reversals"
    refused(teller, Request("reversal", "POST", path, {"note": "n"}), problem)
    assert found(teller) == expected


def test_a_floor_that_is_ignored_after_a_change_is_found(teller):
    """The wallet goes by the one of before."""
    teller.change("w_ada", floor="-50.00")
    teller.change("w_ada", floor="0.00")
    teller.wallets["w_ada"]["floor"] = "-50.00"
    assert teller.move("w_ada", "withdrawal", "120.00").status == 201
    teller.wallets["w_ada"]["floor"] = "0.00"
    assert found(teller) == {"floor"}


def test_a_floor_of_before_in_a_refusal_is_found(teller):
    """It was lowered, and the money would have been there."""
    teller.change("w_ada", floor="-50.00")
    path = "/v1/wallets/w_ada/withdrawals"
    request = Request("withdraw", "POST", path, {"amount": "120.00", "note": "n"})
    refused(teller, request, "insufficient-funds")
    assert found(teller) == {"unjustified"}


@pytest.mark.parametrize("member", ["name", "floor", "archived"])
def test_a_change_that_is_not_shown_is_found(teller, member):
    """Each was answered before the wallet was read."""
    teller.set_balance("w_ada", "0.00")
    before = dict(teller.wallets["w_ada"])
    values = {"name": "Eve", "floor": "-50.00", "archived": True}
    teller.change("w_ada", **{member: values[member]})
    teller.wallets["w_ada"] = before
    assert found(teller) == {"change"}


def test_money_into_an_archived_wallet_is_found(teller):
    """And a hold in one."""
    teller.set_balance("w_ada", "0.00")
    teller.change("w_ada", archived=True)
    teller.move("w_ada", "deposit", "5.00")
    assert found(teller) == {"archived"}
    teller.reverse("w_ada", 3)
    teller.move("w_bob", "transfer", "5.00", to="w_ada")
    assert found(teller) == {"archived"}


@pytest.mark.parametrize(
    ("problem", "body"), [("floor-too-high", {"floor": "0.00"}), ("not-empty", {})]
)
def test_a_change_refused_without_a_reason_is_found(teller, problem, body):
    """The wallet is empty, and its floor may be zero."""
    teller.set_balance("w_ada", "0.00")
    request = Request("change", "PATCH", "/v1/wallets/w_ada", body)
    refused(teller, request, problem)
    assert found(teller) == {"unjustified"}


def test_a_balance_that_is_not_the_one_asked_for_is_found(teller):
    """It was set to something else; or nothing was done, and it was to be another."""
    done = teller.set_balance("w_ada", "40.00")
    body = done.request.body | {"amount": "40.01"}
    request = Request("set", "PUT", done.request.path, body, None, 1)
    edit(teller, done, request=request)
    assert found(teller) >= {"half done", "wrong answer"}


def test_nothing_done_for_a_balance_that_differs_is_found(teller):
    """204 says that it is as it was asked to be."""
    body, path = {"amount": "99.99", "note": "n"}, "/v1/wallets/w_ada/balance"
    teller.saw(Request("set", "PUT", path, body, None, 1), 204, b"")
    assert found(teller) == {"wrong answer"}


def test_nothing_done_and_then_something_under_one_key_is_found(teller):
    """Nothing to do is an outcome, too: it is given again, and looked up."""
    amount = teller.wallets["w_ada"]["balance"]
    version = teller.wallets["w_ada"]["version"]
    body, path = {"amount": amount, "note": "n"}, "/v1/wallets/w_ada/balance"
    request = Request("set", "PUT", path, body, "k", version)
    teller.saw(request, 204, b"")
    again = teller.saw(request, 204, b"", replayed=True)
    path = "/v1/operations?wallet=w_ada&key=k"
    told = b'{"operation":"o","key":"k","status":204,"body":null}'
    teller.saw(Request("look up", "GET", path), 200, told)
    assert found(teller) == set()
    again = edit(teller, again, replayed=False)
    assert found(teller) == {"twice"}
    problem = b'{"type":"/problems/insufficient-funds"}'
    edit(teller, again, status=422, data=problem, replayed=True)
    assert "other bytes" in found(teller)


def test_an_operation_with_other_bytes_is_found(teller):
    """By its id as by its key."""
    done = teller.move("w_ada", "deposit", "1.00")
    operation = done.json["operation"]
    body = done.data.replace(b"{", b"{ ", 1)
    request = Request("look up", "GET", f"/v1/operations/{operation}?wallet=w_ada")
    text = b'{"operation":"o","key":null,"status":201,"body":'
    seen = teller.saw(request, 200, text + done.data + b"}")
    assert found(teller) == set()
    edit(teller, seen, data=text + body + b"}")
    assert found(teller) == {"other bytes"}
    refused(teller, request, "unknown-operation", 404)
    assert found(teller) >= {"order", "unexpected answer"}


@pytest.mark.parametrize(
    ("query", "versions", "expected"),
    [
        ("kind=deposit", [1], set()),
        ("kind=deposit", [], {"order"}),
        ("kind=withdrawal", [3, 2], set()),
        ("kind=withdrawal", [2, 3], {"list"}),
        ("min=6.00", [1], {"order"}),
        ("max=6.00", [3, 2], {"list"}),
        ("order=oldest", [1, 2, 3], set()),
        ("order=oldest&after=1", [2], {"order"}),
    ],
)
def test_a_page_of_a_history_is_judged(teller, query, versions, expected):
    """It has what was looked for, all of it, and in order."""
    teller.move("w_ada", "withdrawal", "5.00")
    teller.move("w_ada", "withdrawal", "7.00")
    entries = [teller.entries["w_ada"][version - 1] for version in versions]
    path = f"/v1/wallets/w_ada/entries?{query}"
    shown = {"entries": entries, "next": None}
    teller.saw(Request("history", "GET", path), 200, shown)
    assert found(teller) == expected


@pytest.mark.parametrize(
    ("query", "names", "expected"),
    [
        ("currency=ZAR", ["ada", "bob"], set()),
        ("currency=USD", [], set()),
        ("currency=USD", ["ada"], {"list"}),
        ("text=AD", ["ada"], set()),
        ("text=AD", [], {"order"}),
        ("order=name", ["bob", "ada"], {"list"}),
        ("order=name", ["ada"], {"order"}),
    ],
)
def test_a_list_of_wallets_is_judged(teller, query, names, expected):
    """It has those that were looked for, all of them, and in order."""
    rows = [teller.row(f"w_{name}") for name in names]
    request = Request("list", "GET", f"/v1/wallets?{query}")
    teller.saw(request, 200, {"wallets": rows, "next": None})
    assert found(teller) == expected


def test_an_archived_wallet_in_a_list_is_found(teller):
    """It is shown only to who asks for it."""
    teller.set_balance("w_ada", "0.00")
    teller.change("w_ada", archived=True)
    teller.list_all()
    assert found(teller) == {"list"}


@pytest.mark.parametrize("state", [None, "open", "released", "captured", "expired"])
def test_a_hold_that_is_missing_in_a_list_is_found(teller, state):
    """Whatever became of it."""
    hold = a_hold(teller, expires_in=20)
    if state == "released":
        teller.release("w_ada", hold)
    elif state == "captured":
        teller.capture("w_ada", hold)
    elif state == "expired":
        teller.now += 20
    query = f"?state={state}" if state else ""
    path = f"/v1/wallets/w_ada/holds{query}"
    shown = {"holds": [], "next": None}
    teller.saw(Request("list holds", "GET", path), 200, shown)
    assert found(teller) == {"order"}
