"""A running service that asks a Luno of our own."""

import re

import pytest

from ..actions import until
from ..luno import PRICE, answer, luno, silence

pytestmark = pytest.mark.slow

PATH = "/v1/rates/XBTZAR"


def asks(reader):
    """How often Luno was asked, for each outcome."""
    text = reader.get("/metrics").data.decode()
    return re.findall(r"^wallet_rate_asks_total(.*)$", text, re.M)


def test_a_service_learns_the_price_by_itself(make_server, database_url):
    """Soon after its start; it tells it, counts it, and says nothing about it."""
    with luno(answer()) as ticker:
        settings = {"LUNO_URL": ticker.url, "METRICS_TOKEN": "m" * 16}
        server = make_server(database_url, **settings).start()
        with server.client() as client, server.client("m" * 16) as reader:
            until(lambda: client.get(PATH).status == 200)
            assert client.get(PATH).json["rate"] == PRICE
            # What is kept is counted a moment later.
            until(lambda: asks(reader) == ['{outcome="kept"} 1.0'])
        assert len(ticker.asked) == 1
    assert "Luno" not in server.log.read_text()


def test_workers_of_two_servers_ask_once(make_server, postgresql_url):
    """Four processes start at the same time, and one of them asks."""
    with luno(answer()) as ticker:
        servers = [make_server(postgresql_url, LUNO_URL=ticker.url) for _ in range(2)]
        for server in servers:
            server.launch(workers=2)
        for server in servers:
            with server.wait().client() as client:
                until(lambda client=client: client.get(PATH).status == 200)
        assert len(ticker.asked) == 1


def test_a_service_ends_at_once_while_luno_keeps_it_waiting(make_server, database_url):
    """And serves as ever until then."""
    with luno(silence) as ticker:
        server = make_server(database_url, LUNO_URL=ticker.url).start()
        until(lambda: ticker.asked)
        with server.client() as client:
            assert client.post("/v1/wallets").status == 201
            assert client.get(PATH).status == 404
        code, took = server.stop()
    assert code == 0
    assert took < 5


def test_a_service_without_luno_says_so_once(make_server, database_url):
    """The page and the calls go on; nothing of the address is told, at any level."""
    with luno(answer()) as gone:
        settings = {"LUNO_URL": f"{gone.url}?token=hidden", "LOG_LEVEL": "debug"}
    server = make_server(database_url, **settings).start()
    said = "No price of bitcoin from Luno: it cannot be reached"
    until(lambda: said in server.log.read_text())
    with server.client() as client:
        assert client.post("/v1/wallets").status == 201
        assert client.get("/status").status == 200
    log = server.log.read_text()
    assert log.count(said) == 1
    assert "hidden" not in log


def test_the_servers_of_these_tests_ask_nobody(server):
    """Unless a test names a Luno of its own."""
    assert server.environment["WALLET_LUNO_URL"] == "off"
    with server.client() as client:
        assert client.get(PATH).status == 404
