"""How Luno's ticker is asked, from the fourth stage on."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from threading import Event
from threading import Thread

import pytest
import requests
from stages import LUNO_URL
from stages import TICKER

FIRST_STAGE = 4

NOT_A_PRICE = {
    "absent": {k: v for k, v in TICKER.items() if k != "ask"},
    "null": {**TICKER, "ask": None},
    "empty": {**TICKER, "ask": ""},
    "word": {**TICKER, "ask": "abc"},
    "true": {**TICKER, "ask": True},
    "list": {**TICKER, "ask": ["1650100.00"]},
    "object": {**TICKER, "ask": {}},
    "nan text": {**TICKER, "ask": "NaN"},
    "infinite text": {**TICKER, "ask": "Infinity"},
    "spaces": {**TICKER, "ask": " 1650100.00 "},
    "underscore": {**TICKER, "ask": "1_650_100"},
    "grouped": {**TICKER, "ask": "1,650,100.00"},
    "other digits": {**TICKER, "ask": "\u0661\u0662\u0663"},
    "zero": {**TICKER, "ask": "0"},
    "zero number": {**TICKER, "ask": 0},
    "negative": {**TICKER, "ask": "-1650100.00"},
    "below one": {**TICKER, "ask": "0.99999999"},
    "above the limit": {**TICKER, "ask": "1000000000000.01"},
    "huge": {**TICKER, "ask": "9" * 5000},
    "error": {"error": "Market not available", "error_code": "ErrMarketUnavailable"},
    "error beside a price": {**TICKER, "error": "x", "error_code": "ErrX"},
    "array": [TICKER],
    "text": "1650100.00",
    "number": 1650100,
    "nothing": None,
}

NOT_A_TICKER = {
    "empty body": b"",
    "html": b"<!doctype html><title>Luno</title>",
    "cut short": b'{"ask": "1650100.00"',
    "nan number": b'{"ask": NaN}',
    "infinite number": b'{"ask": Infinity}',
    "not utf-8": b'{"ask": "\xff\xfe1650100.00"}',
    "nested too deeply": b"[" * 100_000,
    "endless integer": b'{"ask": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", NOT_A_PRICE.values(), ids=NOT_A_PRICE)
def test_a_body_without_a_sane_price_gives_none(server, luno, body):
    """Better no price than a wrong one."""
    luno.get(LUNO_URL, json=body)

    assert server.latest_ticker()["price"] is None


@pytest.mark.parametrize("content", NOT_A_TICKER.values(), ids=NOT_A_TICKER)
def test_a_body_that_is_no_json_object_gives_none(server, luno, content):
    """Whatever Luno sends, the page must not break."""
    luno.get(LUNO_URL, content=content)

    assert server.latest_ticker()["price"] is None


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 403, 404, 429, 500, 503])
def test_any_status_but_200_gives_no_price(server, luno, status):
    """Even when a good body comes with it."""
    luno.get(LUNO_URL, json=TICKER, status_code=status)

    assert server.latest_ticker()["price"] is None


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout,
        requests.ReadTimeout,
        requests.ConnectionError,
        requests.exceptions.SSLError,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ],
)
def test_a_broken_connection_gives_no_price(server, luno, error):
    """The network's faults are the ticker's, not the page's."""
    luno.get(LUNO_URL, exc=error)

    assert server.latest_ticker()["price"] is None


def test_a_redirect_is_not_followed(server, luno):
    """The address is Luno's, and no other host names a price."""
    elsewhere = luno.get("https://evil.example/", json=TICKER)
    luno.get(LUNO_URL, status_code=302, headers={"Location": "https://evil.example/"})

    assert server.latest_ticker()["price"] is None
    assert elsewhere.call_count == 0


@pytest.mark.parametrize("ask", ["1", "1650100", "1650100.00", "1000000000000"])
@pytest.mark.parametrize("as_number", [False, True])
def test_a_price_may_be_a_decimal_string_or_a_number(server, luno, ask, as_number):
    """Digits are taken as they stand, and never by way of a float."""
    luno.get(LUNO_URL, text=f'{{"ask": {ask}}}' if as_number else f'{{"ask": "{ask}"}}')

    assert str(server.latest_ticker()["price"]) == ask


