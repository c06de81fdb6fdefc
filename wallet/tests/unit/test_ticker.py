"""One question to a ticker on a real connection, with every fault that it may have."""

import socket
import threading
import time

import pytest

from wallet.prices.luno import LARGEST_ANSWER, Asked, TickerFault, ask_price

from ..luno import PRICE, TICKER, answer, luno, raw

#: Long enough for a busy machine, and short enough to wait for.
DEADLINE_S = 1.0
#: What a machine that is busy may need beyond the deadline.
GRACE_S = 2.0


def fault_of(url, deadline_s=10.0):
    with pytest.raises(TickerFault) as caught:
        ask_price(url, deadline_s)
    return caught.value


def test_the_price_is_what_the_ticker_asks():
    """The ask, with every digit; the question has the pair and nothing of ours."""
    with luno(answer()) as server:
        assert str(ask_price(server.url)) == PRICE
    (asked,) = server.asked
    assert asked.startswith(b"GET /api/1/ticker?pair=XBTZAR HTTP/1.1\r\n")
    for secret in (b"Authorization", b"Cookie"):
        assert secret not in asked


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


@pytest.mark.parametrize(
    "ask",
    [
        b"null",
        b'""',
        b"0",
        b'"0.00"',
        b'"0.99"',
        b'"-1234567.89"',
        b"-5",
        b"NaN",
        b'"NaN"',
        b"Infinity",
        b'"sNaN"',
        b"1e6",
        b'"1e6"',
        b"1.5E+6",
        b'"1000000000000.01"',
        b'"1234567,89"',
        b'" 1234567"',
        b'"1234567\\n"',
        b'"1_000"',
        '"१२३४"'.encode(),
        b'"1234567."',
        b'".5"',
        b"true",
        b"[1234567]",
        b'{"ask": 1}',
        b"9" * 50_000,
        b'"' + b"9" * 50_000 + b'"',
        b'"1.' + b"0" * 40 + b'"',
    ],
    ids=lambda ask: ask[:20].decode(),
)
def test_a_price_that_cannot_be_is_refused(ask):
    """Nothing is made of it: neither nothing nor one."""
    with luno(answer(b'{"pair": "XBTZAR", "ask": ' + ask + b"}")) as server:
        assert fault_of(server.url).outcome is Asked.BAD_PRICE


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Asked.MALFORMED),
        (b"<html>", Asked.MALFORMED),
        (TICKER[:-1], Asked.MALFORMED),
        (b"\xff\xfe\xfd", Asked.MALFORMED),
        (b"[" * 50_000, Asked.MALFORMED),
        (b'{"a":' * 10_000, Asked.MALFORMED),
        (b"null", Asked.MALFORMED),
        (b'["1234567"]', Asked.MALFORMED),
        (b'"1234567"', Asked.MALFORMED),
        (b'{"error_code": "ErrX", "ask": "1234567"}', Asked.ERROR),
        (b'{"error": "no", "error_code": "ErrX"}', Asked.ERROR),
        (b'{"pair": "ETHZAR", "ask": "1234567"}', Asked.WRONG_PAIR),
        (b'{"pair": null, "ask": "1234567"}', Asked.WRONG_PAIR),
        (b'{"pair": "XBTZAR"}', Asked.BAD_PRICE),
    ],
    ids=lambda given: str(given)[:24],
)
def test_an_answer_that_is_no_ticker_is_refused(body, outcome):
    """With a reason that quotes nothing of it."""
    with luno(answer(body)) as server:
        fault = fault_of(server.url)
    assert fault.outcome is outcome
    assert "1234567" not in str(fault)
    assert "Err" not in str(fault)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 403, 404, 500, 503])
def test_another_status_than_200_is_refused(status):
    """Even with a price in it; and what is elsewhere is not asked."""
    with luno(answer()) as other, luno(answer()) as server:
        server.behaviour = answer(TICKER, status, f"Location: {other.url}")
        fault = fault_of(server.url)
        assert other.asked == []
    assert (fault.outcome, str(status) in str(fault)) == (Asked.STATUS, True)


def test_too_many_questions_are_told_with_the_time_to_wait():
    """The header is handed on as it stands."""
    with luno(answer(b"", 429, "Retry-After: 120")) as server:
        fault = fault_of(server.url)
    assert (fault.outcome, fault.retry_after) == (Asked.TOO_MANY, "120")


