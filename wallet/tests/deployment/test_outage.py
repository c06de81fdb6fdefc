"""The database goes away and comes back, once for all of these tests."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from ..actions import until
from .stack import Stack
from .watch import Watch


@dataclass
class Outage:
    """A deployment whose database is away, and what it was like before."""

    stack: Stack
    watch: Watch
    wallet: str
    container: dict[str, Any]
    since: float


@pytest.fixture(scope="module")
def outage(running: Stack) -> Iterator[Outage]:
    """Somebody asks all the while; the database is stopped."""
    running.up()
    until(lambda: "WalletNotReady" not in running.alerts(), 60, each_s=0.5)
    wallet = running.create()
    (container,) = running.containers("wallet")
    with Watch(running) as watch:
        watch.settled(200)
        running.compose("stop", "db")
        yield Outage(running, watch, wallet, container, time.monotonic())


@pytest.fixture(scope="module")
def over(outage: Outage) -> Outage:
    """The database is back, and nobody touches the wallet itself."""
    outage.stack.compose("start", "db")
    return outage


def test_a_wallet_without_its_database_is_answered_for_with_503(outage):
    """By itself, and when Traefik has noticed by Traefik."""
    outage.watch.settled(503, 5)


def test_a_wallet_without_its_database_is_unhealthy(outage):
    """It says what fails, and writes nothing."""
    until(lambda: outage.stack.health("wallet") == ["unhealthy"], each_s=0.2)
    answer = outage.stack.get("/status")
    assert (answer.status, answer.json["failing"]) == (503, ["database"])
    assert outage.stack.deposit(outage.wallet, "1.00").status == 503


def test_somebody_is_called_when_the_database_is_away(outage):
    """Within a minute and a half."""
    outage.stack.fires("WalletNotReady", outage.since + 90 - time.monotonic())


def test_a_wallet_whose_database_is_back_recovers_alone(over):
    """It was not started anew, and has written nothing that it refused."""
    until(lambda: over.stack.health("wallet") == ["healthy"], each_s=0.2)
    over.watch.settled(200, 10)
    assert {status for _, _, status in over.watch.seen} <= {200, 503}
    (after,) = over.stack.containers("wallet")
    assert after["State"]["StartedAt"] == over.container["State"]["StartedAt"]
    assert after["RestartCount"] == over.container["RestartCount"]
    (address,) = over.stack.addresses()

    def deposited() -> bool:
        def deposit(number: int) -> int:
            key = f"again-{number}"
            return over.stack.deposit(over.wallet, "1.00", key, address).status

        with ThreadPoolExecutor(20) as clients:
            return {*clients.map(deposit, range(20))} == {201}

    # Each worker may find out only now that its old connection is gone.
    until(deposited)
    assert over.stack.balance(over.wallet) == "20.00"


def test_nobody_is_called_any_more_when_the_database_is_back(over):
    """Within a minute."""
    until(lambda: "WalletNotReady" not in over.stack.alerts(), 60, each_s=0.5)
