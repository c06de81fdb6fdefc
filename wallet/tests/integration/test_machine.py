"""Free sequences of requests, at any moments, compared with a model."""

import json
import tempfile
import uuid
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from wallet import create_app
from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.web.service import service_of

from ..actions import Wallets
from ..chance import examples
from .clock import SECOND_US, Clock
from .model import LARGEST, Asked, Bank, Model

minors = st.integers(1, 500) | st.sampled_from([LARGEST, LARGEST - 1, LARGEST // 2])
small = st.integers(1, 100)
#: From the deepest, the highest balance is out of reach of one move.
floors = st.integers(0, 300) | st.just(LARGEST)
keys = st.none() | st.sampled_from(["a", "b", "c"])
seconds = st.sampled_from([1, 3, 60])
KINDS = ("deposit", "withdrawal", "transfer", "hold", "capture", "release")
PATHS = {
    "deposit": "deposits",
    "withdrawal": "withdrawals",
    "transfer": "transfers",
    "reversal": "entries/{version}/reversals",
    "hold": "holds",
    "capture": "holds/{hold}/captures",
    "release": "holds/{hold}/releases",
}


class Machine(RuleBasedStateMachine):
    """Each rule sends a request and foretells its answer."""

    app = clock = None
    wallets = Bundle("wallets")

    def __init__(self):
        super().__init__()
        self.calls = Wallets(self.app.test_client())
        self.bank = Bank()
        self.answers = {}

    @precondition(lambda self: len(self.bank.wallets) < 3)
    @rule(
        target=wallets,
        currency=st.sampled_from(["ZAR", "ZAR", "JPY"]),
        floor=floors,
        opening=small | st.just(LARGEST // 2),
    )
    def create(self, currency, floor, opening):
        name, text = uuid.uuid4().hex, self._text(currency, -floor)
        wallet = self.calls.create(currency=currency, floor=text, name=name)
        self.bank.wallets[wallet] = Model(currency, -floor, name)
        self._move(Asked("deposit", opening), wallet, None)
        return wallet

    @rule(wallet=wallets, minor=minors, key=keys)
    def deposit(self, wallet, minor, key):
        self._move(Asked("deposit", minor), wallet, key)

    @rule(wallet=wallets, minor=minors, key=keys)
    def withdraw(self, wallet, minor, key):
        self._move(Asked("withdrawal", minor), wallet, key)

    @rule(wallet=wallets, other=wallets, minor=minors, key=keys)
    def transfer(self, wallet, other, minor, key):
        self._move(Asked("transfer", minor, other), wallet, key)

    @rule(wallet=wallets, number=st.integers(0, 3), key=keys)
    def reverse(self, wallet, number, key):
        lines = self.bank.wallets[wallet].lines
        number = max(0, len(lines) - 1 - number)
        self._move(Asked("reversal", number=number), wallet, key)

    @rule(wallet=wallets, minor=minors, seconds=seconds, key=keys)
    def place(self, wallet, minor, seconds, key):
        self._move(Asked("hold", minor, seconds=seconds), wallet, key)

    @precondition(lambda self: self._holds())
    @rule(
        data=st.data(),
        other=st.none() | wallets,
        minor=st.sampled_from([None, None, 1, 10, 100, LARGEST // 2]),
        keep_open=st.booleans(),
        key=keys,
    )
    def capture(self, data, other, minor, keep_open, key):
        wallet, number = data.draw(st.sampled_from(self._holds()))
        asked = Asked("capture", minor, other, number, 0, keep_open)
        self._move(asked, wallet, key)

    @precondition(lambda self: self._holds())
    @rule(data=st.data(), key=keys)
    def release(self, data, key):
        wallet, number = data.draw(st.sampled_from(self._holds()))
        self._move(Asked("release", number=number), wallet, key)

    def _holds(self):
        return [
            (wallet, number)
            for wallet, model in self.bank.wallets.items()
            for number in range(len(model.holds))
        ]

    @rule(us=st.sampled_from([1, SECOND_US - 1, SECOND_US, 3 * SECOND_US]))
    def wait(self, us):
        self.clock.us += us

    @rule(wallet=wallets, name=st.sampled_from(["Ada", "Eve"]))
    def rename(self, wallet, name):
        self._change(wallet, None, name=name)
        self.bank.wallets[wallet].name = name

    @rule(wallet=wallets, floor=floors)
    def move_floor(self, wallet, floor):
        model = self.bank.wallets[wallet]
        too_high = -floor > model.balance - model.held(self.clock.us)
        refusal = "floor-too-high" if too_high else None
        self._change(wallet, refusal, floor=self._text(model.currency, -floor))
        model.floor = model.floor if too_high else -floor

    @rule(wallet=wallets, archived=st.booleans())
    def archive(self, wallet, archived):
        model = self.bank.wallets[wallet]
        full = archived and (model.balance or model.held(self.clock.us))
        self._change(wallet, "not-empty" if full else None, archived=archived)
        model.archived = model.archived if full else archived

    @rule(
        wallet=wallets,
        minor=st.integers(-300, 300) | st.just(0) | st.just(LARGEST),
        key=keys,
    )
    def set_balance(self, wallet, minor, key):
        asked, model = Asked("balance", minor), self.bank.wallets[wallet]
        unmoved = minor == model.balance and (wallet, key) not in self.answers
        answer = self.calls.client.put(
            f"/v1/wallets/{wallet}/balance",
            json={"amount": self._text(model.currency, minor)},
            headers=self._key(key) | {"If-Match": f'"{len(model.lines)}"'},
        )
        replayed = False
        if unmoved:
            assert (answer.status_code, answer.data) == (204, b"")
            if key is not None:
                self.answers[wallet, key] = (asked, b"")
        else:
            told = answer.status_code, answer.data
            replayed = self._judge(asked, wallet, key, *told)
        assert ("Idempotent-Replayed" in answer.headers) == replayed

    @rule(
        wallet=wallets,
        other=wallets,
        asked=st.lists(st.tuples(st.sampled_from(KINDS), minors, keys), min_size=1),
        atomic=st.booleans(),
    )
    def batch(self, wallet, other, asked, atomic):
        before = deepcopy((self.bank, self.answers))
        asked = [
            (self._in_batch(wallet, kind, minor, other), key)
            for kind, minor, key in asked
        ]
        items = [
            self._item(each, wallet) | {"kind": each.kind, "key": key}
            for each, key in asked
        ]
        answer = self.calls.batch(wallet, *items, atomic=atomic)
        assert answer.status_code in (200, 422), answer.text
        for (each, key), outcome in zip(asked, answer.json["outcomes"], strict=True):
            status = outcome.pop("status")
            # Those before the item that is to blame could be done, and are untold.
            told = None if status == 424 else outcome.get("problem", outcome)
            data = told and json.dumps(told, separators=(",", ":")).encode()
            self._judge(each, wallet, key, 201 if told is None else status, data)
            if status == 422 and atomic:
                assert answer.status_code == 422
                break
        else:
            assert answer.status_code == 200
        if answer.status_code == 422:
            self.bank, self.answers = before

    def _in_batch(self, wallet, kind, minor, other):
        held = self.bank.wallets[wallet].holds
        if kind in ("capture", "release") and not held:
            kind = "hold"
        if kind == "release":
            return Asked(kind, number=minor % len(held))
        if kind == "capture":
            return Asked(kind, minor, other, minor % len(held), 0, minor % 2 == 0)
        if kind == "hold":
            return Asked(kind, minor, seconds=1 + minor % 30)
        return Asked(kind, minor, other if kind == "transfer" else None)

    def _move(self, asked, wallet, key):
        body = self._item(asked, wallet)
        path = PATHS[asked.kind].format(
            hold=body.pop("hold", None), version=asked.number + 1
        )
        answer = self.calls.post(f"/v1/wallets/{wallet}/{path}", body, **self._key(key))
        replayed = self._judge(asked, wallet, key, answer.status_code, answer.data)
        assert ("Idempotent-Replayed" in answer.headers) == replayed

    def _change(self, wallet, refusal, **body):
        answer = self.calls.client.patch(f"/v1/wallets/{wallet}", json=body)
        if refusal is None:
            assert answer.status_code == 200, answer.text
            assert answer.json.items() >= body.items()
        else:
            assert answer.status_code == 422
            assert answer.json["type"] == f"/problems/{refusal}"

    def _key(self, key):
        return {} if key is None else {"Idempotency-Key": key}

    def _text(self, currency, minor):
        if currency == "JPY":
            return str(minor)
        return f"{'-' * (minor < 0)}{abs(minor) // 100}.{abs(minor) % 100:02}"

    def _item(self, asked, wallet):
        model, item = self.bank.wallets[wallet], {}
        if asked.minor is not None:
            item["amount"] = self._text(model.currency, asked.minor)
        if asked.other is not None:
            item["to"] = asked.other
        if asked.kind in ("capture", "release"):
            item["hold"] = model.holds[asked.number].id
        if asked.kind == "hold":
            item["expires_in"] = asked.seconds
        return item | ({"keep_open": True} if asked.keep_open else {})

    def _judge(self, asked, wallet, key, status, data):
        """Compare an answer with the model, and do in the model what was done."""
        now = self.clock.us
        if key is not None and (wallet, key) in self.answers:
            earlier, first = self.answers[wallet, key]
            if earlier == asked:
                assert data in (first, None)
                return True
            expected = "key-reused"
        else:
            expected = self.bank.refusal(wallet, asked, now)
            if key is not None:
                self.answers[wallet, key] = (asked, data)
        if expected is not None:
            assert status == 422, data
            assert json.loads(data)["type"] == f"/problems/{expected}"
            return False
        assert status == 201, data
        hold = json.loads(data)["hold"]["id"] if asked.kind == "hold" and data else None
        self.bank.carry_out(wallet, asked, now, hold)
        return False

    @invariant()
    def wallets_are_those_of_the_model(self):
        listed = {}
        page = "/v1/wallets?limit=500&archived=true"
        while page:
            answer = self.calls.get(page).json
            listed |= {each["id"]: each for each in answer["wallets"]}
            page = answer["next"]
        for wallet, model in self.bank.wallets.items():
            told, held = listed[wallet], model.held(self.clock.us)
            money = (model.balance, held, model.balance - held, model.floor)
            names = ("balance", "held", "available", "floor")
            assert tuple(int(told[name].replace(".", "")) for name in names) == money
            rest = (told["version"], told["name"], told["archived"])
            assert rest == (len(model.lines), model.name, model.archived)

    def teardown(self):
        for wallet, model in self.bank.wallets.items():
            entries = self.calls.get(f"/v1/wallets/{wallet}/entries?limit=500").json
            told = [
                (int(each["amount"].replace(".", "")), each["reversed_by"] is not None)
                for each in entries["entries"]
            ]
            assert told[::-1] == [(line.change, line.undone) for line in model.lines]
            for state in ("open", "captured", "released", "expired"):
                query = f"?limit=500&state={state}"
                found = self.calls.get(f"/v1/wallets/{wallet}/holds{query}").json
                told = [
                    (each["id"], int(each["captured"].replace(".", "")))
                    for each in found["holds"]
                ]
                assert told == [
                    (hold.id, hold.captured)
                    for hold in model.holds
                    if hold.state(self.clock.us) == state
                ]
        verify(service_of(self.app).store, freeze=freeze)


@pytest.mark.model
def test_free_sequences_do_what_the_model_does(database_url, monkeypatch):
    """Every answer is foretold, and the store is sound after each sequence."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app({"DATABASE_URL": database_url, "HOME": home})

        class OnThisEngine(Machine):
            pass

        OnThisEngine.app, OnThisEngine.clock = app, Clock(monkeypatch)
        OnThisEngine.clock.of(app)
        try:
            run_state_machine_as_test(
                OnThisEngine,
                settings=settings(
                    max_examples=examples(12),
                    stateful_step_count=35,
                    # To make one that fails small takes longer than a test may.
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            service_of(app).close()


@pytest.mark.parametrize("key", ["a", None])
@pytest.mark.parametrize("member", ["balance", "floor", "archived"])
def test_the_machine_itself_notices_a_wrong_answer(
    database_url, tmp_path, monkeypatch, key, member
):
    """A model that foretells nothing would pass everything."""
    app = create_app({"DATABASE_URL": database_url, "HOME": str(tmp_path)})
    Machine.app, Machine.clock = app, Clock(monkeypatch)
    machine = Machine()
    wallet = machine.create("ZAR", 0, 1)
    machine.deposit(wallet, 100, key)
    machine.wallets_are_those_of_the_model()
    model = machine.bank.wallets[wallet]
    setattr(model, member, getattr(model, member) + 1)
    with pytest.raises(AssertionError):
        machine.wallets_are_those_of_the_model()
    service_of(app).close()