def test_a_failure_is_logged_in_one_line(server, luno, caplog):
    """Whoever runs the page can see why there is no price."""
    luno.get(LUNO_URL, status_code=429)

    server.latest_ticker()

    assert caplog.messages == ["No bitcoin price: Luno answered with status 429"]


def test_the_address_can_be_replaced(server, luno, monkeypatch):
    """``LUNO_TICKER_URL`` is the whole address; empty counts as not set."""
    newer = "https://api.luno.com/api/1/ticker?pair=XBTZAR"
    luno.get(newer, json={**TICKER, "ask": "2000000"})

    monkeypatch.setenv("LUNO_TICKER_URL", "")
    assert server.ask_luno() == 1650100
    monkeypatch.setenv("LUNO_TICKER_URL", newer)
    assert server.ask_luno() == 2000000


def test_one_call_serves_every_view_for_thirty_seconds(client, clock, luno):
    """A warm price costs no call; one second later it is asked again."""
    for _ in range(5):
        assert client.get("/").status_code == 200
    clock.now += 29.9
    assert client.get("/").status_code == 200
    assert luno.call_count == 1

    clock.now += 0.1
    assert client.get("/").status_code == 200
    assert luno.call_count == 2


def test_a_price_age_of_zero_asks_at_every_view(client, server, clock, luno):
    """The setting holds from the moment that it is changed."""
    assert client.get("/").status_code == 200
    server.app.config["TICKER_MAX_AGE"] = 0

    for _ in range(3):
        assert client.get("/").status_code == 200

    assert luno.call_count == 4


@pytest.mark.parametrize("max_age", [0, 30])
def test_after_a_failure_nobody_asks_for_ten_seconds(
    client, server, clock, luno, max_age
):
    """A Luno in trouble is left alone, whatever the age that was set."""
    server.app.config["TICKER_MAX_AGE"] = max_age
    luno.get(LUNO_URL, exc=requests.ConnectTimeout)

    for seconds in (0, 5, 4.9):
        clock.now += seconds
        assert client.get("/").status_code == 200
    assert luno.call_count == 1

    clock.now += 0.1
    assert client.get("/").status_code == 200
    assert luno.call_count == 2


def test_sixty_four_viewers_at_once_cause_one_call(server, luno):
    """The first one asks, the others wait for its answer."""
    start = Barrier(64)

    def answer(request, context):
        time.sleep(0.2)
        return TICKER

    luno.get(LUNO_URL, json=answer)

    def look(_):
        client = server.app.test_client()
        start.wait()
        response = client.get("/")
        return response.status_code, b"0.00002424" in response.data

    with ThreadPoolExecutor(64) as viewers:
        seen = set(viewers.map(look, range(64)))

    assert seen == {(200, True)}
    assert luno.call_count == 1


@contextmanager
def silent_server():
    """Accept connections on this machine and never say a word."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)

        def accept():
            held = []
            while not over.is_set():
                try:
                    held.append(listening.accept()[0])
                except TimeoutError:
                    continue
            for connection in held:
                connection.close()

        thread = Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        over.set()
        thread.join()


def test_a_silent_luno_holds_a_page_up_once_and_for_less_than_four_seconds(
    client, luno, monkeypatch
):
    """A real connection that never answers; the next view comes at once."""
    luno.real_http = True
    with silent_server() as address:
        monkeypatch.setenv("LUNO_TICKER_URL", address)
        started = time.monotonic()
        first = client.get("/")
        bounded = time.monotonic() - started
        second = client.get("/")
        instant = time.monotonic() - started - bounded

    assert (first.status_code, second.status_code) == (200, 200)
    assert b"not available" in first.data
    assert bounded < 4
    assert instant < 1.5


def test_the_timeouts_together_stay_under_four_seconds(server):
    """Connecting and waiting for bytes are bounded one by one."""
    assert sum(server.TICKER_TIMEOUT) < 4
