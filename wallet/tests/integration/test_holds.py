"""Money that is set aside: paid out later, let go, or free again by itself."""

import threading

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from wallet.api.answers import freeze
from wallet.audit.replay import Fault
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import CaptureHold, Kind, PlaceHold, ReleaseHold, Submission
from wallet.ledger.held import HoldEnd
from wallet.ledger.ids import new_hold_id, new_operation_id
from wallet.ledger.money import Amount
from wallet.ledger.outcomes import Held, Moved
from wallet.ledger.refusals import Refusal
from wallet.storage import queries
from wallet.storage.connections import Limits
from wallet.storage.store import Store
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import Wallets, a_submission, create_wallet
from .clock import SECOND_US, Clock


@pytest.fixture
def clock(app, monkeypatch):
    clock = Clock(monkeypatch)
    clock.of(app)
    return clock


@pytest.fixture
def rich(local, clock):
    """A wallet with R 100.00."""
    wallet = local.create()
    assert local.deposit(wallet, 100).status_code == 201
    return wallet


@pytest.fixture
def sound(app):
    """Whatever was done or refused, the store is sound."""
    yield
    verify(service_of(app).store, freeze=freeze)


def place(calls, wallet, amount, **more):
    return calls._move(wallet, "holds", {"amount": amount}, more)


def placed(calls, wallet, amount, **more):
    answer = place(calls, wallet, amount, **more)
    assert answer.status_code == 201, answer.text
    return answer.json["hold"]["id"]


def capture(calls, wallet, hold, **more):
    return calls._move(wallet, f"holds/{hold}/captures", {}, more)


def release(calls, wallet, hold, **more):
    return calls._move(wallet, f"holds/{hold}/releases", {}, more)


def read(calls, wallet, hold):
    answer = calls.get(f"/v1/wallets/{wallet}/holds/{hold}")
    assert answer.status_code == 200, answer.text
    return answer.json["hold"]


def sums(calls, wallet):
    answer = calls.get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 200
    return tuple(answer.json[name] for name in ("balance", "held", "available"))


def problem(answer):
    assert answer.status_code in (400, 404, 412, 422), answer.text
    return answer.json["type"].removeprefix("/problems/")


