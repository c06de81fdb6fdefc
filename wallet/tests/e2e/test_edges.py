"""What only real connections and commands show: headers, logs, sessions, damage."""

import json
import re
import socket
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, make_url, text

from wallet.api.answers import freeze
from wallet.ledger.commands import Kind
from wallet.storage.connections import Limits
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import a_submission, create_wallet

pytestmark = pytest.mark.slow


def send(server, head, body=b""):
    """Send a request as it is spelt; read the status and what follows the head."""
    text = f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 60) as line:
        line.sendall(text.encode() + body)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), rest


def test_two_lines_of_one_key_are_no_key(make_server, sqlite_url):
    """The server joins them with a comma; nothing is moved."""
    server = make_server(sqlite_url).start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        request = (
            f"POST /v1/wallets/{wallet}/deposits HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Type: application/json"
        )
        twice = f"{request}\r\nIdempotency-Key: a\r\nIdempotency-Key: b"
        status, _, answer = send(server, twice, b'{"amount": 1}')
        assert (status, json.loads(answer)["field"]) == (400, "Idempotency-Key")
        once = f"{request}\r\nIdempotency-Key: a"
        assert send(server, once, b'{"amount": 1}')[0] == 201
        assert client.get(f"/v1/wallets/{wallet}").json["version"] == 1


def test_an_address_cannot_turn_a_line_of_the_log_around(make_server, sqlite_url):
    """Marks that show letters in another order are written as escapes."""
    server = make_server(sqlite_url).start()
    with server.client() as client:
        assert client.get("/%E2%80%AE%C2%9B").status == 404
    told = server.log.read_bytes().decode()
    assert r"GET /\u202e\x9b 404" in told
    assert "\u202e" not in told


CUT = """
CREATE FUNCTION cut() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN pg_terminate_backend(pg_backend_pid());
END $$;
ALTER TABLE entries RENAME TO all_entries;
CREATE VIEW entries AS
  SELECT * FROM all_entries WHERE version < 3 OR cut();
"""


def test_verify_that_loses_its_connection_says_so(make_server, postgresql_url):
    """Half-way through a history; it neither says that all is well nor breaks."""
    server = make_server(postgresql_url).start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        for _ in range(4):
            assert client.deposit(wallet, "1.00").status == 201
    server.stop()
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text(CUT))
    engine.dispose()
    done = server.run("verify")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "connection to the database was lost" in line


FORM = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded"


def page(server, path, cookie):
    """Open a page: status, cookie and text, and the token of its forms."""
    status, head, body = send(
        server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}"
    )
    token = re.search(r'name="form" value="([^"]+)"', body.decode())
    return status, cookie_in(head) or cookie, token and token[1]


def cookie_in(head):
    found = re.search(r"^set-cookie: (__Host-wallet=[^;]*)", head, re.I | re.M)
    return found and found[1]


def post(server, path, cookie, **fields):
    head = f"POST {path} HTTP/1.1\r\n{FORM}\r\nCookie: {cookie}"
    status, head, _ = send(server, head, urlencode(fields).encode())
    return status, cookie_in(head)


def test_a_copy_of_a_cookie_is_worthless_in_every_process(make_server, postgresql_url):
    """Two workers, and another server that shares their database."""
    server = make_server(postgresql_url).start(workers=2)
    other = make_server(postgresql_url).start()
    _, cookie, token = page(server, "/sign-in", "none=")
    status, cookie = post(server, "/sign-in", cookie, form=token, key=server.token)
    assert status == 303
    status, cookie, token = page(server, "/transfer", cookie)
    assert status == 200
    assert post(server, "/sign-out", cookie, form=token)[0] == 303
    seen = {page(each, "/transfer", cookie)[0] for each in [server] * 12 + [other]}
    assert seen == {401}


AHEAD = "2126-01-01T00:00:00.000000Z"
AHEAD_US = 4_922_899_200_000_000


def test_a_clock_that_was_ahead_is_told_at_the_start_and_in_the_status(
    make_server, database_url
):
    """The service works all the same; the time is told."""
    store = Store(make_url(database_url), Limits())
    writer = Writer(store, freeze, lambda: AHEAD_US)
    writer.submit(a_submission(create_wallet(writer), Kind.DEPOSIT, "1"))
    writer.stop()
    store.close()
    server = make_server(database_url).start()
    with server.client() as client:
        answer = client.get("/status")
        assert (answer.status, answer.json["future_entry_at"]) == (200, AHEAD)
    told = [line for line in server.log.read_text().splitlines() if AHEAD in line]
    assert len(told) == 1
    assert "warning" in told[0]


def test_a_name_with_an_underscore_needs_a_preflight_that_is_never_allowed(
    make_server, sqlite_url
):
    """So no page of another site can send one, though it counts as the real one."""
    server = make_server(sqlite_url).start()
    asked = "Host: localhost\r\nOrigin: https://x.test\r\n"
    asked += "Access-Control-Request-Method: POST\r\n"
    asked += "Access-Control-Request-Headers: sec_fetch_site"
    for path in ("/sign-in", "/v1/wallets"):
        _, head, _ = send(server, f"OPTIONS {path} HTTP/1.1\r\n{asked}")
        assert "access-control" not in head.lower()
