"""Free sequences of requests, compared with a model of a few dictionaries."""

import json
import tempfile
import uuid
from copy import deepcopy
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from wallet import create_app
from wallet.audit.verify import verify
from wallet.web.service import service_of

from ..actions import Wallets
from ..chance import examples

LARGEST = 2**63 - 1
minors = st.integers(1, 500) | st.sampled_from([LARGEST, LARGEST - 1, LARGEST // 2])
KINDS = ("deposit", "withdrawal", "transfer")
PATHS = {kind: f"{kind}s" for kind in KINDS}
keys = st.none() | st.sampled_from(["a", "b", "c"])


@dataclass
class Model:
    """A wallet as a dictionary would keep it."""

    currency: str
    floor: int
    balance: int = 0
    entries: list[int] = field(default_factory=list)


class Machine(RuleBasedStateMachine):
    """Each rule sends a request and foretells its answer."""

    app = None
    wallets = Bundle("wallets")

    def __init__(self):
        super().__init__()
        self.calls = Wallets(self.app.test_client())
        self.models = {}
        self.answers = {}

    @rule(
        target=wallets,
        currency=st.sampled_from(["ZAR", "ZAR", "JPY"]),
        floor=st.integers(0, 300),
    )
    def create(self, currency, floor):
        text = f"-{floor}" if currency == "JPY" else f"-{floor // 100}.{floor % 100:02}"
        wallet = self.calls.create(currency=currency, floor=text, name=uuid.uuid4().hex)
        self.models[wallet] = Model(currency, -floor)
        return wallet

    @rule(wallet=wallets, minor=minors, key=keys)
    def deposit(self, wallet, minor, key):
        self._move(("deposit", minor, None), wallet, key)

    @rule(wallet=wallets, minor=minors, key=keys)
    def withdraw(self, wallet, minor, key):
        self._move(("withdrawal", minor, None), wallet, key)

    @rule(wallet=wallets, other=wallets, minor=minors, key=keys)
    def transfer(self, wallet, other, minor, key):
        self._move(("transfer", minor, other), wallet, key)

    @rule(
        wallet=wallets,
        other=wallets,
        asked=st.lists(st.tuples(st.sampled_from(KINDS), minors, keys), min_size=1),
        atomic=st.booleans(),
    )
    def batch(self, wallet, other, asked, atomic):
        before = deepcopy((self.models, self.answers))
        asked = [
            ((kind, minor, other if kind == "transfer" else None), key)
            for kind, minor, key in asked
        ]
        items = [self._item(each, wallet, key) for each, key in asked]
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
            self.models, self.answers = before

    def _move(self, asked, wallet, key):
        body = self._item(asked, wallet, key)
        path, headers = PATHS[body.pop("kind")], {}
        if body.pop("key"):
            headers = {"Idempotency-Key": key}
        answer = self.calls.post(f"/v1/wallets/{wallet}/{path}", body, **headers)
        replayed = self._judge(asked, wallet, key, answer.status_code, answer.data)
        assert ("Idempotent-Replayed" in answer.headers) == replayed

    def _item(self, asked, wallet, key):
        kind, minor, other = asked
        amount = str(minor)
        if self.models[wallet].currency != "JPY":
            amount = f"{minor // 100}.{minor % 100:02}"
        to = {} if other is None else {"to": other}
        return {"kind": kind, "amount": amount, "key": key} | to

    def _foretell(self, asked, wallet, key):
        """Tell what comes of a move: 201, a refusal, or the answer that is repeated."""
        if key is not None and (wallet, key) in self.answers:
            earlier, data = self.answers[wallet, key]
            return ("replayed", data) if earlier == asked else ("key-reused", None)
        kind, minor, other = asked
        model, recipient = self.models[wallet], self.models.get(other)
        gain = model.balance + minor
        if kind == "deposit":
            return ("balance-too-large" if gain > LARGEST else 201), None
        if wallet == other:
            return "self-transfer", None
        if model.balance - minor < model.floor:
            return "insufficient-funds", None
        if recipient and recipient.currency != model.currency:
            return "currency-mismatch", None
        if recipient and recipient.balance + minor > LARGEST:
            return "balance-too-large", None
        return 201, None

    def _judge(self, asked, wallet, key, status, data):
        """Compare an answer with the model, and do in the model what was done."""
        expected, earlier = self._foretell(asked, wallet, key)
        if expected == "replayed":
            assert data in (earlier, None)
            return True
        if expected != "key-reused" and key is not None:
            self.answers[wallet, key] = (asked, data)
        if expected != 201:
            assert json.loads(data)["type"] == f"/problems/{expected}"
            return False
        assert status == 201, data
        kind, minor, other = asked
        sides = [(wallet, minor if kind == "deposit" else -minor)]
        sides += [(other, minor)] if other else []
        for side, change in sides:
            self.models[side].balance += change
            self.models[side].entries.append(change)
        return False

    @invariant()
    def balances_and_versions_are_those_of_the_model(self):
        listed = {}
        page = "/v1/wallets?limit=500"
        while page:
            answer = self.calls.get(page).json
            listed |= {each["id"]: each for each in answer["wallets"]}
            page = answer["next"]
        for wallet, model in self.models.items():
            told = listed[wallet]
            balance = int(told["balance"].replace(".", ""))
            assert (balance, told["version"]) == (model.balance, len(model.entries))

    def teardown(self):
        for wallet, model in self.models.items():
            entries = self.calls.get(f"/v1/wallets/{wallet}/entries?limit=500").json
            amounts = [int(e["amount"].replace(".", "")) for e in entries["entries"]]
            assert amounts[::-1] == model.entries
        verify(service_of(self.app).store)


@pytest.mark.model
def test_free_sequences_do_what_the_model_does(database_url):
    """Every answer is foretold, and the store is sound after each sequence."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app({"DATABASE_URL": database_url, "HOME": home})

        class OnThisEngine(Machine):
            pass

        OnThisEngine.app = app
        try:
            run_state_machine_as_test(
                OnThisEngine,
                settings=settings(
                    max_examples=examples(12),
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            service_of(app).close()


@pytest.mark.parametrize("key", ["a", None])
def test_the_machine_itself_notices_a_wrong_answer(database_url, tmp_path, key):
    """A model that foretells nothing would pass everything."""
    app = create_app({"DATABASE_URL": database_url, "HOME": str(tmp_path)})
    Machine.app = app
    machine = Machine()
    wallet = machine.create("ZAR", 0)
    machine.deposit(wallet, 100, key)
    machine.models[wallet].balance += 1
    with pytest.raises(AssertionError):
        machine.balances_and_versions_are_those_of_the_model()
    service_of(app).close()
