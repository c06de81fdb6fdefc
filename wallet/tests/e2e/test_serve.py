import http.client
import json
import re
import socket
import sqlite3
import stat
from contextlib import closing, suppress

import psutil
import pytest
from sqlalchemy import create_engine, text

from ..actions import until
from .conftest import OPERATOR


def refused(server, *arguments):
    """The one sentence with which a command ends."""
    done = server.run(*arguments)
    assert done.returncode == 1, done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("Error: ")


def test_a_server_says_where_it_listens_and_how_it_keeps_data(server):
    """Three lines at the start, and no secret in the log."""
    listening, data, mode = server.log.read_text().splitlines()[:3]
    assert listening == (
        f"Listening on http://127.0.0.1:{server.port} with 1 worker(s)."
    )
    assert re.match(r"Data in (SQLite|PostgreSQL) at .*, kept through a loss", data)
    assert mode == "Mode: shared, with an operator token and wallet keys."
    for secret in (OPERATOR, "s" * 32):
        assert secret not in server.log.read_text()


def test_a_server_logs_json_when_asked_to(make_server, database_url):
    """Every line after the first three, those of the server itself included."""
    server = make_server(database_url, LOG_FORMAT="json", LOG_LEVEL="debug").start()
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        given = client.get(f"/v1/wallets/{wallet}").headers["X-Request-Id"]
    server.stop()
    lines = server.log.read_text().splitlines()[3:]
    told = [json.loads(line) for line in lines]
    (found,) = [line for line in told if line.get("request") == given]
    assert found["message"].startswith(f"GET /v1/wallets/{wallet} 200 ")


def test_without_an_operator_token_the_server_is_local(local, tmp_path):
    """Nothing is asked: the file and a secret are made, readable by their owner."""
    local.start()
    with local.client() as client:
        made = client.post("/v1/wallets", {"name": "Ada"})
        assert made.status == 201
        key = local.run("key", made.json["id"])
        assert key.stdout.strip() == made.json["key"]
    modes = {
        name: stat.S_IMODE((tmp_path / name).stat().st_mode)
        for name in ("wallet.db", "secret_key")
    }
    assert modes == {"wallet.db": 0o600, "secret_key": 0o600}
    assert "Mode: local" in local.log.read_text()
    assert local.run("verify").stdout.startswith("1 wallet, 0 entries, 0 operations")


def test_a_body_is_measured_however_it_is_sent(server):
    """Declared or chunked, one byte above the limit is too large, and is not cut."""
    for size, status in ((1024 * 1024, 201), (1024 * 1024 + 1, 413)):
        body = b"{}".ljust(size)
        for chunked in (False, True):
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            connection.request(
                "POST",
                "/v1/wallets",
                body=iter([body[:700_000], body[700_000:]]) if chunked else body,
                headers={
                    "Content-Type": "application/json",
                    "Authorization": f"Bearer {OPERATOR}",
                },
                encode_chunked=chunked,
            )
            assert connection.getresponse().status == status
            connection.close()


def test_a_head_has_an_end(make_server, sqlite_url):
    """Of 32 KiB each is read, of more than 64 KiB none, whichever part is so large."""
    server = make_server(sqlite_url).start()

    def sent(head, body=b""):
        request = f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), 60) as line:
            # It is refused, and the connection closed, before all of it is sent.
            with suppress(OSError):
                line.sendall(request.encode() + body)
            return int(line.recv(65536).split()[1])

    upload = f"POST /v1/wallets HTTP/1.1\r\nAuthorization: Bearer {OPERATOR}\r\n"
    upload += f"Content-Type: application/json\r\nContent-Length: {2**20}\r\n"
    for size, status in ((32_000, 200), (66_000, 431), (400_000, 431)):
        assert sent(f"GET /status HTTP/1.1\r\nX-Large: {'a' * size}") == status
        assert sent(f"GET /status?{'a' * size} HTTP/1.1") == status
        head = f"{upload}X-Large: {'a' * (size - 200)}"
        made = 201 if status == 200 else status
        assert sent(head, b"{}".ljust(2**20)) == made
    with server.client() as client:
        assert len(client.get("/v1/wallets").json["wallets"]) == 1


def test_a_doubled_slash_is_no_address(make_server, sqlite_url):
    """Nor is one that is written otherwise."""
    server = make_server(sqlite_url).start()
    for path in ("//status", "/%2Fv1/wallets", "///metrics"):
        with server.client() as client:
            assert client.get(path).status == 404


def test_a_port_that_is_taken_is_not_shared(server, make_server):
    """Two servers on one port would answer in turns."""
    other = make_server("sqlite:////nowhere")
    other.environment = server.environment
    sentence = refused(other, "serve", "--port", str(server.port))
    assert sentence.startswith(
        f"Port {server.port} is in use: try `make wallet PORT={server.port + 1}`"
    )


def test_a_worker_that_dies_is_replaced(server):
    """The service goes on after its worker was killed."""
    psutil.Process(server.process.pid).children()[0].kill()
    until(server.answers)
    assert server.stop()[0] == 0


@pytest.mark.parametrize(
    ("settings", "arguments", "sentence"),
    [
        ({"SECRET_KEY": "short"}, [], "WALLET_SECRET_KEY is too short"),
        ({}, ["--workers", "2"], "SQLite takes one worker"),
        (
            {"DATABASE_URL": "postgresql://nobody@127.0.0.1:-1/x"},
            [],
            "The database cannot be used",
        ),
    ],
    ids=str,
)
def test_a_bad_start_ends_with_one_sentence(
    make_server, tmp_path, settings, arguments, sentence
):
    """It says what to change."""
    given = {"DATABASE_URL": f"sqlite:///{tmp_path}/w.db"} | settings
    server = make_server(given.pop("DATABASE_URL"), **given)
    assert refused(server, "serve", *arguments).startswith(sentence)


def test_a_newer_schema_ends_the_start(make_server, tmp_path):
    """An older program does not touch the tables of a newer one."""
    path = tmp_path / "w.db"
    server = make_server(f"sqlite:///{path}")
    server.start()
    server.stop()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "install a newer version" in refused(server, "serve")


def test_verify_ends_with_the_first_bad_row(make_server, database_url, tmp_path):
    """Exit 1 and a sentence that names it; heads are written and compared."""
    server = make_server(database_url).start()
    heads = tmp_path / "heads"
    with server.client() as client:
        wallet = client.post("/v1/wallets").json["id"]
        client.post(f"/v1/wallets/{wallet}/deposits", {"amount": "1"})
    assert server.run("verify", "--write-heads", str(heads)).returncode == 0
    assert server.run("verify", "--heads", str(heads)).returncode == 0
    url = database_url.replace("sqlite:", "sqlite+pysqlite:")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE entries SET note = 'forged'"))
    engine.dispose()
    assert refused(server, "verify").startswith(f"{wallet} version 1: its digest")
