"""Servers that are told to stop, and say so before they do."""

import signal

import psutil

from ..actions import until
from ..clients import BROKEN

#: Longer than any test waits: such a server ends by something else.
LONG = ("--leave", "3600")


def leaves(server):
    """Tell whether it says that it leaves."""
    try:
        with server.client() as client:
            answer = client.get("/status")
    except BROKEN:
        return False
    return (answer.status, answer.json.get("failing")) == (503, ["leaving"])


def test_a_server_that_leaves_says_so_and_serves_on(make_server, postgresql_url):
    """By each worker, also by one that is new; a second SIGTERM ends it at once."""
    server = make_server(postgresql_url).start(2, *LONG)
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        server.process.terminate()
        until(lambda: leaves(server))
        assert all(leaves(server) for _ in range(20))
        assert client.deposit(wallet, "1.00").status == 201
    for worker in psutil.Process(server.process.pid).children():
        worker.kill()
    until(lambda: leaves(server), 20)
    code, seconds = server.stop()
    assert (code, seconds < 10) == (0, True)
    assert "Traceback" not in server.log.read_text()


def test_a_server_stops_when_it_has_left(make_server, sqlite_url):
    """Not sooner, and by itself."""
    server = make_server(sqlite_url).start(1, "--leave", "2")
    code, seconds = server.stop()
    assert (code, seconds >= 2) == (0, True)


def test_ctrl_c_ends_a_server_that_would_leave_first(make_server, sqlite_url):
    """Nobody at a terminal has to wait."""
    server = make_server(sqlite_url).start(1, *LONG)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) == 0
