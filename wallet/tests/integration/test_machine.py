"""Free sequences of requests, compared with a model of a few dictionaries."""

import tempfile
import uuid
from dataclasses import dataclass
from dataclasses import field

import pytest
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import invariant
from hypothesis.stateful import rule
from hypothesis.stateful import run_state_machine_as_test

from wallet import create_app
from wallet.service import service_of
from wallet.verify import verify

from ..actions import Wallets

LARGEST = 2**63 - 1
minors = st.integers(1, 500) | st.sampled_from([LARGEST, LARGEST - 1, LARGEST // 2])
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
        model = self.models[wallet]
        refusal = None
        if model.balance + minor > LARGEST:
            refusal = "balance-too-large"
        self._move("deposits", wallet, minor, key, refusal, [(wallet, minor)])

    @rule(wallet=wallets, minor=minors, key=keys)
    def withdraw(self, wallet, minor, key):
        model = self.models[wallet]
        refusal = None
        if model.balance - minor < model.floor:
            refusal = "insufficient-funds"
        self._move("withdrawals", wallet, minor, key, refusal, [(wallet, -minor)])

    @rule(wallet=wallets, other=wallets, minor=minors, key=keys)
    def transfer(self, wallet, other, minor, key):
        model, recipient = self.models[wallet], self.models[other]
        refusal = None
        if wallet == other:
            refusal = "self-transfer"
        elif model.balance - minor < model.floor:
            refusal = "insufficient-funds"
        elif model.currency != recipient.currency:
            refusal = "currency-mismatch"
        elif recipient.balance + minor > LARGEST:
            refusal = "balance-too-large"
        sides = [(wallet, -minor), (other, minor)]
        self._move("transfers", wallet, minor, key, refusal, sides, to=other)

    def _move(self, path, wallet, minor, key, refusal, sides, **more):
        exponent = 0 if self.models[wallet].currency == "JPY" else 2
        body = {"amount": str(minor), **more}
        if exponent:
            body["amount"] = f"{minor // 100}.{minor % 100:02}"
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.calls.post(f"/v1/wallets/{wallet}/{path}", body, **headers)
        asked = (path, minor, more.get("to"))
        earlier = self.answers.get((wallet, key))
        if key is not None and earlier is not None:
            if earlier[0] == asked:
                assert answer.data == earlier[1]
                assert answer.headers["Idempotent-Replayed"] == "true"
            else:
                assert answer.json["type"] == "/problems/key-reused"
            return
        if key is not None:
            self.answers[wallet, key] = (asked, answer.data)
        if refusal is not None:
            assert answer.json["type"] == f"/problems/{refusal}"
            return
        assert answer.status_code == 201, answer.text
        for side, change in sides:
            model = self.models[side]
            model.balance += change
            model.entries.append(change)

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
                    max_examples=25,
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
