"""Real threads that start together, on one process."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from wallet.audit.verify import verify
from wallet.web.service import service_of

from ..actions import Wallets

THREADS = 16


def together(app, work):
    """Run work in every thread at the same moment, and gather the results."""
    barrier = threading.Barrier(THREADS)

    def run(number):
        calls = Wallets(app.test_client())
        barrier.wait(60)
        return work(calls, number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_one_hot_wallet_counts_every_deposit(app, local):
    """Many threads on one wallet lose nothing and skip no version."""
    wallet = local.create()

    def deposit(calls, _number):
        answers = [calls.deposit(wallet, "0.01") for _ in range(20)]
        return [answer.json["entry"]["version"] for answer in answers]

    versions = sorted(chain.from_iterable(together(app, deposit)))
    assert versions == list(range(1, 20 * THREADS + 1))
    assert local.balance(wallet) == ("3.20", 320)


def test_one_wallet_is_never_spent_below_its_floor(app, local):
    """Of many withdrawals at once, exactly as many succeed as there is money for."""
    wallet = local.create()
    local.deposit(wallet, 10)

    def withdraw(calls, _number):
        return [calls.withdraw(wallet, 1).status_code for _ in range(2)]

    statuses = sorted(chain.from_iterable(together(app, withdraw)))
    assert statuses == [201] * 10 + [422] * (2 * THREADS - 10)
    assert local.balance(wallet) == ("0.00", 11)


def test_opposite_transfers_neither_deadlock_nor_lose_money(app, local):
    """Half of the threads send one way, half the other."""
    ada, bob = local.create(), local.create()
    local.deposit(ada, 100)
    local.deposit(bob, 100)

    def transfer(calls, number):
        one, other = (ada, bob) if number % 2 else (bob, ada)
        return [calls.transfer(one, other, "0.50").status_code for _ in range(10)]

    assert set(chain.from_iterable(together(app, transfer))) == {201}
    assert local.balance(ada)[0] == local.balance(bob)[0] == "100.00"
    assert verify(service_of(app).store).operations == 2 + 10 * THREADS


def test_one_key_from_many_threads_moves_money_once(app, local):
    """All of them are answered, with the same bytes."""
    wallet = local.create()
    answers = together(app, lambda calls, _: calls.deposit(wallet, 5, key="k"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert sorted(replayed, key=str) == [None] + ["true"] * (THREADS - 1)
    assert local.balance(wallet) == ("5.00", 1)


def test_one_creation_key_from_many_threads_makes_one_wallet(app, local):
    """The same wallet and the same key for all."""
    header = {"Idempotency-Key": "new"}
    answers = together(app, lambda calls, _: calls.post("/v1/wallets", {}, **header))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert len(local.get("/v1/wallets").json["wallets"]) == 1


def test_one_version_is_continued_once(app, local):
    """Of many requests that saw the same version, one wins."""
    wallet = local.create()
    answers = together(app, lambda calls, _: calls.deposit(wallet, 1, if_match='"0"'))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [412] * (THREADS - 1)
