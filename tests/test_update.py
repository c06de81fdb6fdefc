"""``POST /api/update`` and what it serves to the script, in the fifth stage."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from page import Page
from stages import LUNO_URL
from xstatic.pkg import jquery

FIRST_STAGE = 5

# jQuery 3.7.1 as its makers publish it, in the form of an integrity attribute.
JQUERY_SHA256 = "/JqT3SQfawRcv/BIHPThkBvs0OEvtFFmqPF/lYI/Cxo="


def balances(client):
    response = client.get("/")
    assert response.status_code == 200
    return [row[1] for row in Page(response).rows]


@pytest.mark.parametrize("how", ["data", "json"])
def test_a_balance_is_saved_and_the_whole_history_returned(client, server, how):
    """By form or as JSON, the answer is what the page shows from then on."""
    assert client.post("/", data={"balance": "7"}).status_code == 303

    response = client.post("/api/update", **{how: {"balance": "R 1 234.56"}})

    assert response.status_code == 200
    answer = response.json
    assert answer.keys() == {"history", "price"}
    assert len(answer["history"]) == 12
    assert answer["history"][0] == {
        "date": "2017-01-01",
        "balance": "40.00",
        "balance_text": "R\u00a040.00",
        "bitcoin": "0.00002424",
    }
    assert answer["history"][-1] == {
        "date": f"{server.now():%Y-%m-%d}",
        "balance": "1234.56",
        "balance_text": "R\u00a01\u00a0234.56",
        "bitcoin": "0.00074817",
    }
    assert balances(client) == [row["balance_text"] for row in answer["history"]]


def test_the_answer_and_the_page_agree(client):
    """Row by row and in the sentence about the price."""
    answer = client.post("/api/update", data={"balance": "-50"})
    view = Page(client.get("/"))

    assert answer.status_code == 200
    assert view.rows == [
        (row["date"], row["balance_text"], row["bitcoin"])
        for row in answer.json["history"]
    ]
    assert view.text("price") == answer.json["price"]


def test_without_a_price_bitcoin_is_null(client, luno):
    """Saving does not depend on Luno."""
    luno.get(LUNO_URL, status_code=503)

    response = client.post("/api/update", data={"balance": "7"})

    assert response.status_code == 200
    assert {row["bitcoin"] for row in response.json["history"]} == {None}
    assert "bitcoin price is not available" in response.json["price"]


REFUSED_BODIES = {
    "number": b'{"balance": 1234.56}',
    "integer": b'{"balance": 1234}',
    "true": b'{"balance": true}',
    "null": b'{"balance": null}',
    "list": b'{"balance": ["7"]}',
    "object": b'{"balance": {}}',
    "not an object": b"[]",
    "bare text": b'"7"',
    "missing field": b"{}",
    "malformed": b'{"balance": "7"',
    "empty": b"",
    "not utf-8": b'{"balance": "\xff"}',
    "half a character": b'{"balance": "\\ud800"}',
    "nested too deeply": b"[" * 16_000,
    "endless integer": b'{"balance": ' + b"9" * 5000 + b"}",
    "bad text": b'{"balance": "abc"}',
    "empty text": b'{"balance": ""}',
}


@pytest.mark.parametrize("body", REFUSED_BODIES.values(), ids=REFUSED_BODIES)
def test_bad_json_is_refused_like_any_bad_text(client, body):
    """One sentence, 400, and nothing stored."""
    client.post("/", data={"balance": "7"})
    before = balances(client)

    response = client.post("/api/update", data=body, content_type="application/json")

    assert response.status_code == 400
    assert response.json.keys() == {"error"}
    assert response.json["error"].startswith("Type ")
    assert "Set-Cookie" not in response.headers
    assert balances(client) == before


@pytest.mark.parametrize("text", ["", "abc", "1,234", "1e3", "nan"])
def test_a_bad_form_is_refused(client, text):
    """With the sentence that the page would show."""
    page = client.post("/", data={"balance": text})
    before = balances(client)

    response = client.post("/api/update", data={"balance": text})

    assert response.status_code == 400
    assert response.json == {"error": Page(page).text("error")}
    assert balances(client) == before


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", None])
def test_a_body_of_another_kind_is_refused(client, content_type):
    """Text that is neither a form nor JSON holds no field."""
    response = client.post("/api/update", data=b"balance=7", content_type=content_type)

    assert response.status_code == 400
    assert response.json["error"].startswith("Type ")


@pytest.mark.parametrize("content_type", ["application/json", None])
def test_a_body_above_the_limit_is_refused(client, content_type):
    """413 as JSON, for the script to show."""
    before = balances(client)
    body = json.dumps({"balance": "9" * 16 * 1024})

    response = client.post("/api/update", data=body, content_type=content_type)

    assert response.status_code == 413
    assert response.json.keys() == {"error"}
    assert balances(client) == before


def test_a_full_list_is_refused_and_nothing_is_lost(client):
    """The session's limit is the same by either way."""
    for number in range(2000):
        text = str(number * 7_919_123 % 1_000_000_007)
        if client.post("/", data={"balance": text}).status_code != 303:
            break
    before = balances(client)

    response = client.post("/api/update", data={"balance": text})

    assert response.status_code == 409
    assert "Start over" in response.json["error"]
    assert "Set-Cookie" not in response.headers
    assert balances(client) == before


def test_a_foreign_page_is_refused(client):
    """403 as JSON, and the list stays."""
    client.post("/", data={"balance": "7"})
    before = balances(client)

    response = client.post(
        "/api/update", data={"balance": "8"}, headers={"Origin": "http://evil.example"}
    )

    assert response.status_code == 403
    assert response.json.keys() == {"error"}
    assert "Set-Cookie" not in response.headers
    assert balances(client) == before


def test_a_get_writes_nothing(client):
    """The address takes a POST and no other method."""
    before = balances(client)

    assert client.get("/api/update?balance=7").status_code == 405
    assert balances(client) == before


def test_jquery_comes_from_the_installed_package(client):
    """It is the published file, and the repository holds no copy."""
    [source] = [
        script["src"]
        for script in Page(client.get("/")).all("script")
        if "jquery" in script["src"]
    ]
    with client.get(source) as response:
        served = response.data

    assert response.status_code == 200
    assert served == Path(jquery.BASE_DIR, "jquery.min.js").read_bytes()
    assert base64.b64encode(hashlib.sha256(served).digest()).decode() == JQUERY_SHA256
