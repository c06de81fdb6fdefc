"""Databases that stand still: nothing is refused, broken off or answered."""

import signal
import time
from contextlib import closing

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from wallet import create_app
from wallet.web.service import service_of

from ..actions import Wallets, in_thread, until
from ..proxy import Proxy

pytestmark = pytest.mark.slow

#: With these an exchange may take 2.1 seconds, and a new connection 3.
HASTY = {"STATEMENT_TIMEOUT_MS": "100", "LOCK_TIMEOUT_MS": "500"}
EXCHANGE_S = 2.1
#: How long anyone may wait: for an exchange, and for a new connection after it.
BOUND_S = 7


@pytest.fixture
def proxy(postgresql_url):
    """A line to PostgreSQL that can stand still."""
    with closing(Proxy(postgresql_url)) as proxy:
        yield proxy


@pytest.fixture
def serve(tmp_path):
    """Make services in this process, and close them."""
    services = []

    def make(url, **settings):
        given = HASTY | {"DATABASE_URL": url, "HOME": str(tmp_path)} | settings
        app = create_app(given)
        services.append(service_of(app))
        return Wallets(app.test_client())

    yield make
    for service in services:
        service.close()


@pytest.fixture
def asked(serve, proxy):
    """Calls to a service whose database may stand still."""
    return serve(proxy.url)


def timed(call, *arguments, **more):
    """The answer to a call, which came in time."""
    began_s = time.monotonic()
    answer = call(*arguments, **more)
    assert time.monotonic() - began_s < BOUND_S
    return answer


def anew(calls):
    """The same calls, for another thread."""
    return Wallets(calls.client.application.test_client())


def outcome(answer):
    return answer.status_code, (answer.json or {}).get("type")


def well(calls):
    """Whether the service is healthy, by itself."""
    return calls.get("/status").status_code == 200


def must_be_well(calls):
    """Wait until it is, which takes seconds."""
    until(lambda: well(calls), 10)


UNAVAILABLE = (503, "/problems/unavailable")
UNKNOWN = (503, "/problems/outcome-unknown")


@pytest.mark.parametrize(
    ("frozen_at", "told", "replayed"),
    [
        (b"wallets.seal", UNAVAILABLE, None),
        (b"INSERT INTO", UNAVAILABLE, None),
        (b"COMMIT", UNKNOWN, None),
        # How the server says that it is done.
        (b"C\0\0\0\x0bCOMMIT", UNKNOWN, "true"),
    ],
)
def test_what_became_of_a_change_is_told_in_time(
    asked, proxy, frozen_at, told, replayed
):
    """Before the commit was sent nothing is written; after it, nobody knows."""
    wallet = asked.create()
    assert asked.deposit(wallet, 1, key="a").status_code == 201
    proxy.frozen_at = frozen_at
    assert outcome(timed(asked.deposit, wallet, 5, key="k")) == told
    assert proxy.is_frozen
    proxy.thaw()
    must_be_well(asked)
    again = asked.deposit(wallet, 5, key="k")
    assert again.status_code == 201
    assert again.headers.get("Idempotent-Replayed") == replayed
    assert asked.balance(wallet) == ("6.00", 2)


def test_a_database_that_stands_still_is_given_up_and_found_again(asked, proxy):
    """Reads, pages, feeds, changes and new connections: each ends in time."""
    wallet = asked.create()
    path = f"/v1/wallets/{wallet}"
    follower, followed = in_thread(anew(asked).get, f"{path}/entries?after=0&wait=50")
    until(lambda: service_of(asked.client.application).feed._waiters)
    proxy.freeze()
    calls = [
        (anew(asked).get, path),
        (anew(asked).get, f"/wallets/{wallet}"),
        (anew(asked).get, f"{path}/entries?after=0&wait=1"),
        (anew(asked).get, "/status"),
        (anew(asked).post, f"{path}/deposits", {"amount": "1"}),
    ]
    threads = [in_thread(timed, *call) for call in calls]
    for thread, _ in threads:
        thread.join(60)
    answers = [answer for _, (answer,) in threads]
    assert [answer.status_code for answer in answers] == [503] * 5
    # Now there is no connection left, and none is to be had.
    assert outcome(timed(asked.post, f"{path}/deposits", {"amount": "1"})) == (
        UNAVAILABLE
    )
    health = timed(asked.get, "/status")
    assert health.status_code == 503
    assert health.json["failing"] == ["database", "writer"]
    proxy.thaw()
    must_be_well(asked)
    assert asked.balance(wallet) == ("0.00", 0)
    assert asked.deposit(wallet, 1).status_code == 201
    follower.join(60)
    assert [entry["amount"] for entry in followed[0].json["entries"]] == ["1.00"]


