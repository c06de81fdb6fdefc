"""Databases that go away, stand still, or break off in the middle of a commit."""

import sqlite3
from contextlib import closing

import pytest

from wallet import create_app
from wallet.web.service import service_of

from ..actions import Wallets, until
from ..proxy import Proxy

pytestmark = pytest.mark.slow

#: When the database is back, a service is well again within seconds.
SECONDS = 10


@pytest.fixture
def proxy(postgresql_url):
    """A line to PostgreSQL that can be cut."""
    proxy = Proxy(postgresql_url)
    yield proxy
    proxy.close()


@pytest.fixture
def proxied(proxy, tmp_path):
    """Calls to a service whose database is behind the proxy."""
    app = create_app({"DATABASE_URL": proxy.url, "HOME": str(tmp_path)})
    yield Wallets(app.test_client())
    service_of(app).close()


@pytest.mark.parametrize(("cut", "replayed"), [("before", None), ("after", "true")])
def test_a_connection_lost_at_commit_leaves_the_outcome_unknown(
    proxied, proxy, cut, replayed
):
    """The same key tells whether it was done, and does it only if it was not."""
    wallet = proxied.create()
    proxy.cut = cut
    lost = proxied.deposit(wallet, 5, key="k")
    proxy.cut = None
    assert (lost.status_code, lost.json["type"]) == (503, "/problems/outcome-unknown")
    until(lambda: proxied.get("/status").status_code == 200, SECONDS)
    again = proxied.deposit(wallet, 5, key="k")
    assert again.status_code == 201
    assert again.headers.get("Idempotent-Replayed") == replayed
    assert proxied.balance(wallet) == ("5.00", 1)


def test_a_database_that_restarts_is_used_again(proxied, proxy):
    """What was idle meanwhile finds its connections broken, and nobody hears of it."""
    wallet = proxied.create()
    for done in range(1, 4):
        proxied.balance(wallet)
        assert proxied.get(f"/wallets/{wallet}").status_code == 200
        proxy.cut_everything()
        written = proxied.deposit(wallet, 1, key=f"{done}")
        assert written.status_code == 201
        reads = [proxied.get(f"/v1/wallets/{wallet}").status_code for _ in range(5)]
        assert reads == [200] * 5
        proxy.cut_everything()
        assert proxied.get("/status").status_code == 200
        assert proxied.get(f"/wallets/{wallet}").status_code == 200
        assert proxied.balance(wallet) == (f"{done}.00", done)


def test_a_stopped_postgresql_is_waited_for(make_server, own_postgresql):
    """While it is away, writes and health say 503; when it is back, all is well."""
    url, stop, start = own_postgresql
    server = make_server(url).start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        path = f"/v1/wallets/{wallet}/deposits"
        assert client.post(path, {"amount": "1"}, key="a").status == 201
        stop()
        away = client.post(path, {"amount": "1"}, key="b")
        assert (away.status, away.headers["Retry-After"]) == (503, "1")
        health = client.get("/status")
        assert health.status == 503
        assert health.json["failing"] == ["database", "writer"]
        assert b"sock" not in health.data
        start()
        until(lambda: client.post(path, {"amount": "1"}, key="b").status == 201)
        until(lambda: client.get("/status").status == 200, SECONDS)
        assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "2.00"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_sqlite_file_that_is_taken_away_is_not_written_to(
    make_server, tmp_path, replaced
):
    """What went to it would be gone after the restart; put back, it goes on."""
    path, aside = tmp_path / "wallet.db", tmp_path / "aside.db"
    server = make_server(f"sqlite:///{path}").start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        deposits = f"/v1/wallets/{wallet}/deposits"
        path.rename(aside)
        if replaced:
            path.write_bytes(aside.read_bytes())
        refused = client.post(deposits, {"amount": "1"}, key="k")
        assert (refused.status, refused.json["type"]) == (503, "/problems/unavailable")
        assert client.get("/status").status == 503
        aside.rename(path)
        until(lambda: client.get("/status").status == 200, SECONDS)
        assert client.post(deposits, {"amount": "1"}, key="k").status == 201
        assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "1.00"
    assert "was removed or replaced since it was opened" in server.log.read_text()


def test_a_locked_sqlite_is_waited_for(make_server, tmp_path):
    """Another program that holds the file makes writes 503, and reads go on."""
    path = tmp_path / "wallet.db"
    server = make_server(f"sqlite:///{path}", LOCK_TIMEOUT_MS="300").start()
    with server.client() as client, closing(sqlite3.connect(path)) as other:
        wallet = client.post("/v1/wallets").json["id"]
        other.execute("BEGIN IMMEDIATE")
        held = client.post(f"/v1/wallets/{wallet}/deposits", {"amount": "1"}, key="k")
        assert (held.status, held.json["type"]) == (503, "/problems/unavailable")
        assert client.get(f"/v1/wallets/{wallet}").json["version"] == 0
        other.rollback()
        again = client.post(f"/v1/wallets/{wallet}/deposits", {"amount": "1"}, key="k")
        assert again.status == 201
