"""Leaders that are lost under load, in a cluster as `deploy/ha` describes it."""

import faulthandler
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil
import psycopg
import pytest

from ..actions import until
from .cluster import Cluster, Node
from .conftest import missing, suffer
from .machines import send


class Fault(NamedTuple):
    """What is done to a leader, and how its node becomes a standby again."""

    strike: Callable[[Node], None]
    mend: Callable[[Node], None]


def restart(node: Node) -> None:
    """Start a machine again, whatever still runs on it."""
    node.lose()
    node.start()


def leave(_node: Node) -> None:
    """Patroni mends it alone."""


FAULTS = {
    "crashes": Fault(Node.crash, leave),
    "hands-over": Fault(Node.hand_over, leave),
    "is-lost": Fault(Node.lose, Node.start),
    "is-frozen": Fault(Node.freeze, Node.thaw),
    "is-left-by-patroni": Fault(Node.orphan, restart),
}
#: How many leaders are lost one after another, by chance, under one load: outside CI.
MANY = int(os.environ.get("FAILOVERS", "0"))
#: Those that take seconds are drawn more often than those that take half a minute.
_CHANCES = (6, 6, 1, 1, 1)
#: Two faults under one load cost one start of its servers, and one verdict.
RUNS = [["crashes", "hands-over"], ["is-lost", "is-frozen"], ["is-left-by-patroni"]]
assert {name for run in RUNS for name in run} == {*FAULTS}
if MANY:
    RUNS = [random.choices([*FAULTS], _CHANCES, k=MANY)]  # noqa: S311  no secret


def ways(cluster: Cluster, run: list[str]) -> list[bool]:
    """Tell how wallets reach the leader: through HAProxy, or by every node directly."""
    through_haproxy = [] if cluster.haproxy is None else [False]
    # Without a watchdog, only HAProxy keeps a wallet from a leader without Patroni.
    directly = [] if MANY or "is-left-by-patroni" in run else [True]
    return through_haproxy + directly


@pytest.mark.parametrize("run", RUNS, ids=lambda run: "-".join(run[:2]))
def test_nothing_is_lost_doubled_or_stale_when_a_leader(cluster, make_field, run):
    """Another one leads, writes flow again at once, and /status never lies."""
    if MANY:
        faulthandler.cancel_dump_traceback_later()
    fields = [make_field(direct) for direct in ways(cluster, run)]
    if not fields:
        missing("HAProxy is missing: apt-get install haproxy")
    for name in run:
        strike, mend = FAULTS[name]
        mend(suffer(cluster, strike, *fields))
        cluster.wait_for_standby()
        for field in fields:
            field.must_flow()
    for field in fields:
        verdict = field.judge()
        assert verdict.what_is_wrong == ""
        assert verdict.answered > 100
        assert field.watch.lies == []
        if not field.direct:
            assert field.watch.stale == []


def test_the_wallet_may_see_how_far_a_standby_is_behind(cluster):
    """Its role is no superuser, and has the right to that."""
    cluster.wait_for_standby()
    with psycopg.connect(cluster.url("wallet", direct=True)) as session:
        asked = "SELECT usename, replay_lsn IS NULL FROM pg_stat_replication"
        assert session.execute(asked).fetchall() == [("replicator", False)]


def test_only_who_has_the_password_acts_on_a_node(cluster):
    """Without it one may ask for its role, as HAProxy does, and change nothing."""
    leader = cluster.wait_for_leader()
    cluster.wait_for_standby()
    wanted = {"leader": leader.name}
    assert leader.ask("POST", "switchover", wanted) == 401
    assert leader.ask("PATCH", "config", {"synchronous_mode": False}) == 401
    assert leader.ask("OPTIONS", "primary") == 200
    assert leader.act("PATCH", "config", {"synchronous_mode": True}) == 200
    names = "SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names'"
    assert leader.run(names) != [("",)]


def test_without_a_synchronous_standby_the_judge_finds_what_is_lost(
    cluster, make_field
):
    """So it would have found it above: these answers were durable on one disk only."""
    field = make_field(cluster.haproxy is None)
    with asynchronous(cluster, cluster.wait_for_leader()):
        field.must_flow()
        suffer(cluster, Node.crash, field)
        verdict = field.judge()
    assert verdict.lost > 0
    assert "does not have what was answered" in verdict.what_is_wrong


@contextmanager
def asynchronous(cluster: Cluster, leader: Node) -> Iterator[None]:
    """Let nobody wait for the standby, and send it nothing more."""
    names = "SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names'"
    assert leader.act("PATCH", "config", {"synchronous_mode": False}) == 200
    try:
        until(lambda: leader.run(names) == [("",)])
        ((sender,),) = leader.run("SELECT pid FROM pg_stat_replication")
        # The standby notices within five seconds, and asks another one.
        send(signal.SIGSTOP, [psutil.Process(sender)])
        yield
    finally:
        following = cluster.wait_for_leader()
        assert following.act("PATCH", "config", {"synchronous_mode": True}) == 200
        cluster.wait_for_standby()
