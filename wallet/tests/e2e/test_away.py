"""A database that is away when a server or one of its workers starts."""

import re
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from ..actions import until
from ..clients import BROKEN
from .test_serve import refused

pytestmark = pytest.mark.slow


def workers(server):
    """The processes that serve, by their ids."""
    found = set()
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            if child.status() != "zombie":
                found.add(child.pid)
    return found


def says(server):
    """The status of its health, whatever it is."""
    try:
        with server.client() as client:
            return client.get("/status").status
    except BROKEN:
        return None


def told(server, workers):
    """What the workers, reached by chance, say of their health and to a change."""
    seen = set()
    for _ in range(workers * 6):
        with server.client() as client:
            health, page = client.get("/status"), client.get("/")
            # Its body is not read, so its connection ends.
            answer = client.post("/v1/wallets", {"name": "Ada"})
        kind = answer.json.get("type")
        seen.add((health.status, tuple(health.json.get("failing", ())), kind))
        seen.add(page.status)
    return seen


def until_all_say(server, count, status):
    """Wait until each of so many workers, found by chance, says this of its health."""
    said = {}

    def all_say():
        with suppress(*BROKEN), server.client() as client:
            answer = client.get("/status")
            said[serving(server, client)] = answer.status
        return [said.get(pid) for pid in workers(server)] == [status] * count

    until(all_say)


def serving(server, client):
    """The worker at the other end of a connection."""
    here = client._connection.sock.getsockname()
    for pid in workers(server):
        with suppress(psutil.NoSuchProcess):
            if here in [each.raddr for each in psutil.Process(pid).net_connections()]:
                return pid
    return None


PASSWORD = "secret"
AWAY = {(503, ("database",), "/problems/unavailable"), 503}


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_dies_while_the_database_is_away_is_replaced(
    make_server, own_postgresql, count
):
    """The new one answers 503 until the database is back, and so does the server."""
    url, stop, start = own_postgresql
    server = make_server(url).start(count)
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "1", "a").status == 201
    stop()
    before = workers(server)
    for pid in before:
        psutil.Process(pid).kill()
    until(lambda: not before & workers(server) and len(workers(server)) == count)
    until_all_say(server, count, 503)
    assert told(server, count) == AWAY
    start()
    until_all_say(server, count, 200)
    with server.client() as client:
        assert client.get(f"/v1/wallets/{wallet}").json["version"] == 1
        again = client.deposit(wallet, "1", "a")
        assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
        assert client.deposit(wallet, "1", "b").status == 201
        assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "2.00"
    assert server.stop()[0] == 0


def test_a_server_that_starts_while_the_database_is_away_waits_for_it(
    make_server, own_postgresql
):
    """It makes the tables when the database comes, and logs what it waited for."""
    url, stop, start = own_postgresql
    stop()
    server = make_server(url)
    server.launch(2)
    until_all_say(server, 2, 503)
    assert told(server, 2) == AWAY
    with server.client() as client:
        assert client.get("/docs").status == 200
    assert server.process.poll() is None
    start()
    until_all_say(server, 2, 200)
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "1").status == 201
    assert "which cannot be reached" in server.log.read_text()
    assert "the database is waited for: connection" in server.log.read_text()
    assert server.run("verify").returncode == 0
    assert server.stop()[0] == 0


def test_a_server_that_waits_for_its_database_can_be_stopped(make_server):
    """At once, with success."""
    server = make_server("postgresql://nobody@127.0.0.1:1/x")
    server.launch(2)
    until_all_say(server, 2, 503)
    assert told(server, 2) == AWAY
    code, took_s = server.stop()
    assert (code, took_s < 8) == (0, True)


@pytest.fixture
def session(own_postgresql):
    """A session of somebody who may do everything in a PostgreSQL of the test's own."""
    plain = own_postgresql[0].replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as session:
        yield session


def test_a_server_that_starts_during_a_failover_waits_for_the_new_leader(
    make_server, own_postgresql, session
):
    """It does not take a standby for one, though that lets it in with its password."""
    url = make_url(own_postgresql[0])
    session.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
    ask_for_passwords(session)
    session.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    session.execute("SELECT pg_reload_conf()")
    given = {"target_session_attrs": "read-write"}
    leader = url.set(password=PASSWORD).update_query_dict(given)
    server = make_server(leader.render_as_string(hide_password=False))
    server.launch(2)
    until_all_say(server, 2, 503)
    assert told(server, 2) == AWAY
    session.execute("ALTER SYSTEM RESET default_transaction_read_only")
    session.execute("SELECT pg_reload_conf()")
    until_all_say(server, 2, 200)
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "1").status == 201
    assert "session is read-only" in server.log.read_text()
    wrong = make_server(
        url.set(password=PASSWORD[1:]).render_as_string(hide_password=False)
    )
    assert refused(wrong, "serve").startswith("The database cannot be used")


def ask_for_passwords(session):
    """Let nobody in without one from now on; who is in stays."""
    (path,) = session.execute("SHOW hba_file").fetchone()
    Path(path).write_text("local all all scram-sha-256\n")
    session.execute("SELECT pg_reload_conf()")


def test_a_worker_ends_for_nothing_that_the_database_says(
    make_server, own_postgresql, session
):
    """What would end a start is waited for while the server serves."""
    session.execute("CREATE DATABASE moved")
    url = make_url(own_postgresql[0]).set(database="moved")
    server = make_server(url.render_as_string(hide_password=False)).start(2)
    session.execute("ALTER DATABASE moved ALLOW_CONNECTIONS false")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    until(lambda: session.execute(ended, ("moved",)).rowcount == 0)
    session.execute("ALTER DATABASE moved RENAME TO elsewhere")
    before = workers(server)
    for pid in before:
        psutil.Process(pid).kill()
    until(lambda: not before & workers(server) and len(workers(server)) == 2)
    until_all_say(server, 2, 503)
    assert told(server, 2) == AWAY
    session.execute("ALTER DATABASE elsewhere RENAME TO moved")
    session.execute("ALTER DATABASE moved ALLOW_CONNECTIONS true")
    until_all_say(server, 2, 200)
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "1").status == 201
    assert server.stop()[0] == 0


def test_what_waiting_will_not_mend_ends_the_start(make_server, postgresql_url):
    """The server is there, and has no such database."""
    url = make_url(postgresql_url).set(database="none")
    server = make_server(url.render_as_string(hide_password=False))
    assert refused(server, "serve").startswith("The database cannot be used")


def test_the_metrics_go_on_while_the_database_is_away(make_server, own_postgresql):
    """They tell so, count what an alert looks for, and are soon there in any case."""
    url, stop, start = own_postgresql
    server = make_server(url, METRICS_TOKEN="m" * 16).start()
    refused = r'^wallet_http_\w+_count\{.*route="/status",status="503"\} (\S+)$'

    def told(name):
        began_s = time.monotonic()
        with server.client("m" * 16) as client:
            answer = client.get("/metrics")
        # A scrape of Prometheus waits for five seconds.
        assert (answer.status, time.monotonic() - began_s < 5) == (200, True)
        return [float(each) for each in re.findall(name, answer.data.decode(), re.M)]

    up, size = r"^wallet_database_up (\S+)$", r"^wallet_database_size_bytes (\S+)$"
    assert (told(up), len(told(size)), told(refused)) == ([1], 1, [])
    stop()
    until(lambda: says(server) == 503)
    until(lambda: told(refused) >= [1])
    assert (told(up), told(size), told(r"^wallet_workers (\S+)$")) == ([0], [], [1])
    start()
    until(lambda: (told(up), len(told(size))) == ([1], 1))