@pytest.mark.usefixtures("sound")
class TestHolds:
    """Over HTTP, on a clock that stands."""

    def test_a_hold_sets_money_aside(self, local, rich, clock):
        """It can be read, and what is left is what can be taken out."""
        answer = place(local, rich, "30.50", note="hotel", expires_in=60)
        assert answer.status_code == 201
        hold = answer.json["hold"]
        assert hold == read(local, rich, hold["id"])
        told = {name: hold[name] for name in ("wallet", "state", "note")}
        assert told == {"wallet": rich, "state": "open", "note": "hotel"}
        money = [hold[name] for name in ("amount", "captured", "remaining")]
        assert money == ["30.50", "0.00", "30.50"]
        assert sums(local, rich) == ("100.00", "30.50", "69.50")
        assert problem(local.withdraw(rich, "69.51")) == "insufficient-funds"
        assert problem(place(local, rich, "69.51")) == "insufficient-funds"
        assert local.withdraw(rich, "69.50").status_code == 201
        assert sums(local, rich) == ("30.50", "30.50", "0.00")
        # Nothing of it is an entry.
        assert local.balance(rich) == ("30.50", 2)

    def test_a_capture_is_a_withdrawal(self, local, rich):
        """Of all that is held, if no amount is named; the entry names the hold."""
        hold = placed(local, rich, 30)
        answer = capture(local, rich, hold, note="paid")
        assert answer.status_code == 201
        entry = answer.json["entry"]
        told = [entry[name] for name in ("kind", "amount", "note", "hold")]
        assert told == ["withdrawal", "-30.00", "paid", hold]
        assert sums(local, rich) == ("70.00", "0.00", "70.00")
        told = read(local, rich, hold)
        assert [told[name] for name in ("state", "captured", "remaining")] == [
            "captured",
            "30.00",
            "0.00",
        ]
        (line, _) = local.get(f"/v1/wallets/{rich}/entries").json["entries"]
        assert line == entry

    def test_a_capture_can_go_to_a_wallet(self, local, rich):
        """As a transfer; what is left is let go."""
        other = local.create()
        hold = placed(local, rich, 30)
        answer = capture(local, rich, hold, to=other, amount="12.25")
        assert answer.status_code == 201
        entry = answer.json["entry"]
        assert (entry["kind"], entry["counterparty"]) == ("transfer", other)
        assert sums(local, rich) == ("87.75", "0.00", "87.75")
        assert sums(local, other) == ("12.25", "0.00", "12.25")
        (theirs,) = local.get(f"/v1/wallets/{other}/entries").json["entries"]
        assert (theirs["hold"], theirs["amount"]) == (None, "12.25")
        assert problem(capture(local, rich, hold)) == "hold-closed"
        undone = local.post(f"/v1/wallets/{rich}/entries/2/reversals")
        assert undone.status_code == 201
        assert sums(local, rich) == ("100.00", "0.00", "100.00")

    def test_a_hold_can_be_kept_open(self, local, rich):
        """Until nothing remains of it."""
        hold = placed(local, rich, 30)
        for left in ("20.00", "10.00"):
            answer = capture(local, rich, hold, amount=10, keep_open=True)
            assert answer.status_code == 201
            assert read(local, rich, hold)["remaining"] == left
        assert problem(capture(local, rich, hold, amount="10.01")) == "hold-exceeded"
        assert sums(local, rich) == ("80.00", "10.00", "70.00")
        assert capture(local, rich, hold, keep_open=True).status_code == 201
        assert read(local, rich, hold)["state"] == "captured"
        assert sums(local, rich) == ("70.00", "0.00", "70.00")

    def test_a_release_lets_go(self, local, rich):
        """Once; after a part was captured, too."""
        hold = placed(local, rich, 30)
        capture(local, rich, hold, amount=10, keep_open=True)
        answer = release(local, rich, hold)
        assert answer.status_code == 201
        assert answer.json["hold"] == read(local, rich, hold)
        assert answer.json["hold"]["state"] == "released"
        assert answer.json["hold"]["captured"] == "10.00"
        assert sums(local, rich) == ("90.00", "0.00", "90.00")
        assert problem(release(local, rich, hold)) == "hold-closed"
        assert problem(capture(local, rich, hold)) == "hold-closed"

    @pytest.mark.parametrize("touched", [True, False])
    @pytest.mark.parametrize("late_us", [-1, 0, 1])
    def test_a_hold_expires_to_the_microsecond(
        self, local, rich, clock, late_us, touched
    ):
        """Whether or not anything has touched the wallet since."""
        hold = placed(local, rich, 30, expires_in=60)
        clock.us += 60 * SECOND_US + late_us
        expired = late_us >= 0
        if touched:
            local.deposit(rich, 1)
            local.withdraw(rich, 1)
        available = "100.00" if expired else "70.00"
        assert sums(local, rich)[2] == available
        listed = local.get("/v1/wallets").json["wallets"]
        assert [each["available"] for each in listed] == [available]
        state = "expired" if expired else "open"
        assert read(local, rich, hold)["state"] == state
        for asked in ("open", "expired"):
            found = local.get(f"/v1/wallets/{rich}/holds?state={asked}").json["holds"]
            assert [each["id"] for each in found] == [hold] * (asked == state)
        answer = capture(local, rich, hold)
        assert answer.status_code == (422 if expired else 201)
        if expired:
            assert problem(answer) == "hold-expired"
            assert problem(release(local, rich, hold)) == "hold-expired"
            assert local.withdraw(rich, 100).status_code == 201

    def test_the_writer_closes_what_is_due(self, local, rich, clock, app):
        """In the transaction that meets it, whatever that is about."""
        first = placed(local, rich, 10, expires_in=10)
        second = placed(local, rich, 20, expires_in=20)
        third = placed(local, rich, 30, expires_in=20)
        release(local, rich, third)
        store = service_of(app).store

        def as_written():
            sql = "SELECT held_minor, next_expiry_us FROM wallets WHERE id = :id"
            ((held, expiry),) = store.reader.rows(sql, id=rich)
            return held, expiry and (expiry - began) // SECOND_US

        began = clock.us
        assert as_written() == (3000, 10)
        clock.us += 10 * SECOND_US
        assert as_written() == (3000, 10)
        assert local.withdraw(rich, 999).status_code == 422
        # A refusal without a key writes nothing but that.
        assert as_written() == (2000, 20)
        clock.us += 10 * SECOND_US
        local.deposit(rich, 1)
        assert as_written() == (0, None)
        for hold in (first, second):
            assert read(local, rich, hold)["state"] == "expired"

    def test_holds_are_listed_page_by_page(self, local, rich, clock):
        """All of them, or those in a state, in the order of their making."""
        holds = [placed(local, rich, 1, expires_in=10 + n % 2 * 10) for n in range(8)]
        capture(local, rich, holds[1])
        release(local, rich, holds[2])
        clock.us += 10 * SECOND_US
        local.deposit(rich, 1)
        clock.us += 1
        expired = [holds[0], holds[4], holds[6]]
        still = [holds[3], holds[5], holds[7]]

        def listed(query):
            found, page = [], f"/v1/wallets/{rich}/holds?limit=2{query}"
            while page:
                answer = local.get(page)
                assert answer.status_code == 200, answer.text
                found += [each["id"] for each in answer.json["holds"]]
                page, cursor = answer.json["next"], answer.json["next_cursor"]
                assert (page is None) == (cursor is None)
                if page is not None:
                    after = f"/v1/wallets/{rich}/holds?limit=2{query}&after={cursor}"
                    assert local.get(after).data == local.get(page).data
                    assert cursor == found[-1]
            return found

        assert listed("") == holds
        assert listed("&state=open") == still
        assert listed("&state=captured") == [holds[1]]
        assert listed("&state=released") == [holds[2]]
        assert listed("&state=expired") == expired
        clock.us += 10 * SECOND_US
        assert listed("&state=open") == []
        assert listed("&state=expired") == sorted(expired + still)

    def test_an_expired_hold_is_listed_while_it_is_closed(
        self, local, rich, clock, app, monkeypatch
    ):
        """Whatever writes to its wallet just after a look at the holds."""
        hold = placed(local, rich, 30, expires_in=10)
        clock.us += 10 * SECOND_US
        service = service_of(app)
        look_up = service.store.reader.rows

        def rows(sql, /, **given):
            found = look_up(sql, **given)
            if "FROM holds WHERE" in sql and "FROM wallets" not in sql:
                service.writer.submit(a_submission(rich, Kind.DEPOSIT, "1"))
            return found

        monkeypatch.setattr(service.store.reader, "rows", rows)
        listed = local.get(f"/v1/wallets/{rich}/holds?state=expired")
        assert listed.status_code == 200
        assert [each["id"] for each in listed.json["holds"]] == [hold]
        assert local.balance(rich) == ("101.00", 2)

    def test_a_hold_is_placed_once(self, local, rich):
        """Its key, and that of a capture and a release, have one answer."""
        first = placed(local, rich, 10, key="place")
        for call, more in (
            (place, {"amount": 10, "key": "place"}),
            (capture, {"hold": first, "amount": 1, "keep_open": True, "key": "part"}),
            (release, {"hold": first, "key": "release"}),
        ):
            answers = [call(local, rich, **more) for _ in range(2)]
            assert [each.status_code for each in answers] == [201, 201]
            assert answers[0].data == answers[1].data
            assert answers[1].headers["Idempotent-Replayed"] == "true"
        changed = place(local, rich, 11, key="x")
        other = place(local, rich, 11, key="x", expires_in=5)
        assert (changed.status_code, problem(other)) == (201, "key-reused")
        assert sums(local, rich) == ("99.00", "11.00", "88.00")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"amount": 0},
            {"amount": "1.005"},
            {"amount": 1, "expires_in": 0},
            {"amount": 1, "expires_in": 31_536_001},
            {"amount": 1, "expires_in": 1.5},
            {"amount": 1, "note": "\u0000"},
            {"amount": 1, "to": "x"},
        ],
    )
    def test_a_malformed_hold_is_refused(self, local, rich, body):
        """And nothing is set aside."""
        answer = local.post(f"/v1/wallets/{rich}/holds", body)
        assert problem(answer) == "malformed"
        assert sums(local, rich) == ("100.00", "0.00", "100.00")

    def test_what_cannot_be_captured_stays_held(self, local, rich):
        """An unknown recipient, another currency, oneself, or no such hold."""
        hold = placed(local, rich, 30)
        yen = local.create(currency="JPY")
        for more, refusal in (
            ({"to": "nobody"}, "unknown-recipient"),
            ({"to": yen}, "currency-mismatch"),
            ({"to": rich}, "self-transfer"),
            ({"amount": "30.01"}, "hold-exceeded"),
        ):
            assert problem(capture(local, rich, hold, **more)) == refusal
        other = local.create()
        assert problem(capture(local, other, hold)) == "unknown-hold"
        assert problem(release(local, rich, new_hold_id())) == "unknown-hold"
        path = f"/v1/wallets/{other}/holds/{hold}"
        assert problem(local.get(path)) == "unknown-hold"
        for no_id in (hold + "0", hold.upper(), "%00", "x" * 200):
            assert problem(capture(local, rich, no_id)) == "unknown-hold"
            assert problem(release(local, rich, no_id)) == "unknown-hold"
            path = f"/v1/wallets/{rich}/holds/{no_id}"
            assert problem(local.get(path)) == "unknown-hold"
        assert sums(local, rich) == ("100.00", "30.00", "70.00")

    def test_a_key_stays_free_where_there_was_no_hold(self, local, rich):
        """A 404 is not remembered, within a batch neither."""
        item = {"kind": "release", "hold": "h_x", "key": "k"}
        good = {"kind": "hold", "amount": 1, "key": "k"}
        answer = local.batch(rich, item, item, good)
        assert answer.status_code == 200
        statuses = [each["status"] for each in answer.json["outcomes"]]
        assert statuses == [404, 404, 201]
        assert sums(local, rich) == ("100.00", "1.00", "99.00")

    def test_what_is_held_never_leaves_63_bits(self, local, app):
        """Where a floor far below zero would allow more, that is refused and kept."""
        most = "92233720368547758.07"
        wallet = local.create(floor=f"-{most}")
        assert local.deposit(wallet, 1).status_code == 201
        hold = placed(local, wallet, most)
        full = sums(local, wallet)
        assert full == ("1.00", most, "-92233720368547757.07")
        refused = place(local, wallet, "0.01", key="k")
        assert (refused.status_code, problem(refused)) == (422, "balance-too-large")
        assert place(local, wallet, "0.01", key="k").data == refused.data
        item = {"kind": "hold", "amount": "0.01"}
        atomic = local.batch(wallet, item, atomic=True)
        assert (atomic.status_code, problem(atomic)) == (422, "batch-refused")
        assert (sums(local, wallet), local.balance(wallet)[1]) == (full, 1)
        # What a capture takes out of it can be set aside again, and no more.
        paid = capture(local, wallet, hold, amount="0.01", keep_open=True)
        assert paid.status_code == 201
        both = local.batch(wallet, item, item)
        assert both.status_code == 200
        assert [each["status"] for each in both.json["outcomes"]] == [201, 422]
        undone = local.post(f"/v1/wallets/{wallet}/entries/1/reversals")
        assert problem(undone) == "insufficient-funds"
        assert sums(local, wallet) == ("0.99", most, "-92233720368547757.08")

    def test_a_refusal_because_of_a_hold_says_what_is_so(self, local, rich):
        """The balance would stay above the floor; what is available would not."""
        placed(local, rich, 40)
        for refused in (local.withdraw(rich, "60.01"), place(local, rich, "60.01")):
            assert (refused.status_code, problem(refused)) == (
                422,
                "insufficient-funds",
            )
            assert refused.json["title"] == "The wallet has too little available"
            told = "Nothing was moved. What is available may not fall below the floor."
            assert refused.json["detail"] == told
        assert sums(local, rich) == ("100.00", "40.00", "60.00")

    def test_other_rules_respect_what_is_held(self, local, rich):
        """Transfers, reversals, floors, archives and balances that are set."""
        other = local.create()
        placed(local, rich, 60)
        assert problem(local.transfer(rich, other, 41)) == "insufficient-funds"
        undone = local.post(f"/v1/wallets/{rich}/entries/1/reversals")
        assert problem(undone) == "insufficient-funds"
        path = f"/v1/wallets/{rich}"
        lower = local.client.put(
            f"{path}/balance", json={"amount": 59}, headers={"If-Match": '"1"'}
        )
        assert problem(lower) == "insufficient-funds"
        empty = local.create(floor=-10)
        placed(local, empty, 5)
        raised = local.client.patch(f"/v1/wallets/{empty}", json={"floor": "-4.99"})
        assert problem(raised) == "floor-too-high"
        archived = local.client.patch(f"/v1/wallets/{empty}", json={"archived": True})
        assert problem(archived) == "not-empty"
        assert sums(local, rich) == ("100.00", "60.00", "40.00")

    def test_a_batch_holds_captures_and_releases(self, local, rich):
        """In order, each with its outcome; atomic ones all or nothing."""
        one, two = placed(local, rich, 10), placed(local, rich, 20)
        answer = local.batch(
            rich,
            {"kind": "capture", "hold": one, "amount": 4, "keep_open": True},
            {"kind": "release", "hold": two, "key": "r"},
            {"kind": "hold", "amount": 90, "note": "x"},
            {"kind": "hold", "amount": 1},
        )
        assert answer.status_code == 200, answer.text
        outcomes = answer.json["outcomes"]
        assert [each["status"] for each in outcomes] == [201, 201, 201, 422]
        assert outcomes[0]["entry"]["hold"] == one
        assert outcomes[1]["hold"]["state"] == "released"
        assert sums(local, rich) == ("96.00", "96.00", "0.00")
        refused = local.batch(
            rich,
            {"kind": "release", "hold": one},
            {"kind": "capture", "hold": one},
            atomic=True,
        )
        assert problem(refused) == "batch-refused"
        assert sums(local, rich) == ("96.00", "96.00", "0.00")
        assert read(local, rich, one)["state"] == "open"