def test_the_next_host_is_written_to_when_the_first_stands_still(
    serve, proxy, postgresql_url
):
    """Once the first is given up, what waited is done, and nothing waits again."""
    other = Proxy(postgresql_url)
    url = make_url(proxy.url)
    hosts = f"127.0.0.1:{proxy.port},127.0.0.1:{other.port}"
    who = f"{url.username}:{url.password}@" if url.password else f"{url.username}@"
    with closing(other):
        asked = serve(f"postgresql://{who}{hosts}/{url.database}")
        wallet = asked.create()
        assert asked.deposit(wallet, 1, key="a").status_code == 201
        proxy.freeze()
        first = timed(asked.deposit, wallet, 4, key="k")
        assert (first.status_code, "Idempotent-Replayed" in first.headers) == (
            201,
            False,
        )
        began_s = time.monotonic()
        assert asked.deposit(wallet, 4, key="k").data == first.data
        assert time.monotonic() - began_s < EXCHANGE_S
        must_be_well(asked)
        assert asked.balance(wallet) == ("5.00", 2)


@pytest.fixture
def session(own_postgresql):
    """A session of somebody who may do everything in a PostgreSQL of the test's own."""
    url, _, _ = own_postgresql
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as session:
        yield session


def configure(session, name, value):
    """Have the whole server take a setting."""
    session.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    session.execute("SELECT pg_reload_conf()")


def test_a_server_that_is_stopped_is_waited_for_no_longer(
    serve, own_postgresql, session
):
    """Its processes stand still while the kernel acknowledges what is sent to them."""
    url, _, _ = own_postgresql
    asked = serve(url)
    wallet = asked.create()
    postgresql = psutil.Process(session.info.backend_pid).parent()
    stopped = [postgresql, *postgresql.children()]
    try:
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        assert outcome(timed(asked.deposit, wallet, 5, key="k")) == UNAVAILABLE
        assert timed(asked.get, f"/v1/wallets/{wallet}").status_code == 503
        assert not well(asked)
    finally:
        for process in stopped:
            process.send_signal(signal.SIGCONT)
    must_be_well(asked)
    assert asked.balance(wallet) == ("0.00", 0)
    assert asked.deposit(wallet, 5, key="k").status_code == 201


def test_a_commit_that_waits_for_a_lost_standby_is_told_and_shown(
    serve, own_postgresql, session
):
    """Reads go on, and the writer is well again without being asked to write."""
    asked = serve(own_postgresql[0])
    wallet = asked.create()
    configure(session, "synchronous_standby_names", "nobody")
    until(
        lambda: (
            asked.get("/status").json["database"]["settings"][
                "synchronous_standby_names"
            ]
            == "nobody"
        )
    )
    assert outcome(timed(asked.deposit, wallet, 5, key="k")) == UNKNOWN
    health = asked.get("/status")
    assert (health.status_code, health.json.get("failing")) == (503, ["writer"])
    assert asked.balance(wallet) == ("0.00", 0)
    configure(session, "synchronous_standby_names", "")
    must_be_well(asked)
    again = asked.deposit(wallet, 5, key="k")
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert asked.balance(wallet) == ("5.00", 1)
