import io
import json
import logging
import sys
from dataclasses import replace
from urllib.parse import quote

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from wallet import create_app, logs
from wallet.config import ConfigError, read_settings
from wallet.storage.durability import is_durable
from wallet.storage.errors import NotWritten
from wallet.web.service import service_of

from ..actions import Wallets
from ..browsing import Visitor
from .conftest import METRICS, OPERATOR, SECRET

pytestmark = pytest.mark.one_engine

PASSWORD = "word-of-the-database"


@pytest.fixture(params=["text", "json"])
def lines(request, monkeypatch, shared_app):
    """What is logged from now on, line by line, in each form."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    url = make_url(f"postgresql://user:{PASSWORD}@host/db")
    settings = replace(
        service_of(shared_app).settings,
        database_url=url,
        log_format=request.param,
        log_level="debug",
    )
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.set_up(settings)
    yield lambda: written.getvalue().splitlines()
    root.handlers[:] = before
    root.setLevel(level)


def test_each_request_is_one_line_with_its_id(operator, lines):
    """The answer carries the same id; the query is not told."""
    found = operator.get("/v1/wallets?limit=3", **{"X-Request-Id": "abc-1"})
    told = [line for line in lines() if "/v1/wallets" in line]
    assert found.status_code == 200
    assert len(told) == 1
    assert "abc-1" in told[0]
    assert "GET /v1/wallets 200" in told[0]
    assert "limit" not in told[0]


@pytest.mark.parametrize(
    ("setting", "peer", "told"),
    [
        ("1", "172.18.0.5", "203.0.113.7"),
        # Only a proxy beside the wallet is believed.
        ("1", "9.9.9.9", "9.9.9.9"),
        ("0", "172.18.0.5", None),
    ],
)
def test_a_line_tells_who_asked_where_that_is_wanted(
    tmp_path, lines, setting, peer, told
):
    """A proxy names its client last; what the client claims to be is before it."""
    own = {"HOME": str(tmp_path / "own"), "LOG_ADDRESS": setting}
    app = create_app(own | {"OPERATOR_TOKEN": OPERATOR, "SECRET_KEY": SECRET})
    named = "127.0.0.1, 203.0.113.7"
    answer = app.test_client().get(
        "/nothing",
        headers={"X-Forwarded-For": named, "X-Request-Id": "abc-2"},
        environ_overrides={"REMOTE_ADDR": peer},
    )
    service_of(app).close()
    assert answer.status_code == 404
    (line,) = [line for line in lines() if "/nothing" in line]
    if line.startswith("{"):
        assert json.loads(line).get("address") == told
    else:
        about = "abc-2" if told is None else f"abc-2 {told}"
        assert f" {about} GET /nothing 404 " in line
    assert "127.0.0.1" not in line


def test_what_a_review_asks_is_not_logged(operator, shared_app, lines):
    """Its address tells everything to its reader, so its pattern stands there."""
    wallet = operator.create(name="Ada")
    operator.deposit(wallet, 5)
    manager = Visitor(shared_app.test_client())
    assert manager.sign_in(OPERATOR).status_code == 303
    form = {"from": wallet, "amount": "1", "payee": "Thandi"}
    review = manager.fill("/pay", "/pay", **form).location
    signed = review.removeprefix("/review/")
    assert manager.confirm(review).status_code == 303
    assert manager.get(f"{review}x").status_code == 403
    assert manager.client.put(review, base_url=manager.address).status_code == 405
    told = [line for line in lines() if "/review/" in line]
    for method, status in (("GET", 200), ("POST", 303), ("GET", 403), ("PUT", 405)):
        line = f"{method} /review/<signed> {status} "
        assert sum(line in each for each in told) == 1
    assert len(told) == 4
    assert not [line for line in lines() if signed in line]


def test_a_line_of_json_is_json(operator, lines):
    """Each has a time, a level and a message, and a refusal is told as information."""
    operator.get("/nothing")
    for line in lines():
        if not line.startswith("{"):
            continue
        told = json.loads(line)
        assert told["at"].endswith("Z")
        assert (told["level"], told["logger"]) == ("info", "wallet.web.hooks")
        assert len(told["request"]) == 32


def test_no_secret_is_ever_logged(operator, stranger, lines, monkeypatch):
    """Wherever it is sent, and whatever a driver quotes."""
    made = operator.post("/v1/wallets").json
    key, wallet = made["key"], made["id"]
    secrets = (OPERATOR, METRICS, SECRET, PASSWORD, key.rpartition(".")[2])

    def fail(_submission):
        quoted = " ".join((*secrets[:4], key))
        raise NotWritten from OperationalError("", {}, Exception(quoted))

    Wallets(stranger.client, key).get(f"/v1/wallets/{wallet}")
    stranger.get(f"/v1/wallets/{key}?key={key}", Authorization=f"Bearer {OPERATOR}x")
    for secret in (OPERATOR, METRICS, key):
        operator.get(f"/{secret}")
        operator.post(f"/v1/wallets/{secret}/deposits", {"amount": secret})
    writer = service_of(operator.client.application).writer
    monkeypatch.setattr(writer, "submit", fail)
    operator.deposit(wallet, 1)
    monkeypatch.setattr(writer, "submit", lambda _: 1 / 0 if SECRET else None)
    assert operator.deposit(wallet, 1).status_code == 500
    told = "\n".join(lines())
    assert [secret for secret in secrets if secret in told] == []
    assert "ZeroDivisionError" in told
    assert "***" in told


#: What ends a line, steers a terminal, or turns the order of letters around.
STEERING = (
    *"\n\r\x00\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029",
    *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
)


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_nothing_from_outside_steers_a_line(operator, lines, character):
    """An address cannot pretend to be another event, or read backwards."""
    operator.get(f"/a{quote(character)}b")
    (told,) = [line for line in lines() if "GET /a" in line]
    assert character not in told
    if told.startswith("{"):
        told = json.loads(told)["message"]
        assert f"/a{character}b" in told
    else:
        assert f"/a{ascii(character)[1:-1]}b" in told
    assert "404" in told


def test_a_traceback_is_one_line(lines):
    """A mistake is told whole, and still as one event."""
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (told,) = lines()
    assert "it failed" in told
    assert "second" in told


def test_statements_are_logged_without_their_values(store):
    """A driver's error may name a statement, but not what was to be written."""
    statement = text("SELECT nothing FROM nowhere WHERE name = :name")
    with store.writing.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(statement, {"name": "quoted"})
    assert "nowhere" in str(caught.value)
    assert "quoted" not in str(caught.value)


