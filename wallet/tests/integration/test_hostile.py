"""Hostile input: whatever is sent, no answer is a mistake of the program.

``HOSTILE=1000000 pytest tests/integration/test_hostile.py`` sends a million requests to
each engine.
"""

import io
import json
import os
import random
import re
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from wallet import create_app
from wallet.api.calls import CALLS
from wallet.audit.verify import verify
from wallet.ledger.ids import new_hold_id, new_wallet_id
from wallet.web.kinds import KINDS
from wallet.web.service import service_of

from ..actions import Wallets
from .conftest import OPERATOR, SECRET

REQUESTS = int(os.environ.get("HOSTILE", "1500"))
#: Requests that are made from what one example of hypothesis draws.
EACH = 50

ODD_TEXT = (
    *("", " ", *"0 -0 1e5 1.005 00.1 .5 +1 NaN".split(), "9" * 50, "\u0661"),
    *("null", "true", "\x00", "\n", "\ud800", "é☂", "a" * 600, "' OR 1=1 --", "%00"),
    *("../../etc/passwd", "{{7*7}}", "*", '"1"', 'W/"1"', '"', "w_1", "Bearer"),
)
ODD_JSON = (
    *(None, True, False, 0, -1, 1.5, 1e400, 10**30, 2**63, -(2**63), [], {}, [[]]),
    *({"amount": 1}, ["deposit"], {"$ref": 1}),
)
#: What each call reads, by the end of its route.
BODIES = {
    "wallets": {"name": "Ada", "currency": "ZAR", "floor": "-5.00"},
    "deposits": {"amount": "1.00", "note": "x"},
    "withdrawals": {"amount": 5},
    "transfers": {"to": "", "amount": "0.10"},
    "batches": {
        "operations": [
            {"kind": "transfer", "amount": "0.01", "to": "", "key": "a"},
            {"kind": "withdrawal", "amount": "2", "note": None},
            {"kind": "deposit", "amount": 1, "key": "b"},
            {"kind": "hold", "amount": "0.01", "note": "x", "expires_in": 60},
            {"kind": "capture", "hold": "", "amount": "0.01", "keep_open": True},
            {"kind": "release", "hold": ""},
        ],
        "atomic": True,
    },
    "keys": {},
    "reversals": {"note": "x"},
    "holds": {"amount": "0.01", "note": "x", "expires_in": 60},
    "captures": {"to": "", "amount": "0.01", "keep_open": True},
    "releases": {},
}
HEADERS = (
    *"IDEMPOTENCY_KEY IDEMPOTENCY_KEY IF_MATCH AUTHORIZATION ORIGIN".split(),
    *"SEC_FETCH_SITE X_REQUEST_ID ACCEPT HOST FORWARDED TRANSFER_ENCODING".split(),
    *"RANGE IF_NONE_MATCH COOKIE EXPECT X_HTTP_METHOD_OVERRIDE".split(),
)
POSTS = [call for call in CALLS if call[0] == "POST"]
METHODS = (*"GET POST POST POST HEAD PUT DELETE OPTIONS BREW".split(), "")
TYPES = ("application/json", "text/plain", "application/json; charset=x", "", "a\x00/b")


