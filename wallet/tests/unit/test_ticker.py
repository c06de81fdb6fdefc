"""One question to a ticker on a real connection, with every fault that it may have."""

import socket
import threading
import time
from dataclasses import dataclass

import pytest

from wallet.prices.luno import LARGEST_ANSWER, AskOutcome, TickerFault, ask_price

from ..luno import PRICE, TICKER, Behaviour, answer, drip, luno, raw, silence

#: Short enough to wait for.
TIMEOUT_S = 0.5
#: What a machine that is busy may need beyond the timeout.
GRACE_S = 30.0

OK = b"HTTP/1.1 200 X\r\n"


def fault_of(url, timeout_s=10.0):
    with pytest.raises(TickerFault) as caught:
        ask_price(url, timeout_s)
    return caught.value


def test_the_price_is_what_the_ticker_asks(monkeypatch):
    """With every digit; the question has the pair, and nothing of this machine."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with luno(answer(TICKER, 200, "Set-Cookie: a=b")) as server:
        for _ in range(2):
            assert str(ask_price(server.url)) == PRICE
    for asked in server.asked:
        assert asked.startswith(b"GET /api/1/ticker?pair=XBTZAR HTTP/1.1\r\n")
        assert b"Cookie" not in asked


def test_a_password_of_this_machine_goes_nowhere(monkeypatch, tmp_path):
    """Other programs keep theirs in ``.netrc``."""
    (tmp_path / ".netrc").write_text("default login me password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with luno(answer()) as server:
        ask_price(server.url)
    assert b"Authorization" not in server.asked[0]


@pytest.mark.parametrize(
    ("configured", "asked"),
    [
        ("?pair=XBTZAR", "?pair=XBTZAR"),
        ("?a=b&pair=XBTZAR", "?a=b&pair=XBTZAR"),
        ("?repair=1", "?repair=1&pair=XBTZAR"),
        ("?", "?pair=XBTZAR"),
    ],
)
def test_the_pair_is_added_where_the_address_has_none(configured, asked):
    """And never twice."""
    with luno(answer()) as server:
        ask_price(server.url + configured)
    assert server.asked[0].startswith(f"GET /api/1/ticker{asked} HTTP".encode())


@pytest.mark.parametrize(
    ("ask", "price"),
    [
        (b'"1"', "1"),
        (b'"1000000000000"', "1000000000000"),
        (b"1234567.8900", "1234567.8900"),
        (b"1234567", "1234567"),
        (b'"1234567.123456789012345678"', "1234567.123456789012345678"),
    ],
)
def test_a_price_is_read_exactly(ask, price):
    """As text or as a number, never as a float."""
    with luno(answer(b'{"ask": ' + ask + b"}")) as server:
        assert str(ask_price(server.url)) == price


IMPOSSIBLE = (
    *('""', "0", '"0.00"', '"0.99"', '"-1234567.89"', "-5", '"1000000000000.01"'),
    *("null", "true", "[1234567]", '{"ask": 1}', "NaN", '"NaN"', "Infinity", '"sNaN"'),
    *("1e6", '"1e6"', "1.5E+6", '"1234567,89"', '" 1234567"', '"1234567\\n"'),
    *('"1_000"', '"१२३४"', '"1234567."', '".5"'),
    *("9" * 50_000, f'"{"9" * 50_000}"', f'"1.{"0" * 40}"'),
)


@pytest.mark.parametrize("ask", IMPOSSIBLE, ids=lambda ask: ask[:20])
def test_a_price_that_cannot_be_is_refused(ask):
    """Nothing is made of it: neither nothing nor one."""
    body = f'{{"pair": "XBTZAR", "ask": {ask}}}'.encode()
    with luno(answer(body)) as server:
        assert fault_of(server.url).outcome is AskOutcome.BAD_PRICE


HALF = OK + b"Content-Length: 200\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

#: What Luno sends, what comes of it, and a part of the sentence.
FAULTS = {
    "nothing": (raw(b""), "unreachable", "cannot be reached"),
    "another protocol": (raw(b"SSH-2.0-x\r\n"), "unreachable", "reached"),
    "no status": (raw(b"HTTP/1.1 abc\r\n\r\n"), "unreachable", "reached"),
    "headers without end": (raw(OK + b"a: b\r\n" * 200), "unreachable", "reached"),
    **{
        f"status {status}": (answer(TICKER, status), "status", f"status {status}")
        for status in (201, 204, 400, 403, 404, 500, 503)
    },
    "status 429": (answer(b"", 429), "too-many", "too often"),
    "half an answer": (raw(HALF + TICKER), "incomplete", "breaks off"),
    "no body": (raw(HALF), "incomplete", "breaks off"),
    "half a chunk": (raw(CHUNKED + b'4\r\n{"as'), "incomplete", "breaks off"),
    "no chunk": (raw(CHUNKED + b"no\r\n"), "incomplete", "breaks off"),
    "packed": (answer(TICKER, 200, "Content-Encoding: gzip"), "malformed", "packed"),
    **{
        f"body {body[:20]}": (answer(body), "malformed", sentence)
        for body, sentence in (
            (b"", "not JSON"),
            (b"<html>", "not JSON"),
            (TICKER[:-1], "not JSON"),
            (b"\xff\xfe\xfd", "not JSON"),
            (b"[" * 50_000, "not JSON"),
            (b'{"a":' * 10_000, "not JSON"),
            (b"null", "not a ticker"),
            (b'["1234567"]', "not a ticker"),
            (b'"1234567"', "not a ticker"),
        )
    },
    "an error": (answer(b'{"error": "ErrX", "ask": "1234567"}'), "error", "an error"),
    "a code": (answer(b'{"error_code": "ErrX", "ask": 2}'), "error", "an error"),
    "another pair": (answer(b'{"pair": "ETHZAR", "ask": 2}'), "wrong-pair", "pair"),
    "no pair": (answer(b'{"pair": null, "ask": 2}'), "wrong-pair", "pair"),
    "no price": (answer(b'{"pair": "XBTZAR"}'), "bad-price", "price"),
}


@pytest.mark.parametrize(
    ("behaviour", "outcome", "sentence"), FAULTS.values(), ids=FAULTS
)
def test_a_fault_is_named_and_quotes_nothing(behaviour, outcome, sentence, caplog):
    """Neither in its sentence nor in the log of a library."""
    caplog.set_level("DEBUG")
    with luno(behaviour) as server:
        fault = fault_of(f"{server.url}?token=hidden")
    assert fault.outcome == outcome
    assert sentence in str(fault)
    for quoted in ("hidden", "1234567", "Err", "SSH"):
        assert quoted not in str(fault) + caplog.text


def test_what_cannot_be_read_as_headers_is_not_logged(caplog):
    """The library that reads them would quote them."""
    with luno(raw(OK + b"Secret\r\nContent-Length: 1\r\n\r\n1")) as server:
        fault_of(server.url)
    assert caplog.text == ""


def test_a_redirect_is_not_followed():
    """Nor is its body read, which may have no end."""
    with luno(answer()) as other:
        head = f"HTTP/1.1 302 X\r\nLocation: {other.url}\r\n\r\n"
        with luno(drip(head.encode())) as server:
            fault = fault_of(server.url)
    assert fault.outcome is AskOutcome.STATUS
    assert other.asked == []


def test_the_time_to_wait_is_handed_on():
    """As it stands in the header."""
    with luno(answer(b"", 429, "Retry-After: 120")) as server:
        assert fault_of(server.url).retry_after == "120"


def test_an_answer_without_end_is_cut_off():
    """No more is read than a ticker can have."""
    sent = 0

    def pour(line, end):
        nonlocal sent
        line.sendall(OK + b"\r\n")
        while not end.is_set():
            sent += line.send(b" " * 4096)

    with luno(pour) as server:
        assert fault_of(server.url).outcome is AskOutcome.TOO_LARGE
    # What the system itself had taken in is not read.
    assert sent < 200 * LARGEST_ANSWER


@dataclass
class Slow:
    behaviour: Behaviour
    scheme: str = "http"


SLOW = {
    "silence": Slow(silence),
    "silence within TLS": Slow(silence, "https"),
    "silence within the headers": Slow(drip(OK, pause_s=60)),
    "silence within the body": Slow(drip(HALF + b"{", pause_s=60)),
    "a drip of the body": Slow(drip(OK + b"Content-Length: 9999\r\n\r\n")),
    "a drip without length": Slow(drip(OK + b"\r\n" + TICKER)),
    "a drip of chunks": Slow(drip(CHUNKED, b"1\r\n \r\n")),
}


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW)
def test_a_slow_answer_is_given_up(slow):
    """Bytes of a body that keep coming do not make the call longer."""
    with luno(slow.behaviour, reads=slow.scheme == "http") as server:
        began = time.monotonic()
        fault = fault_of(server.url.replace("http", slow.scheme), TIMEOUT_S)
        took = time.monotonic() - began
    assert fault.outcome is AskOutcome.SLOW
    assert TIMEOUT_S <= took < TIMEOUT_S + GRACE_S


def test_a_connection_that_nobody_takes_is_given_up():
    """A server whose queue is full answers nothing at all."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for line in waiting:
            line.setblocking(False)
            line.connect_ex(address)
        fault = fault_of(f"http://127.0.0.1:{address[1]}/?", TIMEOUT_S)
        for line in waiting:
            line.close()
    assert fault.outcome is AskOutcome.SLOW


def test_a_closed_port_cannot_be_reached():
    """A refused connection."""
    # As long as it is bound, nobody else can open it.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        fault = fault_of(f"http://127.0.0.1:{closed.getsockname()[1]}/?")
    assert fault.outcome is AskOutcome.UNREACHABLE


def test_a_name_without_address_cannot_be_reached(monkeypatch):
    """The resolver of the system says so."""

    def nothing(*_question, **_more):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert fault_of("http://luno.invalid/?").outcome is AskOutcome.UNREACHABLE


def test_a_server_without_tls_is_not_trusted():
    """HTTP where HTTPS was asked for."""
    with luno(answer(), reads=False) as server:
        fault = fault_of(server.url.replace("http:", "https:"))
    assert fault.outcome is AskOutcome.UNTRUSTED


def test_a_question_leaves_no_thread():
    """Whatever came of it."""
    before = {*threading.enumerate()}
    with luno(drip(OK + b"\r\n")) as server:
        fault_of(server.url, 0.2)
    assert {*threading.enumerate()} <= before
