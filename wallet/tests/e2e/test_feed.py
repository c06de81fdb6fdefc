"""The feed of a wallet, from servers of several processes to clients of them."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from ..actions import in_thread, until
from ..proxy import Proxy
from .conftest import OPERATOR

pytestmark = pytest.mark.slow

METRICS_TOKEN = "metrics-token-1234"
#: Places of a worker for the operator's calls that wait, half of 64 threads.
PLACES = 32


def create(server):
    with server.client() as client:
        return client.post("/v1/wallets").json["id"]


def ask(server, wallet, after=0, wait=60):
    """Ask over a connection of one's own, and be answered later."""
    line = socket.create_connection(("127.0.0.1", server.port), 60)
    path = f"/v1/wallets/{wallet}/entries?after={after}&wait={wait}"
    head = f"Host: localhost\r\nAuthorization: Bearer {OPERATOR}\r\nConnection: close"
    line.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    return line


def status(line):
    """Read the status, which comes when the wait begins; the rest stays."""
    return int(line.recv(12, socket.MSG_WAITALL).split()[1])


def ending(line):
    """Read to the end, and find the page in it."""
    text = b"".join(iter(lambda: line.recv(65536), b""))
    return json.loads(re.search(rb"\{.*\}", text)[0])


def waited(server):
    """What became of the calls that waited, over all workers."""
    with server.client(METRICS_TOKEN) as client:
        text = client.get("/metrics").data.decode()
    found = re.findall(r'^wallet_waits_total\{outcome="(\w+)"\} (\d+)', text, re.M)
    return {name: int(count) for name, count in found}


def test_an_entry_wakes_those_who_wait_at_another_worker(make_server, postgresql_url):
    """Within a second, whichever process of whichever server wrote it."""
    server = make_server(postgresql_url).start(workers=2)
    other = make_server(postgresql_url).start()
    wallet, versions = create(server), count(1)

    def took_s(writer):
        """How long the last of those who wait is kept from an entry that is there."""
        version = next(versions)
        lines = [ask(server, wallet, version - 1) for _ in range(8)]
        assert [status(line) for line in lines] == [200] * 8
        with writer.client() as client:
            assert client.deposit(wallet, "1").status == 201
        began_s = time.monotonic()
        for line in lines:
            with line:
                (entry,) = ending(line)["entries"]
                assert entry["version"] == version
        return time.monotonic() - began_s

    for writer in (other, server):
        # The measuring process may stand still, too, but not each time.
        assert any(took_s(writer) < 1 for _ in range(5))


def test_a_reader_of_the_feed_sees_each_entry_once(server):
    """In order, while several write; it goes on from where the page before ended."""
    wallet, versions = create(server), []
    path = f"/v1/wallets/{wallet}/deposits"
    writers, each = 6, 25

    def write(_number):
        with server.client() as client:
            return [client.post(path, {"amount": "1"}).status for _ in range(each)]

    def follow():
        address = f"/v1/wallets/{wallet}/entries?wait=10&limit=7"
        while len(versions) < writers * each:
            # A client of its own each time: nothing but the number is remembered.
            with server.client() as client:
                page = client.get(address)
            assert page.status == 200
            versions.extend(entry["version"] for entry in page.json["entries"])
            address = page.json["next"]

    reader, failed = in_thread(follow)
    with ThreadPoolExecutor(writers) as pool:
        assert {201} == {
            each for part in pool.map(write, range(writers)) for each in part
        }
    reader.join(60)
    assert failed == [None]
    assert versions == list(range(1, writers * each + 1))


def test_those_who_wait_hold_up_nobody_who_pays(make_server, sqlite_url):
    """Twice as many as there are places: half are refused, and deposits go on."""
    server = make_server(sqlite_url, METRICS_TOKEN=METRICS_TOKEN).start()
    wallet, other = create(server), create(server)
    lines = [ask(server, wallet) for _ in range(2 * PLACES)]
    told = [status(line) for line in lines]
    assert (told.count(200), told.count(503)) == (PLACES, PLACES)

    def pay(_number):
        with server.client() as client:
            return [client.deposit(other, "0.01").status for _ in range(20)]

    def health_s():
        began_s = time.monotonic()
        with server.client() as client:
            assert client.get("/status").status == 200
        return time.monotonic() - began_s

    with ThreadPoolExecutor(16) as pool:
        assert {each for part in pool.map(pay, range(16)) for each in part} == {201}
    # The measuring process may stand still, too, but not each time.
    assert any(health_s() < 1 for _ in range(5))
    assert waited(server) == {}
    # Who goes away gives the place back.
    for line in lines:
        line.close()
    until(lambda: waited(server) == {"gone": PLACES}, 5)
    # Each is counted just before its place is free.
    again = []

    def waits():
        again.append(ask(server, wallet))
        return status(again[-1]) == 200

    for _ in range(PLACES):
        until(waits)
    for line in again:
        line.close()


def test_a_server_that_stops_answers_those_who_wait(make_server, postgresql_url):
    """At once, with the empty page that is true; their feed goes on from there."""
    server = make_server(postgresql_url).start(workers=2)
    wallet = create(server)
    lines = [ask(server, wallet) for _ in range(8)]
    assert [status(line) for line in lines] == [200] * 8
    code, took_s = server.stop()
    assert (code, took_s < 5) == (0, True)
    for line in lines:
        with line:
            page = ending(line)
            assert (page["entries"], page["next_cursor"]) == ([], 0)
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def proxy(postgresql_url):
    """A line to PostgreSQL that can be cut."""
    proxy = Proxy(postgresql_url)
    yield proxy
    proxy.close()


def test_a_database_that_is_away_meanwhile_makes_no_empty_page(make_server, proxy):
    """Who waits goes on; whose time is over first gets blanks, which are no page."""
    server = make_server(proxy.url, METRICS_TOKEN=METRICS_TOKEN).start()
    wallet = create(server)
    patient, hasty = ask(server, wallet), ask(server, wallet, wait=2)
    assert (status(patient), status(hasty)) == (200, 200)
    proxy.away = True
    proxy.cut_everything()
    until(lambda: waited(server) == {"failed": 1})
    with hasty:
        assert b"{" not in b"".join(iter(lambda: hasty.recv(65536), b""))
    with ask(server, wallet) as refused:
        assert status(refused) == 503
    proxy.away = False

    def deposit():
        with server.client() as client:
            return client.deposit(wallet, "1", "k").status == 201

    until(deposit)
    with patient:
        assert [each["version"] for each in ending(patient)["entries"]] == [1]