class Sender:
    """Makes requests out of what is drawn, below the client that tidies them up."""

    def __init__(self, app, token):
        self.app, self.token = app, token
        calls = Wallets(app.test_client(), token)
        self.wallets = [calls.create(floor="-1000"), calls.create(currency="JPY")]
        placed = calls.post(f"/v1/wallets/{self.wallets[0]}/holds", {"amount": "900"})
        assert placed.status_code == 201
        self.hold = placed.json["hold"]["id"]
        self.seen = {}

    def send(self, chance, texts):
        environ = self.request(chance, (*ODD_TEXT, *texts))
        answer = {}

        def start_response(status, headers, _error=None):
            answer["status"], answer["headers"] = int(status[:3]), dict(headers)

        parts = self.app.wsgi_app(environ, start_response)
        body = b"".join(parts)
        getattr(parts, "close", lambda: None)()
        self.judge(environ, answer["status"], answer["headers"], body)

    def judge(self, environ, status, headers, body):
        self.seen[status] = self.seen.get(status, 0) + 1
        assert status in {200, 201, *(kind.status for kind in KINDS.values())}, environ
        assert status < 500, (environ, body)
        assert headers["X-Request-Id"], environ
        if status >= 400 and environ["REQUEST_METHOD"] != "HEAD":
            assert headers["Content-Type"] == "application/problem+json", environ
            assert json.loads(body)["status"] == status, environ

    def request(self, chance, texts):
        text = lambda: chance.choice(texts)  # noqa: E731  read as one word below
        ids = (*self.wallets, *self.wallets, new_wallet_id(), text())
        method, route = chance.choice((*CALLS, *POSTS * 2, ("GET", f"/v1/{text()}")))
        call = CALLS.get((method, route))
        example = call.example if call and isinstance(call.example, dict) else {}
        usual = BODIES.get(route.rpartition("/")[2], example)
        body = self.body(chance, usual, text, ids)
        parts = {
            "wallet_id": chance.choice(ids),
            "hold_id": chance.choice((self.hold, new_hold_id(), text())),
            "version": chance.choice(("1", "2", text())),
        }
        path = re.sub("<(.+?)>", lambda name: parts.get(name[1], text()), route)
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": latin(path),
            "QUERY_STRING": latin(self.query(chance, call, text)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": latin(chance.choice((*TYPES[:1] * 30, *TYPES, text()))),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.input_terminated": True,
        }
        if self.token and chance.random() < 0.9:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        if chance.random() < 0.05:
            environ["REQUEST_METHOD"] = chance.choice(METHODS)
        while chance.random() < 0.25:
            environ[f"HTTP_{chance.choice(HEADERS)}"] = latin(text())
        if chance.random() < 0.1:
            environ["CONTENT_LENGTH"] = chance.choice(
                (str(len(body)), "-1", "x", "9" * 30)
            )
        return environ

    def query(self, chance, call, text):
        known = [field.encode_name for field in fields(call.query)] if call else []
        names = ("limit", "after", "wallet", *known * 3, text())
        many = chance.choice((0, 0, 0, 1, 1, 2, 3))
        values = (text(), "5", "20", *self.wallets)
        asked = [f"{chance.choice(names)}={chance.choice(values)}" for _ in range(many)]
        return "&".join(asked)

    def body(self, chance, usual, text, ids):
        odd = chance.random() < 0.05
        body = deepcopy(chance.choice(list(BODIES.values())) if odd else usual)
        places = [body, *body.get("operations", ())]
        for place in places:
            for name in list(place):
                if name == "to" and chance.random() < 0.7:
                    place[name] = chance.choice(ids)
                elif name == "hold" and chance.random() < 0.7:
                    place[name] = self.hold
                elif chance.random() < 0.07:
                    place[name] = chance.choice((text(), *ODD_JSON))
            if chance.random() < 0.02:
                place[text()] = chance.choice(ODD_JSON)
        written = json.dumps(body).encode()
        fate = chance.random()
        if fate < 0.05:
            return written[: chance.randrange(len(written))]
        if fate < 0.15:
            changed = bytearray(written)
            changed[chance.randrange(len(changed))] = chance.randrange(256)
            return bytes(changed)
        if fate < 0.2:
            depth = chance.choice((10, 2000, 50_000))
            return chance.choice((b"[", b'{"a":')) * depth
        return text().encode("utf-8", "surrogatepass") if fate < 0.25 else written


def latin(text):
    """Text as a server hands it over: each byte is a character."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


@pytest.mark.parametrize("token", [None, OPERATOR], ids=["local", "shared"])
def test_hostile_input_meets_no_mistake(database_url, tmp_path, token):
    """Every answer is good or a problem of a kind that is known, never a 500."""
    given_settings = {"DATABASE_URL": database_url, "HOME": str(tmp_path)}
    if token:
        given_settings |= {"SECRET_KEY": SECRET, "OPERATOR_TOKEN": token}
    app = create_app(given_settings)
    sender = Sender(app, token)

    @settings(
        max_examples=max(1, REQUESTS // EACH // 2),
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64), st.lists(st.text(), max_size=8))
    def attack(seed, texts):
        chance = random.Random(seed)  # noqa: S311  a failure can be run again
        for _ in range(EACH):
            sender.send(chance, texts)

    try:
        attack()
        verify(service_of(app).store)
    finally:
        service_of(app).close()
    assert {200, 201, 400, 404, 405} <= set(sender.seen)
