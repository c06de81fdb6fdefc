"""``POST /api/update`` and what it serves to the script, in the fifth stage."""

import base64
import hashlib
from pathlib import Path

import pytest
from page import Page
from page import look
from page import nothing_changes
from page import save
from stages import LUNO_URL
from xstatic.pkg import jquery

FIRST_STAGE = 5

# jQuery 3.7.1 as its makers publish it, in the form of an integrity attribute.
JQUERY_SHA256 = "/JqT3SQfawRcv/BIHPThkBvs0OEvtFFmqPF/lYI/Cxo="


def update(client, text):
    """Save a balance through the interface, and return the answer."""
    response = client.post("/api/update", data={"balance": text})
    assert response.status_code == 200
    return response.json


def test_a_balance_is_saved(client):
    """From then on the page shows it."""
    update(client, "R 1 234.56")

    assert look(client).balances[-1] == "R\u00a01\u00a0234.56"


def test_the_answer_is_the_whole_history(client):
    """The bank's rows, what was saved before, and the new balance."""
    save(client, "7")

    history = update(client, "8")["history"]

    assert [row["balance"] for row in history[10:]] == ["7.00", "8.00"]
    assert len(history) == 12


def test_an_entry_has_these_fields(client):
    """Exact text for programs, and the text that the page shows."""
    assert update(client, "7")["history"][0] == {
        "date": "2017-01-01",
        "balance": "40.00",
        "balance_text": "R\u00a040.00",
        "bitcoin": "0.00002424",
    }


def test_the_answer_and_the_page_agree(client):
    """Row by row and in the sentence about the price."""
    answer = update(client, "-50")
    page = look(client)

    assert answer.keys() == {"history", "price"}
    assert answer["price"] == page.text("price")
    assert page.rows == [
        (row["date"], row["balance_text"], row["bitcoin"]) for row in answer["history"]
    ]


def test_without_a_price_bitcoin_is_null(client, luno):
    """Saving does not depend on Luno."""
    luno.get(LUNO_URL, status_code=503)

    answer = update(client, "7")

    assert {row["bitcoin"] for row in answer["history"]} == {None}
    assert answer["price"] == "The bitcoin price is not available."


@pytest.mark.parametrize("text", ["", "abc", "1,234", "1e3", "nan"])
def test_a_bad_text_is_refused_with_the_pages_sentence(client, text):
    """And nothing is stored."""
    page = Page(client.post("/", data={"balance": text}))

    with nothing_changes(client):
        response = client.post("/api/update", data={"balance": text})

        assert response.status_code == 400
        assert response.json == {"error": page.text("error")}
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
def test_what_is_no_form_is_refused(client, content_type):
    """It holds no field ``balance``."""
    with nothing_changes(client):
        response = client.post(
            "/api/update", data=b'{"balance": "7"}', content_type=content_type
        )

        assert response.status_code == 400
        assert response.json["error"].startswith("Type ")


def test_a_full_list_is_refused_and_nothing_is_lost(full):
    """The session's limit is the same either way."""
    with nothing_changes(full):
        response = full.post("/api/update", data={"balance": "7"})

        assert response.status_code == 409
        assert "Start over" in response.json["error"]
        assert "Set-Cookie" not in response.headers


def test_another_sites_page_is_refused(client):
    """As JSON, like everything here."""
    save(client, "7")

    with nothing_changes(client):
        response = client.post(
            "/api/update",
            data={"balance": "8"},
            headers={"Origin": "http://evil.example"},
        )

        assert response.status_code == 403
        assert response.json.keys() == {"error"}
        assert "Set-Cookie" not in response.headers


def test_a_get_writes_nothing(client):
    """The address takes a POST and no other method."""
    with nothing_changes(client):
        assert client.get("/api/update?balance=7").status_code == 405


def test_jquery_comes_from_the_installed_package(client):
    """It is the published file, and the repository holds no copy."""
    with client.get(look(client).all("script")[0].get("src")) as response:
        assert response.status_code == 200
        served = response.data

    assert served == Path(jquery.BASE_DIR, "jquery.min.js").read_bytes()
    assert base64.b64encode(hashlib.sha256(served).digest()).decode() == JQUERY_SHA256
