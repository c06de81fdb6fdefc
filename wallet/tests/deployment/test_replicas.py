"""Two and three replicas, which share the work, come together, and are lost."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..actions import in_thread, locking, until
from ..clients import Answer
from .stack import Stack
from .watch import Watch

COUNTED = 'wallet_http_request_duration_seconds_count{route=~".*/deposits"}'


@pytest.fixture
def two(running: Stack) -> Stack:
    """The deployment with two wallets, up and healthy."""
    running.up(wallets=2)
    return running


def test_traefik_shows_each_replica_of_the_wallet(two):
    """In what its dashboard reads."""
    urls = {f"http://{address}:8000" for address in two.addresses()}
    until(lambda: two.servers() == dict.fromkeys(urls, "UP"), each_s=0.1)


def test_two_replicas_share_the_work(two):
    """Each sees at once what the other did, and the history is whole."""
    wallet = two.create()
    addresses = two.addresses()
    assert len(set(addresses)) == 2
    assert two.health("wallet") == ["healthy", "healthy"]

    def deposit(number: int) -> int:
        address = addresses[number % 2]
        return two.deposit(wallet, "1.00", f"two-{number}", address=address).status

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(deposit, range(60))) == {201}
    assert {two.balance(wallet, one) for one in addresses} == {"60.00"}
    # A key that one replica has answered is known to the other.
    repeated = two.deposit(wallet, "1.00", "two-0", address=addresses[1])
    assert repeated.headers["Idempotent-Replayed"] == "true"
    verified = two.compose("exec", "-T", "wallet", "wallet", "verify").stdout
    assert "all is as it must be" in verified


def test_prometheus_counts_what_two_replicas_did(two):
    """Each replica has numbers of its own, and together they are what was asked."""
    wallet = two.create()
    addresses = two.addresses()
    two.scraped(2)
    before = two.query(f"sum by (instance) ({COUNTED})")
    for address, times in zip(addresses, (20, 30), strict=True):
        for _ in range(times):
            assert two.deposit(wallet, "1.00", address=address).status == 201

    def counted() -> list[float]:
        now = two.query(f"sum by (instance) ({COUNTED})")
        return sorted(now[name] - before.get(name, 0) for name in now)

    until(lambda: [one for one in counted() if one] == [20, 30], each_s=0.5)


def test_with_a_replica_less_every_request_is_answered(two):
    """One of two is killed: only what it was doing is lost, and nobody waits."""
    with Watch(two) as watch:
        watch.settled(200)
        killed = two.containers("wallet")[0]["Id"]
        two.engine("kill", killed)
        until(lambda: two.running("wallet") == 1)
        since = time.monotonic()
        until(lambda: len(watch.since(since)) > 40)
    assert set(watch.since(since)) == {200}
    assert watch.longest_s(since) < 2.5


def test_what_a_replica_has_received_is_not_sent_to_another(two):
    """It might have been done: without a key, that would be twice."""
    wallet = two.create()
    with Watch(two) as watch:
        watch.settled(200)
    replicas = dict(
        zip(two.addresses(network="back"), two.containers("wallet"), strict=True)
    )
    waiting = (
        "SELECT host(client_addr) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    )
    with locking(two.database_url, wallet) as session:
        found: list[str] = []

        def waits() -> bool:
            # What a transaction has once seen of others it sees again.
            session.execute("SELECT pg_stat_clear_snapshot()")
            for row in session.execute(waiting).fetchmany(1):
                found.extend(row)
            return bool(found)

        thread, results = in_thread(_deposit, two, wallet)
        until(waits, each_s=0.02)
        two.engine("kill", replicas[found[0]]["Id"])
        thread.join(20)
    (answer,) = results
    assert answer.status == 502
    with two.outside() as client:
        assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "0.00"
        entries = client.get(f"/v1/wallets/{wallet}/entries").json["entries"]
    assert entries == []


def test_three_replicas_that_start_together_make_the_tables_once(running):
    """On an empty database, all three come up."""
    running.compose("down", "--volumes")
    running.up(wallets=3)
    assert running.health("wallet") == ["healthy"] * 3
    assert all(one["RestartCount"] == 0 for one in running.containers("wallet"))
    assert running.sql("SELECT count(*) FROM alembic_version") == "1"
    wallet = running.create()
    for address in running.addresses():
        assert running.deposit(wallet, "1.00", address=address).status == 201
    assert running.balance(wallet) == "3.00"


def _deposit(stack: Stack, wallet: str) -> Answer:
    with stack.outside() as client:
        return client.deposit(wallet, "1.00")