@pytest.mark.parametrize("name", ["LOG_FORMAT", "LOG_LEVEL"])
def test_an_unknown_way_to_log_is_refused(tmp_path, name):
    """The sentence lists those that are known."""
    with pytest.raises(ConfigError, match="must be one of"):
        read_settings({"HOME": str(tmp_path), name: "loud"})


@pytest.mark.parametrize(
    ("settings", "durable"),
    [
        ({"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}, True),
        ({"journal_mode": "delete", "synchronous": "2", "foreign_keys": "1"}, False),
        ({"journal_mode": "wal", "synchronous": "1", "foreign_keys": "1"}, False),
        ({"journal_mode": "wal", "synchronous": "2", "foreign_keys": "0"}, False),
    ],
)
def test_sqlite_is_durable_with_all_of_its_settings(settings, durable):
    """A log that is written ahead, synced at each commit, with its references held."""
    assert is_durable(settings) == durable


@pytest.mark.parametrize(
    ("name", "value", "durable"),
    [
        ("synchronous_commit", "remote_write", True),
        ("synchronous_commit", "remote_apply", True),
        ("synchronous_commit", "local", False),
        ("synchronous_commit", "off", False),
        ("fsync", "off", False),
        ("full_page_writes", "off", False),
    ],
)
def test_postgresql_is_durable_with_all_of_its_settings(name, value, durable):
    """Each of the three can lose what was answered."""
    safe = dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "on")
    assert is_durable(safe | {name: value}) == durable


def test_status_tells_that_a_store_is_not_durable(postgresql_url, tmp_path):
    """The service works, and says what a loss of power could cost."""
    url = make_url(postgresql_url).update_query_dict(
        {"options": "-c synchronous_commit=off"}
    )
    given = url.render_as_string(hide_password=False)
    app = create_app({"DATABASE_URL": given, "HOME": str(tmp_path)})
    told = Wallets(app.test_client()).get("/status").json["database"]
    service_of(app).close()
    assert (told["status"], told["durable"]) == ("ok", False)
    assert told["settings"]["synchronous_commit"] == "off"
