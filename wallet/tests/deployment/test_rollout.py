"""Replicas that come and go under load, through Traefik."""

import os
from decimal import Decimal

import pytest

from ..actions import until
from ..clients import Load
from .stack import Stack

#: First tries that must have been made, of which one may fail.
TRIES = int(os.environ.get("TRIES", "500"))


@pytest.fixture
def three(running: Stack) -> Stack:
    """The deployment with three wallets."""
    running.up(wallets=3)
    return running


def test_a_rollout_that_fails_leaves_who_served(three):
    """Whatever stood in its way; nothing of it is left."""
    before = {one["Id"] for one in three.containers("wallet")}
    failed = three.shell(f"WALLET_DEFAULT_CURRENCY=none {rollout(three)}")
    assert failed.returncode != 0
    assert "broken off; the containers that were serving go on." in failed.stderr
    assert {one["Id"] for one in three.containers("wallet")} == before
    assert three.health("wallet") == ["healthy"] * 3


def test_a_rollout_of_three_replicas_loses_nothing(three):
    """All containers are others, and no client has noticed."""
    before = {one["Id"] for one in three.containers("wallet")}
    with Loaded(three) as loaded:
        done = three.shell(rollout(three))
        assert done.returncode == 0, done.stderr
        after = {one["Id"] for one in three.containers("wallet")}
        # The next start leaves them as they are.
        three.compose("up", "--detach", "--no-build", "--scale", "wallet=3")
        loaded.enough()
    assert len(after) == 3
    assert not after & before
    assert {one["Id"] for one in three.containers("wallet")} == after
    assert len(loaded.failed) <= 1
    loaded.judge()


def test_replicas_come_and_go_under_load(three):
    """From three to one and back: nothing is lost, and nothing done twice."""
    with Loaded(three) as loaded:
        three.up(wallets=1)
        three.up(wallets=3)
        loaded.enough()
    assert len(loaded.failed) <= 1
    loaded.judge()


def test_a_replica_that_is_stopped_loses_nothing(three):
    """By the engine alone."""
    stopped = three.containers("wallet")[0]["Id"]
    with Loaded(three) as loaded:
        three.engine("stop", stopped)
        until(lambda: len(three.servers()) == 2, each_s=0.1)
        loaded.enough()
    assert len(loaded.failed) <= 1
    loaded.judge()


def rollout(stack: Stack) -> str:
    """Write what `make rollout` does in a deployment."""
    return f"./deploy/rollout.sh {' '.join(stack.command())}"


class Loaded:
    """Clients that deposit through Traefik, and what became of their requests."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        with stack.outside() as client:
            self.wallets = [client.post("/v1/wallets").json["id"] for _ in range(4)]

    def __enter__(self) -> "Loaded":
        # At full speed, Traefik's own check would find the last replica too slow.
        self._load = Load(self.stack.outside, self.wallets, pause_s=0.1)
        return self

    def __exit__(self, *_error: object) -> None:
        self._load.stop()

    @property
    def failed(self) -> list:
        return [*self._load.unanswered, *self._load.other]

    def enough(self) -> None:
        """Wait until there were as many requests as the test wants."""
        enough_s = 90 + TRIES / 10

        def made() -> bool:
            return len(self._load.answered) + len(self.failed) > TRIES

        until(made, enough_s, each_s=1)

    def judge(self) -> None:
        """Hold the money against the answers."""
        self._load.repeat(last=100)
        cents = len(self._load.answered) + len(self._load.unanswered)
        unknown = len(self._load.other)
        with self.stack.outside() as client:
            held = [
                Decimal(client.get(f"/v1/wallets/{each}").json["balance"]) * 100
                for each in self.wallets
            ]
        assert cents <= sum(held) <= cents + unknown
        told = self.stack.compose("exec", "-T", "wallet", "wallet", "verify").stdout
        assert "all is as it must be" in told
        print(f"{cents} first tries, {len(self.failed)} failed")  # noqa: T201  asked for
