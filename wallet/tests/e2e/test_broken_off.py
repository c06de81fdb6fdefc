"""Bodies that break off on their way: nothing of them is carried out."""

import gzip
import json
import socket

import pytest

from ..actions import until

pytestmark = pytest.mark.slow

STATEMENT = (
    b"Date,Description,Amount\n2026-01-06,Salary,5.00\n2026-01-07,Rent,4000.00\n"
)
CSV = "Content-Type: text/csv"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"


def chunk(data, length=None):
    """A chunk, which may announce more than it has."""
    return b"%x\r\n%s\r\n" % (len(data) if length is None else length, data)


def connect(server, path, kind, framing, body):
    """Send a request whose body may break off."""
    head = (
        *(f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close"),
        *(f"Authorization: Bearer {server.token}", kind, framing, "", ""),
    )
    line = socket.create_connection(("127.0.0.1", server.port), 60)
    line.sendall("\r\n".join(head).encode() + body)
    return line


def send(server, path, kind, framing, body):
    """Send a request, and read its status and what follows the head."""
    with connect(server, path, kind, framing, body) as line:
        head, _, told = line.makefile("rb").read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(told)


def break_off(server, path, kind, framing, body):
    """Send a body that ends too early, in both ways, until each is refused.

    Whoever sends no more may be told nothing, but the log has it.
    """
    before = refusals(server, path)
    with connect(server, path, kind, framing, body) as line:
        line.shutdown(socket.SHUT_WR)
        until(lambda: refusals(server, path) == before + 1)
    connect(server, path, kind, framing, body).close()
    until(lambda: refusals(server, path) == before + 2)


def refusals(server, path):
    return server.log.read_text().count(f"POST {path} 400")


def movements(client, wallet):
    found = client.get(f"/v1/wallets/{wallet}").json
    return found["balance"], found["version"]


CUT = STATEMENT[:-5]
BROKEN = {
    "after a chunk": (CHUNKED, chunk(CUT)),
    "within a chunk": (CHUNKED, chunk(CUT, len(STATEMENT)).removesuffix(b"\r\n")),
    "before its length": (f"Content-Length: {len(STATEMENT)}", CUT),
    "before a length that is too large": ("Content-Length: 2000000", CUT),
}


def test_a_statement_that_breaks_off_is_not_written(server):
    """`4000.00` that was cut by five bytes was written as 400.00."""
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        path = f"/v1/wallets/{wallet}/imports"
        for way, (framing, body) in BROKEN.items():
            break_off(server, path, CSV, framing, body)
            assert movements(client, wallet) == ("0.00", 0), way
        # Whole but in chunks it looks the same to the server.
        body = chunk(STATEMENT) + chunk(b"")
        status, refusal = send(server, path, CSV, CHUNKED, body)
        assert (status, refusal["field"]) == (400, "Content-Length")
        assert movements(client, wallet) == ("0.00", 0)
        whole = f"Content-Length: {len(STATEMENT)}"
        assert send(server, path, CSV, whole, STATEMENT)[0] == 201
        assert movements(client, wallet) == ("4005.00", 2)


def test_json_that_breaks_off_pays_nothing(make_server, sqlite_url):
    """A capture without a body pays all that is held; one that broke off is none."""
    server = make_server(sqlite_url).start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        assert client.deposit(wallet, "9.00").status == 201
        holds = f"/v1/wallets/{wallet}/holds"
        hold = client.post(holds, {"amount": "5.00"}).json["hold"]["id"]
        path = f"{holds}/{hold}/captures"
        for framing, body in (
            *((CHUNKED, b""), (CHUNKED, b"4\r\n"), (CHUNKED, chunk(b""))),
            (CHUNKED, chunk(b'{"amount": "1.00"')),
            *(("Content-Length: 18", b""), ("Content-Length: 2000000", b"{}")),
        ):
            break_off(server, path, JSON, framing, body)
            assert movements(client, wallet) == ("9.00", 1), (framing, body)
        whole = chunk(b'{"amount":') + chunk(b' "1.00"}') + chunk(b"")
        assert send(server, path, JSON, CHUNKED, whole)[0] == 201
        assert movements(client, wallet) == ("8.00", 2)


def test_a_body_that_is_packed_is_not_read(make_server, sqlite_url):
    """Nothing unpacks it, whole or broken off, and as it stands it says nothing."""
    server = make_server(sqlite_url).start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        path = f"/v1/wallets/{wallet}"
        for packed in (gzip.compress(STATEMENT), gzip.compress(STATEMENT)[:-8]):
            framing = f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}"
            assert send(server, f"{path}/imports", CSV, framing, packed)[0] == 400
        packed = gzip.compress(b'{"amount": "1.00"}')
        for framing in (
            f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}",
            "Transfer-Encoding: gzip, chunked",
        ):
            body = chunk(packed) + chunk(b"") if "chunked" in framing else packed
            assert send(server, f"{path}/deposits", JSON, framing, body)[0] == 400
        assert movements(client, wallet) == ("0.00", 0)
