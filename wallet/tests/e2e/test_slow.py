"""Clients that send half, read nothing or say nothing, beside one that pays."""

import csv
import http.client
import io
import resource
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from ..actions import until
from ..proxy import Proxy
from ..servers import Server
from .conftest import SHARED
from .test_edges import page, post

pytestmark = pytest.mark.slow

#: Of each kind that takes a thread; as many as a worker has by itself.
MANY = 64
SILENT = 2_000
#: Three bytes each in a file, so that a statement is more than the kernel takes.
NOTE = "€" * 500
ENTRIES, BATCH = 3_000, 300
BUNDLE = "/docs/swagger-ui-bundle.js"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.fixture
def lines():
    """Connections that are open until the end of the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, hard), hard))
    with ExitStack() as stack:
        yield lambda server, text="": stack.enter_context(connect(server, text))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(server, text):
    """Send some text, and let the kernel take little of the answer."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(60)
    line.connect(("127.0.0.1", server.port))
    line.sendall(text.encode())
    return line


def make_history(server):
    """Make a wallet with a statement of several megabytes."""
    item = {"kind": "deposit", "amount": "0.01", "note": NOTE}
    with server.client() as client:
        wallet = client.post("/v1/wallets").json
        for _ in range(ENTRIES // BATCH):
            body = {"operations": [item] * BATCH}
            answer = client.post(f"/v1/wallets/{wallet['id']}/batches", body)
            assert answer.status == 200, answer.data
    return wallet


def sign_in(server, key):
    """Sign in on the pages; return the cookie."""
    _, cookie, token = page(server, "/sign-in", "none=")
    status, cookie = post(server, "/sign-in", cookie, form=token, key=key)
    assert status == 303
    return cookie


def get(path, cookie="none="):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"


def half_a_body(path, kind, key="none"):
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f'Content-Type: {kind}\r\nContent-Length: 100\r\n\r\n{{"amount'
    )


def took_s(server, wallet):
    """How long one of a hundred deposits takes, as the middle of them."""
    times = []
    with server.client() as client:
        for _ in range(100):
            began_s = time.monotonic()
            assert client.deposit(wallet, "0.01").status == 201
            times.append(time.monotonic() - began_s)
    return statistics.median(times)


def answers_soon(server):
    """Whether the health comes within a second over each of ten new connections."""

    def health_s():
        began_s = time.monotonic()
        with server.client() as client:
            assert client.get("/status").status == 200
        return time.monotonic() - began_s

    # The measuring process may stand still, too, but not each time.
    return any(max(health_s() for _ in range(10)) < 1 for _ in range(3))


def refused(server, method, path, body=None, token=None, **headers):
    """Ask until a worker has no place left; say what it says."""
    for _ in range(20):
        with server.client(token) as client:
            answer = client.send(method, path, body, headers)
        if answer.status == 503:
            assert answer.headers["Retry-After"] == "1"
            return answer.json["detail"]
    return ""


def test_slow_clients_do_not_hold_up_one_that_pays(make_server, postgresql_url, lines):
    """The health answers within a second, and deposits keep half of their rate."""
    server = make_server(postgresql_url).start(workers=2)
    quiet = make_server(postgresql_url).start()
    wallet = make_history(server)
    other = make_history_of_one(server)
    withdrawals = f"/v1/wallets/{wallet['id']}/withdrawals"
    statement = f"/wallets/{wallet['id']}/statement.csv"
    cookie, manager = sign_in(server, wallet["key"]), sign_in(server, server.token)
    alone_s = statistics.median(took_s(server, other) for _ in range(3))
    for _ in range(MANY):
        lines(server, half_a_body("/sign-in", FORM))
        lines(server, half_a_body(withdrawals, JSON, wallet["key"]))
    for _ in range(MANY):
        # One after another, because the kernel takes the first of them.
        lines(server, get(BUNDLE) * 5)
        lines(server, get(statement, cookie))
    for _ in range(SILENT):
        lines(server)
    assert answers_soon(server)

    def keeps_its_rate():
        # The machine may be busier by now: a server that has only this client tells.
        return took_s(server, other) < 2 * max(alone_s, took_s(quiet, other))

    assert any(keeps_its_rate() for _ in range(8))
    assert answers_soon(server)

    # What is beyond the places is told so, and nothing is written for it.
    form, key = {"Content-Type": FORM}, wallet["key"]
    until(lambda: "bodies" in refused(server, "POST", withdrawals, b"{}", key))
    until(lambda: "statements" in refused(server, "GET", statement, Cookie=cookie))
    until(lambda: "files" in refused(server, "GET", BUNDLE))
    until(lambda: "forms" in refused(server, "POST", "/sign-in", b"", **form))
    # The operator has places of his own, on each worker.
    for _ in range(6):
        assert page(server, statement, manager)[0] == 200
    with server.client() as client:
        told = client.get(f"/v1/wallets/{wallet['id']}").json
    assert told["version"] == ENTRIES


