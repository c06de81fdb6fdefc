"""What strangers may do to a connection: others are served all the same."""

import re
import socket
import time
from contextlib import ExitStack, suppress
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.slow

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_DATA, FRAME_HEADERS, FRAME_SETTINGS = 0, 1, 4
END_HEADERS = 4
STREAMS = 64
FORM = "Content-Type: application/x-www-form-urlencoded"


def frame(kind, flags, stream, payload=b""):
    """A frame of HTTP/2."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


def literal(name, value):
    """A header field as it is spelt, without a table."""
    name, value = name.encode(), value.encode()
    return bytes((0, len(name))) + name + bytes((len(value),)) + value


def half_a_post(stream, path):
    """A request of HTTP/2 that promises ten bytes and sends one."""
    fields = {":method": "POST", ":scheme": "http", ":path": path}
    fields |= {
        ":authority": "localhost",
        "content-type": "application/x-www-form-urlencoded",
    }
    fields |= {"content-length": "10"}
    block = b"".join(literal(name, value) for name, value in fields.items())
    return frame(FRAME_HEADERS, END_HEADERS, stream, block) + frame(
        FRAME_DATA, 0, stream, b"k"
    )


def serves(server):
    """Whether it answers at all."""
    with server.client(None) as client:
        return client.get("/status").status == 200


def test_streams_of_http_2_that_break_off_hold_no_threads(make_server, sqlite_url):
    """One connection of ten kilobytes ended a worker for good."""
    server = make_server(sqlite_url).start()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port), 60) as line:
            line.sendall(PREFACE + frame(FRAME_SETTINGS, 0, 0))
            for number in range(STREAMS):
                half = half_a_post(2 * number + 1, "/sign-in")
                try:
                    line.sendall(half)
                except OSError:
                    break
            time.sleep(1)  # until threads wait for the rest
    assert serves(server)


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_silent_connections_leave_room_for_others(make_server, sqlite_url, begin):
    """Two thousand of them, which is more than were taken at all."""
    server = make_server(sqlite_url).start()
    with ExitStack() as lines:
        for _ in range(2_000):
            line = socket.create_connection(("127.0.0.1", server.port), 60)
            lines.enter_context(line).sendall(begin)
        assert serves(server)


def connect(server, *head, body=b""):
    """Send the head of a request and a part of its body, and read nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(60)
    line.connect(("127.0.0.1", server.port))
    line.sendall("\r\n".join([*head, "Host: localhost", "", ""]).encode() + body)
    return line


def answer_of(line):
    """Read what comes until the connection ends."""
    whole = b""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            whole += part
    return whole


def open_page(server, path, *head):
    """Open a page in a browser: its cookie, and what its forms carry."""
    with connect(server, f"GET {path} HTTP/1.1", "Connection: close", *head) as line:
        head, _, page = answer_of(line).decode().partition("\r\n\r\n")
    cookie = re.search(r"set-cookie: ([^;]+)", head, re.I)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return "Cookie: " + cookie[1], hidden


@pytest.mark.parametrize(
    "framing", ["Content-Length: {}", "Transfer-Encoding: chunked"]
)
def test_a_form_that_breaks_off_is_not_carried_out(local, framing):
    """`balance=10` of `balance=1000.00` set the balance to 10.00."""
    with local.start().client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        cookie, hidden = open_page(local, f"/wallets/{wallet}")
        whole = urlencode(hidden | {"balance": "1000.00"}).encode()
        sent = whole.removesuffix(b"00.00")
        if "chunked" in framing:
            sent = b"%x\r\n%s\r\n" % (len(sent), sent)
        head = (f"POST /wallets/{wallet}/balance HTTP/1.1", FORM, cookie)
        with connect(local, *head, framing.format(len(whole)), body=sent) as line:
            line.shutdown(socket.SHUT_WR)
            assert b" 303 " not in answer_of(line)
        head += ("Connection: close", f"Content-Length: {len(whole)}")
        assert client.get(f"/v1/wallets/{wallet}").json["version"] == 0
        with connect(local, *head, body=whole) as line:
            assert answer_of(line).startswith(b"HTTP/1.1 303")
        assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "1000.00"