def test_an_owner_holds_what_is_its_own(operator):
    """As it withdraws; another's wallet is closed to it."""
    created = operator.post("/v1/wallets").json
    wallet, other = created["id"], operator.create()
    operator.deposit(wallet, 10)
    owner = Wallets(operator.client, created["key"])
    hold = placed(owner, wallet, 4)
    assert read(owner, wallet, hold)["state"] == "open"
    assert place(owner, other, 1).status_code == 403
    assert capture(owner, wallet, hold, amount=1, keep_open=True).status_code == 201
    assert release(owner, wallet, hold).status_code == 201
    assert sums(operator, wallet) == ("9.00", "0.00", "9.00")
    verify(service_of(operator.client.application).store, freeze=freeze)


def a_hold(wallet, minor, expires_in_s=60, **more):
    ids = new_operation_id(), wallet, new_hold_id()
    command = PlaceHold(*ids, Amount(minor, 2), expires_in_s, **more)
    return Submission((command,), wallet)


def test_two_processes_end_a_hold_once(store, writer, database_url):
    """Captures and releases race; the money goes once, or stays."""
    other = Store(make_url(database_url), Limits())
    second = Writer(other, freeze, now_us)
    wallet = create_wallet(writer)
    writer.submit(a_submission(wallet, Kind.DEPOSIT, "100"))
    captures = 0
    for _ in range(8):
        (result,) = writer.submit(a_hold(wallet, 500))
        hold = result.outcome.hold.id
        start, outcomes = threading.Barrier(4), []

        def race(by, kind, hold=hold, start=start, outcomes=outcomes):
            command = kind(new_operation_id(), wallet, hold)
            start.wait(60)
            (result,) = by.submit(Submission((command,), wallet))
            outcomes.append(result.outcome)

        threads = [
            threading.Thread(target=race, args=(by, kind))
            for by in (writer, second)
            for kind in (CaptureHold, ReleaseHold)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        done = [each for each in outcomes if isinstance(each, Moved | Held)]
        refused = [each.refusal for each in outcomes if each not in done]
        assert (len(done), refused) == (1, [Refusal.HOLD_CLOSED] * 3)
        captures += isinstance(done[0], Moved)
    second.stop()
    found = queries.find_wallet(store, wallet)
    assert (found.balance_minor, found.held_minor) == (10_000 - 500 * captures, 0)
    verify(store, freeze=freeze)
    other.close()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE holds SET amount_minor = amount_minor + 1",
        "UPDATE holds SET note = 'x'",
        "UPDATE holds SET expires_at_us = expires_at_us + 1",
        "UPDATE holds SET state = 'released', closed_at_us = 1 WHERE state = 'open'",
        "UPDATE holds SET captured_minor = captured_minor - 1 WHERE captured_minor > 0",
        "DELETE FROM holds WHERE state = 'open'",
        "DELETE FROM holds WHERE state = 'captured'",
        "UPDATE wallets SET held_minor = held_minor - 1",
        "UPDATE wallets SET next_expiry_us = next_expiry_us + 1",
        "UPDATE wallets SET held_minor = 0, next_expiry_us = NULL",
        "UPDATE entries SET hold_id = NULL",
        "UPDATE operations SET body = '{}' WHERE body LIKE '{\"hold\":%'",
        "DELETE FROM operations WHERE body LIKE '{\"hold\":%'",
    ],
)
def test_a_forged_hold_is_found(store, writer, forgery):
    """In its row, in that of the wallet, and in what was answered."""
    wallet = create_wallet(writer)
    writer.submit(a_submission(wallet, Kind.DEPOSIT, "100"))
    (result,) = writer.submit(a_hold(wallet, 500, key="k"))
    hold = result.outcome.hold.id
    capture = CaptureHold(new_operation_id(), wallet, hold, Amount(200, 2))
    writer.submit(Submission((capture,), wallet))
    writer.submit(a_hold(wallet, 700))
    verify(store, freeze=freeze)
    with store.writing.begin() as connection:
        connection.execute(text(forgery))
    with pytest.raises(Fault):
        verify(store, freeze=freeze)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE holds SET amount_minor = 0",
        "UPDATE holds SET captured_minor = amount_minor + 1",
        "UPDATE holds SET captured_minor = -1",
        "UPDATE holds SET captured_minor = amount_minor",
        "UPDATE holds SET state = 'released'",
        "UPDATE holds SET closed_at_us = 1",
        "UPDATE holds SET state = 'lost', closed_at_us = 1",
        "UPDATE holds SET expires_at_us = created_at_us",
        "UPDATE wallets SET held_minor = 10001",
        "UPDATE wallets SET balance_minor = 499",
        "UPDATE wallets SET next_expiry_us = NULL",
    ],
)
def test_the_database_itself_refuses_a_bad_hold(store, writer, attack):
    """Each rule that SQL can hold."""
    wallet = create_wallet(writer)
    writer.submit(a_submission(wallet, Kind.DEPOSIT, "100"))
    writer.submit(a_hold(wallet, 500))
    with pytest.raises(DBAPIError), store.writing.begin() as connection:
        connection.execute(text(attack))
    verify(store, freeze=freeze)


def test_a_hold_ends_once():
    """As values: what has ended is not expired again."""
    from wallet.ledger.held import HoldState

    hold = HoldState("w", "h", 5, 0, None, HoldEnd.RELEASED, 1, 2, 1)
    assert hold.at(9) == hold
    still = hold._replace(state=HoldEnd.OPEN, closed_at_us=None)
    assert still.at(1) == still
    assert still.at(2).state is HoldEnd.EXPIRED
