"""How Luno's ticker is asked, from the fourth stage on."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from threading import Thread

import pytest
import requests
from page import Page
from page import look
from stages import LUNO_URL
from stages import TICKER

FIRST_STAGE = 4

NOT_AVAILABLE = "The bitcoin price is not available."

NOT_A_PRICE = {
    "absent": {k: v for k, v in TICKER.items() if k != "ask"},
    "null": {**TICKER, "ask": None},
    "empty": {**TICKER, "ask": ""},
    "word": {**TICKER, "ask": "abc"},
    "true": {**TICKER, "ask": True},
    "list": {**TICKER, "ask": ["1650100.00"]},
    "object": {**TICKER, "ask": {}},
    "nan": {**TICKER, "ask": "NaN"},
    "infinite": {**TICKER, "ask": "Infinity"},
    "grouped": {**TICKER, "ask": "1,650,100.00"},
    "zero": {**TICKER, "ask": "0"},
    "negative": {**TICKER, "ask": "-1650100.00"},
    "below the limit": {**TICKER, "ask": "0.99999999"},
    "above the limit": {**TICKER, "ask": "1000000000000.01"},
    "huge": {**TICKER, "ask": "9" * 5000},
    "an error": {"error": "Market not available", "error_code": "ErrMarket"},
    "array": [TICKER],
    "text": "1650100.00",
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


def ask_in_vain(client, caplog):
    """Assert that the page works, says so and logs one short line."""
    page = look(client)

    assert page.text("price") == NOT_AVAILABLE
    assert {row[2] for row in page.rows} == {"\N{EN DASH}"}
    [line] = caplog.messages
    assert line.startswith("No bitcoin price: ")
    assert len(line) <= 100
    assert "\n" not in line


@pytest.mark.parametrize("body", NOT_A_PRICE.values(), ids=NOT_A_PRICE)
def test_a_body_without_a_sane_price_gives_none(client, luno, caplog, body):
    """Better no price than a wrong one."""
    luno.get(LUNO_URL, json=body)

    ask_in_vain(client, caplog)


@pytest.mark.parametrize("content", NOT_A_TICKER.values(), ids=NOT_A_TICKER)
def test_a_body_that_is_no_json_object_gives_none(client, luno, caplog, content):
    """Whatever Luno sends, the page works."""
    luno.get(LUNO_URL, content=content)

    ask_in_vain(client, caplog)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_an_error_status_gives_no_price(client, luno, caplog, status):
    """Even when a good body comes with it."""
    luno.get(LUNO_URL, json=TICKER, status_code=status)

    ask_in_vain(client, caplog)


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout("a very long explanation, " * 20),
        requests.ReadTimeout,
        requests.ConnectionError,
        requests.exceptions.SSLError,
        requests.exceptions.ChunkedEncodingError,
    ],
)
def test_a_broken_connection_gives_no_price(client, luno, caplog, error):
    """The network's faults are the ticker's, not the page's."""
    luno.get(LUNO_URL, exc=error)

    ask_in_vain(client, caplog)


@pytest.mark.parametrize("ask", ["1", "1650100.00", "1000000000000"])
def test_a_price_within_the_limits_is_taken_to_the_cent(server, luno, ask):
    """Digits are taken as they stand, and never by way of a float."""
    luno.get(LUNO_URL, json={**TICKER, "ask": ask})

    price, _ = server.latest_price()
    assert str(price) == ask


def test_the_address_can_be_replaced(client, luno, monkeypatch):
    """``LUNO_TICKER_URL`` is the whole address."""
    newer = "https://api.luno.com/api/1/ticker?pair=XBTZAR"
    luno.get(newer, json={**TICKER, "ask": "2000000"})
    monkeypatch.setenv("LUNO_TICKER_URL", newer)

    assert look(client).rows[0][2] == "0.00002000"


def test_an_empty_address_counts_as_none(client, luno, monkeypatch):
    """A setting that is there but empty must not break the page."""
    monkeypatch.setenv("LUNO_TICKER_URL", "")

    assert look(client).rows[0][2] == "0.00002424"


def test_one_answer_serves_every_view_for_thirty_seconds(client, clock, luno):
    """Then the next view asks again."""
    for _ in range(5):
        look(client)
    clock.now += 29.9
    look(client)
    assert luno.call_count == 1

    clock.now += 0.1
    look(client)
    assert luno.call_count == 2


def test_a_failure_is_not_repeated_for_thirty_seconds_either(client, clock, luno):
    """A Luno in trouble is left alone."""
    luno.get(LUNO_URL, exc=requests.ConnectTimeout)

    look(client)
    clock.now += 29.9
    look(client)
    assert luno.call_count == 1

    clock.now += 0.1
    look(client)
    assert luno.call_count == 2


def test_while_one_visitor_waits_for_luno_nobody_else_does(client, other, luno):
    """The second one's page comes before the first one's call is over."""
    asked, answered = Event(), Event()

    def answer(request, context):
        asked.set()
        assert answered.wait(60)
        return TICKER

    luno.get(LUNO_URL, json=answer)
    with ThreadPoolExecutor() as visitors:
        first = visitors.submit(look, client)
        assert asked.wait(60)
        second = look(other)
        assert not first.done()
        answered.set()

    assert second.text("price") == NOT_AVAILABLE
    assert first.result().text("price").startswith("1 BTC = ")
    assert luno.call_count == 1


def test_luno_has_little_time_to_connect_and_to_answer(client, luno):
    """In seconds; the silent one below only shows what reading takes."""
    look(client)

    assert luno.last_request.timeout == (1.5, 2)


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


@pytest.mark.once
def test_a_silent_luno_holds_one_view_up_for_less_than_four_seconds(
    client, luno, monkeypatch
):
    """A real connection that never answers; the next view comes at once."""
    luno.real_http = True
    with silent_server() as address:
        monkeypatch.setenv("LUNO_TICKER_URL", address)
        started = time.monotonic()
        first = client.get("/")
        first_took = time.monotonic() - started
        second = client.get("/")
        second_took = time.monotonic() - started - first_took

    assert [first.status_code, second.status_code] == [200, 200]
    assert Page(first).text("price") == NOT_AVAILABLE
    assert first_took < 4
    assert second_took < 1
