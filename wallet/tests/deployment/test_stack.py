"""The wallet, PostgreSQL and Prometheus, up from the project's own files.

The wallet is called past Traefik here, replica by replica.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from ..actions import until
from ..clients import Load
from . import project
from .stack import Stack

COUNTED = 'wallet_http_request_duration_seconds_count{route=~".*/deposits"}'


@pytest.fixture
def two(running: Stack) -> Stack:
    """The deployment with two wallets, up and healthy."""
    running.up(wallets=2)
    return running


def test_the_status_is_good_and_durable(stack):
    """The wallet says so itself."""
    answer = stack.get("/status")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    settings = dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "on")
    settings["synchronous_standby_names"] = ""
    database = {"status": "ok", "engine": "postgresql", "durable": True}
    assert answer.json["database"] == database | {"settings": settings}


@pytest.mark.parametrize(
    "path", ["/sign-in", "/static/jquery.min.js", "/docs", "/docs/swagger-ui-bundle.js"]
)
def test_the_image_has_every_file_that_the_pages_need(stack, path):
    """What was left out of it was needed by nobody."""
    assert stack.get(path).status == 200


def test_the_wallet_wants_the_token_that_was_made(stack):
    """Another one is refused."""
    assert stack.get("/v1/wallets").status == 200
    stack.secrets, kept = stack.secrets | {"operator_token": "x" * 64}, stack.secrets
    try:
        assert stack.get("/v1/wallets").status == 401
    finally:
        stack.secrets = kept


def test_a_deposit_survives_a_restart(stack):
    """Of every container."""
    wallet = stack.create()
    answered = stack.deposit(wallet, "12.50", "restart")
    stack.compose("restart", "--timeout", "15")
    stack.up()
    assert stack.balance(wallet) == "12.50"
    repeated = stack.deposit(wallet, "12.50", "restart")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.data == answered.data
    assert stack.balance(wallet) == "12.50"


def test_what_was_answered_survives_a_killed_wallet(stack):
    """What was not is there once after it is sent again."""
    wallet = stack.create()
    address = stack.addresses()[0]
    load = Load(lambda: stack.client(address), [wallet])  # wherever that is then
    try:
        until(lambda: len(load.answered) > 20, 45)
        stack.compose("kill", "--signal", "KILL", "wallet")
    finally:
        load.stop()
    assert load.other == []
    assert load.unanswered
    stack.up()
    address = stack.addresses()[0]
    load.repeat()
    cents = len(load.answered) + len(load.unanswered)
    assert Decimal(stack.balance(wallet)) * 100 == cents
    verified = stack.compose("exec", "-T", "wallet", "wallet", "verify").stdout
    assert "all is as it must be" in verified


def test_without_its_database_the_wallet_is_unhealthy_and_recovers_alone(stack):
    """Nobody touches the wallet itself."""
    wallet = stack.create()
    (before,) = stack.containers("wallet")
    stack.compose("stop", "db")
    until(lambda: stack.health("wallet") == ["unhealthy"], 45)
    answer = stack.get("/status")
    assert (answer.status, answer.json["failing"]) == (503, ["database"])
    assert stack.deposit(wallet, "1.00").status == 503
    stack.compose("start", "db")
    until(lambda: stack.health("wallet") == ["healthy"], 45)
    (after,) = stack.containers("wallet")
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]
    assert after["RestartCount"] == before["RestartCount"]

    def deposited() -> bool:
        with ThreadPoolExecutor(20) as clients:
            keys = [f"again-{number}" for number in range(20)]
            sent = clients.map(lambda key: stack.deposit(wallet, "1.00", key), keys)
            return {one.status for one in sent} == {201}

    # Each worker may find out only now that its old connection is gone.
    until(deposited, 15)
    assert stack.balance(wallet) == "20.00"


def test_a_request_in_flight_is_answered_when_the_wallet_is_stopped(stack):
    """Requests that wait for the database when SIGTERM comes are answered all."""
    wallet = stack.create()
    address = stack.addresses()[0]
    # A lock on every wallet holds all deposits back, and lets go by itself.
    lock = "BEGIN; SELECT id FROM wallets FOR UPDATE; SELECT pg_sleep(3); COMMIT"
    held = stack.start("exec", "-T", "db", "psql", "--username=wallet", "-c", lock)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    until(lambda: stack.sql(sleeping) == "1", 5)
    with ThreadPoolExecutor(20) as clients:
        sent = [
            clients.submit(stack.deposit, wallet, "1.00", address=address)
            for _ in range(20)
        ]
        time.sleep(0.5)
        assert not any(one.done() for one in sent)
        stack.compose("stop", "wallet")
        assert [one.result().status for one in sent] == [201] * 20
    held.communicate()
    (container,) = stack.containers("wallet")
    assert container["State"]["ExitCode"] == 0
    stack.up()
    assert stack.balance(wallet) == "20.00"


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
    begun = time.time()

    def scraped() -> bool:
        """Whether Prometheus has seen all that was done before this test."""
        # Of the sample: around a comparison, it would be the time of the query.
        seen = two.query('timestamp(up{job="wallet"}) and up == 1').values()
        return len(seen) == 2 and min(seen) > begun

    until(scraped, 30, each_s=0.5)
    before = two.query(f"sum by (instance) ({COUNTED})")
    for address, times in zip(addresses, (20, 30), strict=True):
        for _ in range(times):
            assert two.deposit(wallet, "1.00", address=address).status == 201

    def counted() -> list[float]:
        now = two.query(f"sum by (instance) ({COUNTED})")
        return sorted(now[name] - before.get(name, 0) for name in now)

    until(lambda: [one for one in counted() if one] == [20, 30], 30, each_s=0.5)


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


def test_down_and_up_keep_the_data_and_the_secrets(stack):
    """The containers are new, and everything else is as it was."""
    wallet = stack.create()
    stack.deposit(wallet, "7.00")
    stack.compose("down")
    assert project.make_secrets(stack.folder).stdout == ""
    assert project.secrets_of(stack.folder) == stack.secrets
    stack.up()
    assert stack.balance(wallet) == "7.00"


def test_no_secret_shows(stack, image):
    """Not in what the engine tells, in logs, in processes, or in the image."""
    wallet = stack.create()
    with stack.client() as client:
        key = client.post(f"/v1/wallets/{wallet}/keys").json["key"]
    stack.deposit(wallet, "1.00")
    seen = {
        "inspect": str(stack.containers()),
        "logs": stack.compose("logs", "--no-color").stdout,
        "processes": stack.compose("top").stdout,
        "configuration": stack.compose("config").stdout,
        "image": project.run(["docker", "history", "--no-trunc", image]).stdout,
    }
    secrets = stack.secrets | {"key": key}
    shown = [
        (name, place)
        for name, value in secrets.items()
        for place, text in seen.items()
        if value and value in text
    ]
    assert shown == []
    assert all(seen.values())


def test_a_backup_brings_back_the_money_and_the_keys(stack):
    """The lines of the manual, as they stand there, lead back to that moment."""
    backup, restore = project.lines("Backup"), project.lines("Restore")
    wallet = stack.create()
    answered = stack.deposit(wallet, "40.00", "before")
    done = stack.shell(backup)
    assert done.returncode == 0, done.stderr
    stack.deposit(wallet, "2.00", "after")
    done = stack.shell(restore)
    assert done.returncode == 0, done.stderr
    assert "all is as it must be" in done.stdout
    stack.up()
    assert stack.balance(wallet) == "40.00"
    repeated = stack.deposit(wallet, "40.00", "before")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.data == answered.data
    assert stack.deposit(wallet, "2.00", "after").status == 201
    assert stack.balance(wallet) == "42.00"
