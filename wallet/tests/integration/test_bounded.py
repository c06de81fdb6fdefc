"""Connections to PostgreSQL, which end in time and do not lead into the past."""

import socket
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from wallet.storage import bounded
from wallet.storage.connections import Limits
from wallet.storage.errors import TryAgain
from wallet.storage.store import Store


@pytest.fixture
def parameters(postgresql_url):
    """How to connect to a real server."""
    url = make_url(postgresql_url).set(drivername="postgresql")
    return conninfo_to_dict(url.render_as_string(hide_password=False))


@pytest.fixture
def connect(parameters):
    """Connect with a limit, and close at the end."""
    made = []

    def make(limit_s=None, **more):
        made.append(bounded.connect(parameters | more, limit_s))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


def test_a_connection_ends_with_an_exchange_that_takes_too_long(connect):
    """It is told from a refusal of the server, after which it can be used."""
    connection = connect(60)
    with pytest.raises(psycopg.OperationalError) as raised:
        connection.execute("SET statement_timeout = 20; SELECT pg_sleep(90)")
    assert (raised.value.sqlstate, connection.closed) == ("57014", False)
    connection.rollback()
    connection.limit_s = 0.1
    began_s = time.monotonic()
    with pytest.raises(psycopg.OperationalError) as raised:
        connection.execute("SELECT pg_sleep(90)")
    assert time.monotonic() - began_s < 2
    assert (raised.value.sqlstate, connection.closed) == (None, True)


def test_a_result_ends_with_the_next_statement(connect):
    """One cursor serves all, so a result must be taken before the next statement."""
    connection = connect()
    first = connection.execute("SELECT 6")
    assert connection.execute("SELECT %s::int", (7,)) is first
    assert first.fetchall() == [(7,)]


def test_without_a_limit_an_exchange_is_waited_for(connect):
    """Such as that of a long history which is verified."""
    assert connect().execute("SELECT 7 FROM pg_sleep(0.2)").fetchone() == (7,)
    assert Limits(statement_timeout_ms=0).exchange_s is None
    assert Limits(statement_timeout_ms=500).exchange_s == 2.5


def test_a_connection_begins_outside_of_a_transaction(connect):
    """What it was asked on connecting leaves nothing behind."""
    connection = connect()
    assert not connection.autocommit
    assert connection.info.transaction_status.name == "IDLE"
    assert (connection.cluster > 0, connection.timeline) == (True, 1)


def test_hosts_are_tried_in_their_order(connect, parameters):
    """The next one is taken where nobody listens, and all are named if none is left."""
    host, port = parameters["host"], parameters.get("port", "5432")
    for _ in range(2):
        connection = connect(host=f"127.0.0.1,{host}", port=f"1,{port}")
        assert connection.info.host == host
    with pytest.raises(psycopg.OperationalError, match=r"port 3 (.|\n)*port 4 "):
        connect(host="127.0.0.1,127.0.0.1", port="3,4")


def test_a_host_that_stands_still_is_tried_once(connect, parameters):
    """Later it comes last, and connecting does not wait for it."""
    host, port = parameters["host"], parameters.get("port", "5432")
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        hosts = f"127.0.0.1,{host}", f"{frozen.getsockname()[1]},{port}"
        took_s = []
        for _ in range(2):
            began_s = time.monotonic()
            connect(host=hosts[0], port=hosts[1], connect_timeout=2)
            took_s.append(time.monotonic() - began_s)
    assert took_s[0] > 1.9 > took_s[1]


def test_a_server_of_the_past_is_refused(connect, monkeypatch):
    """What is open to it is used no more, and nothing is opened to it."""
    monkeypatch.setattr(bounded._timelines, "_newest", {})
    before = connect()
    with monkeypatch.context() as promoted:
        later = "SELECT system_identifier, 2 FROM pg_control_system()"
        promoted.setattr(bounded, "_TIMELINE", later)
        after = connect()
    with pytest.raises(psycopg.OperationalError, match="replaced by a newer one"):
        before.execute("SELECT 7")
    assert (before.closed, after.closed) == (True, False)
    with pytest.raises(psycopg.OperationalError, match="The server is on timeline 1"):
        connect()
    assert after.execute("SELECT 7").fetchone() == (7,)


def test_a_role_without_rights_can_ask_for_the_timeline(connect, parameters):
    """It needs no more than to be let in."""
    owner = connect()
    owner.execute("CREATE ROLE plain_one LOGIN")
    owner.commit()
    try:
        plain = connect(user="plain_one")
        assert (plain.cluster, plain.timeline) == (owner.cluster, 1)
        plain.close()
    finally:
        owner.execute("DROP ROLE plain_one")
        owner.commit()


def test_a_server_that_tells_no_timeline_is_used_all_the_same(
    connect, monkeypatch, caplog
):
    """That its successor would not be known is said once."""
    monkeypatch.setattr(bounded, "_TIMELINE", "SELECT nothing FROM nowhere")
    monkeypatch.setattr(bounded._timelines, "_warned", False)
    assert [connect().execute("SELECT 7").fetchone() for _ in range(2)] == [(7,)] * 2
    assert caplog.text.count("a deposed server would not be known as one") == 1


def test_what_a_deposed_server_was_asked_is_not_written(postgresql_url):
    """The change may be tried again at once, on a new connection."""
    store = Store(make_url(postgresql_url), Limits())

    def change(deposed):
        with store.batch() as driver:
            driver.execute("SELECT 1", ())
            driver.deposed = deposed
            driver.execute("SELECT 1", ())

    try:
        with pytest.raises(TryAgain):
            change(deposed=True)
        change(deposed=False)
    finally:
        store.close()