def make_history_of_one(server):
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "1.00").status == 201
    return wallet


def test_places_are_free_again_when_slow_clients_go(make_server, postgresql_url):
    """A worker that had none left serves everybody again."""
    server = make_server(postgresql_url).start()
    wallet = make_history(server)
    withdrawals = f"/v1/wallets/{wallet['id']}/withdrawals"
    statement = f"/wallets/{wallet['id']}/statement.csv"
    cookie = sign_in(server, wallet["key"])
    slow = [connect(server, get(statement, cookie)) for _ in range(MANY)]
    half = half_a_body(withdrawals, JSON, wallet["key"])
    slow += [connect(server, half) for _ in range(MANY)]
    until(lambda: refused(server, "POST", withdrawals, b"{}", wallet["key"]))
    until(lambda: refused(server, "GET", statement, Cookie=cookie))
    for line in slow:
        line.close()
    body = b'{"amount": "0.01"}'

    def withdraw():
        with server.client(wallet["key"]) as client:
            return client.send("POST", withdrawals, body, {}).status

    until(lambda: withdraw() == 201)
    until(lambda: page(server, statement, cookie)[0] == 200)


def test_a_client_that_stands_still_loses_its_place(tmp_path, sqlite_url, lines):
    """It is cut off, though it never goes; what it had sent half is not done."""
    settings = {"DATABASE_URL": sqlite_url, "WAIT_TIMEOUT_MS": "1000"} | SHARED
    server = Server(tmp_path, ("tests.e2e.hasty", "serve"), **settings)
    try:
        server.start()
        wallet = make_history(server)
        withdrawals = f"/v1/wallets/{wallet['id']}/withdrawals"
        statement = f"/wallets/{wallet['id']}/statement.csv"
        cookie = sign_in(server, wallet["key"])
        half = half_a_body(withdrawals, JSON, wallet["key"])
        slow = [lines(server, half) for _ in range(MANY)]
        slow += [lines(server, get(statement, cookie)) for _ in range(MANY)]
        until(lambda: "cut off" in server.log.read_text())
        with server.client(wallet["key"]) as client:
            until(lambda: page(server, statement, cookie)[0] == 200)
            done = client.post(withdrawals, {"amount": "0.01"})
            assert (done.status, done.json["entry"]["version"]) == (201, ENTRIES + 1)
        assert len(slow) == 2 * MANY
        assert server.stop()[0] == 0
    finally:
        server.kill()


@pytest.fixture
def proxy(postgresql_url):
    """A line to PostgreSQL that can be cut."""
    proxy = Proxy(postgresql_url)
    yield proxy
    proxy.close()


def begin_statement(server):
    """Begin to read a statement, when the server cannot have sent all of it."""
    wallet = make_history(server)
    cookie = sign_in(server, wallet["key"])
    line = connect(server, get(f"/wallets/{wallet['id']}/statement.csv", cookie))
    answer = http.client.HTTPResponse(line)
    answer.begin()
    assert answer.status == 200
    return line, answer


def test_a_statement_goes_on_after_its_database_was_away(make_server, proxy):
    """It is whole, and its last line counts."""
    server = make_server(proxy.url).start()
    line, answer = begin_statement(server)
    proxy.away = True
    proxy.cut_everything()
    with line, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(answer.read)
        until(lambda: proxy.refused > 2)
        proxy.away = False
        text = reading.result(60).decode()
    head, *rows, end = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head[0] == "Entry"
    assert [row[0] for row in rows] == [str(each) for each in range(ENTRIES, 0, -1)]
    assert end == ["End", "", "", "", "", f"{ENTRIES} entries", "", "", ""]


def test_a_statement_whose_database_goes_away_is_broken_off(make_server, proxy):
    """Less comes than was announced, and the last line is missing."""
    server = make_server(proxy.url).start()
    line, answer = begin_statement(server)
    with line:
        proxy.close()
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
    assert broken.value.partial.startswith(b"Entry,")
    assert b"End,,,,," not in broken.value.partial
    assert broken.value.expected > 0