def _chunked(line, _end):
    line.sendall(b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"as')


BROKEN_OFF = {
    "fewer bytes than promised": raw(
        b"HTTP/1.1 200 X\r\nContent-Length: 200\r\n\r\n" + TICKER
    ),
    "no byte of the body": raw(b"HTTP/1.1 200 X\r\nContent-Length: 200\r\n\r\n"),
    "within a chunk": _chunked,
}


@pytest.mark.parametrize("behaviour", BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_half_an_answer_is_refused(behaviour):
    """Even if what came could be read."""
    with luno(behaviour) as server:
        assert fault_of(server.url).outcome is Asked.INCOMPLETE


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 X\r\n" + b"a: b\r\n" * 200,
    ],
    ids=["another protocol", "no status", "headers without end"],
)
def test_what_is_not_http_is_refused(sent):
    """No reason quotes it."""
    with luno(raw(sent)) as server:
        fault = fault_of(server.url)
    assert fault.outcome is Asked.MALFORMED
    assert "SSH" not in str(fault)


def test_an_answer_without_end_is_cut_off():
    """No more is read than a ticker can have."""
    sent = 0

    def pour(line, end):
        nonlocal sent
        line.sendall(b"HTTP/1.1 200 X\r\n\r\n")
        while not end.is_set():
            sent += line.send(b" " * 4096)

    with luno(pour) as server:
        assert fault_of(server.url).outcome is Asked.TOO_LARGE
    # What the system itself had taken in is not read.
    assert sent < 200 * LARGEST_ANSWER


def _never(_line, end):
    end.wait(20)


def _drip(first):
    def drip(line, end):
        line.sendall(first)
        while not end.wait(0.05):
            line.sendall(b" ")

    return drip


SLOW = {
    "silence": _never,
    "a drip of headers": _drip(b"HTTP/1.1 200 X\r\na:"),
    "a drip of the status": _drip(b"HTTP/1.1"),
    "a drip of the body": _drip(b"HTTP/1.1 200 X\r\nContent-Length: 9999\r\n\r\n"),
    "a drip without length": _drip(b"HTTP/1.1 200 X\r\n\r\n" + TICKER),
}


@pytest.mark.parametrize("behaviour", SLOW.values(), ids=SLOW)
def test_a_slow_answer_is_given_up(behaviour):
    """Bytes that keep coming do not make the call longer."""
    with luno(behaviour) as server:
        began = time.monotonic()
        fault = fault_of(server.url, DEADLINE_S)
        took = time.monotonic() - began
    assert fault.outcome is Asked.SLOW
    assert DEADLINE_S <= took < DEADLINE_S + GRACE_S


def test_a_slow_greeting_of_tls_is_given_up():
    """The deadline holds before anything is asked, too."""

    def greet(line, end):
        # The beginning of a long record, byte by byte.
        for byte in b"\x16\x03\x03\x3f\xff" + b"\x02\x00\x3f\xfb" * 5000:
            if end.wait(0.05):
                return
            line.sendall(bytes([byte]))

    with luno(greet, reads=False) as server:
        url = server.url.replace("http:", "https:")
        began = time.monotonic()
        fault = fault_of(url, DEADLINE_S)
        took = time.monotonic() - began
    assert fault.outcome is Asked.SLOW
    assert took < DEADLINE_S + GRACE_S


def test_a_connection_that_nobody_takes_is_given_up():
    """A server whose queue is full answers nothing at all."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = []
        for _ in range(4):
            line = socket.socket()
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", port))
            waiting.append(line)
        began = time.monotonic()
        fault = fault_of(f"http://127.0.0.1:{port}/?", DEADLINE_S)
        took = time.monotonic() - began
        for line in waiting:
            line.close()
    assert fault.outcome is Asked.SLOW
    assert took < DEADLINE_S + GRACE_S


def test_a_closed_port_is_told():
    """A refused connection."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert fault_of(f"http://127.0.0.1:{port}/?").outcome is Asked.UNREACHABLE


def test_a_name_without_address_is_told(monkeypatch):
    """The resolver of the system says so."""

    def nothing(*_question, **_more):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert fault_of("http://luno.invalid/?").outcome is Asked.UNREACHABLE


def test_a_connection_that_is_closed_without_a_word_is_told():
    """It is not an empty answer."""
    with luno(raw(b"")) as server:
        assert fault_of(server.url).outcome is Asked.UNREACHABLE


def test_a_server_without_tls_is_not_trusted():
    """HTTP where HTTPS was asked for."""
    with luno(answer(), reads=False) as server:
        url = server.url.replace("http:", "https:")
        assert fault_of(url).outcome is Asked.UNTRUSTED


def test_a_question_leaves_nothing_open():
    """Neither a thread nor a connection, whatever came of it."""
    before = threading.active_count()
    with luno(_drip(b"HTTP/1.1 200 X\r\n")) as server:
        fault_of(server.url, 0.2)
        assert [
            t for t in threading.enumerate() if isinstance(t, threading.Timer)
        ] == []
    assert threading.active_count() == before
