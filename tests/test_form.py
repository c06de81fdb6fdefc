"""The form that sets the current balance, from the third stage on."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from page import Page

FIRST_STAGE = 3

OWN_ORIGIN = "http://localhost"


def balances(client):
    """Return the balances that the page shows now."""
    response = client.get("/")
    assert response.status_code == 200
    return [row[1] for row in Page(response).rows]


def test_the_form_says_what_it_wants(client):
    """A label, a hint and a keyboard for amounts; no error before one was made."""
    view = Page(client.get("/"))
    field = view.by_id("balance")
    [form] = [f for f in view.all("form", action="/") if f in field["inside"]]

    assert form["method"] == "post"
    assert (field["name"], field["inputmode"]) == ("balance", "decimal")
    assert len(view.all("label", **{"for": "balance"})) == 1
    assert "hint" in field["aria-describedby"].split()
    assert view.text("error") == ""
    assert "aria-invalid" not in field


def test_a_balance_is_stored_and_stands_at_the_end(client, server):
    """Post, redirect, get: the new row has today's date and is the latest."""
    before = balances(client)

    response = client.post("/", data={"balance": "R 1 234.56"})

    assert response.status_code == 303
    assert response.headers["Location"] == "/#latest"
    view = Page(client.get("/"))
    assert balances(client) == [*before, "R\u00a01\u00a0234.56"]
    assert view.rows[-1][0] == f"{server.now():%Y-%m-%d}"
    assert "R\u00a01\u00a0234.56" in view.text("latest")
    assert len(view.all("tr", id="latest")) == 1


def test_submitting_again_appends(client):
    """The list grows, in the order in which the balances were set."""
    before = balances(client)

    for text in ("10", "20", "20", "-5"):
        assert client.post("/", data={"balance": text}).status_code == 303

    assert balances(client) == [
        *before,
        "R\u00a010.00",
        "R\u00a020.00",
        "R\u00a020.00",
        "-R\u00a05.00",
    ]


def test_the_date_is_the_one_in_south_africa(server):
    """Two hours ahead of UTC, all year."""
    now = server.now()

    assert now.utcoffset() == timedelta(hours=2)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("text", ["", "abc", "1,234", "1.234", "1e3", "1000000000000"])
def test_a_refused_text_is_kept_and_nothing_is_stored(client, text):
    """The page comes again with the field focused and tied to one sentence."""
    client.post("/", data={"balance": "7"})
    before = balances(client)

    response = client.post("/", data={"balance": text})

    assert response.status_code == 400
    view = Page(response)
    field = view.by_id("balance")
    assert field["value"] == text
    assert field["aria-invalid"] == "true"
    assert "autofocus" in field
    assert "error" in field["aria-describedby"].split()
    assert view.by_id("error")["role"] == "alert"
    assert "ype " in view.text("error")
    assert "Set-Cookie" not in response.headers
    assert balances(client) == before


def test_a_missing_field_is_refused(client):
    """An empty form is a refusal like any other, not a fault."""
    before = balances(client)

    response = client.post("/")

    assert response.status_code == 400
    assert Page(response).text("error").startswith("Type ")
    assert balances(client) == before


def test_an_absurdly_long_text_is_cut(client):
    """What comes back is enough to see what was typed."""
    response = client.post("/", data={"balance": "9" * 9000})

    assert response.status_code == 400
    assert Page(response).by_id("balance")["value"] == "9" * 60


def test_a_hostile_text_stays_text(client):
    """What was typed cannot become part of the page."""
    typed = '"><script>alert(1)</script>'

    response = client.post("/", data={"balance": typed})

    assert response.status_code == 400
    assert Page(response).by_id("balance")["value"] == typed
    assert b"<script>alert" not in response.data


def test_a_body_above_the_limit_is_refused(client):
    """16 kB are plenty for an amount; more is 413 and changes nothing."""
    client.post("/", data={"balance": "7"})
    before = balances(client)

    at_the_limit = client.post("/", data={"balance": "9" * (16 * 1024 - 8)})
    above = client.post("/", data={"balance": "9" * (16 * 1024 - 7)})

    assert at_the_limit.status_code == 400
    assert above.status_code == 413
    assert Page(above).text("error") != ""
    assert "Set-Cookie" not in above.headers
    assert balances(client) == before


def test_start_over_is_behind_a_confirming_step(client):
    """The button is inside a closed ``details``: it takes two clicks, no script."""
    view = Page(client.get("/"))
    [form] = view.all("form", action="/start-over")
    [details] = view.all("details")

    assert form["method"] == "post"
    assert details in form["inside"]
    assert "open" not in details


def test_start_over_clears_the_rows_of_this_visitor(client, server):
    """The bank's own history stays, and another visitor's rows as well."""
    other = server.app.test_client()
    history = balances(client)
    client.post("/", data={"balance": "7"})
    other.post("/", data={"balance": "8"})

    response = client.post("/start-over")

    assert response.status_code == 303
    assert response.headers["Location"] == "/"
    assert balances(client) == history
    assert balances(other) == [*history, "R\u00a08.00"]


def test_looking_at_start_over_clears_nothing(client):
    """Only a POST writes."""
    client.post("/", data={"balance": "7"})
    before = balances(client)

    assert client.get("/start-over").status_code == 405
    assert balances(client) == before


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN_ORIGIN},
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:5001"},
    {"Origin": "https://localhost"},
    {"Origin": "null"},
]

OWN = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN_ORIGIN},
    {"Sec-Fetch-Site": "none"},
    {"Origin": OWN_ORIGIN},
]


@pytest.mark.parametrize("address", ["/", "/start-over"])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_cannot_write(client, server, address, headers):
    """Its POST comes without the cookie, and a fresh one would replace the list."""
    client.post("/", data={"balance": "7"})
    before = balances(client)
    without_cookie = server.app.test_client()

    for visitor in (client, without_cookie):
        response = visitor.post(address, data={"balance": "666"}, headers=headers)

        assert response.status_code == 403
        assert "Set-Cookie" not in response.headers
    assert balances(client) == before


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_our_own_page_can_write(client, headers):
    """A browser that sends neither header, and a command line, are let in."""
    response = client.post("/", data={"balance": "7"}, headers=headers)

    assert response.status_code == 303
    assert balances(client)[-1] == "R\u00a07.00"


def test_a_foreign_page_may_link_here(client):
    """Only what writes is guarded."""
    response = client.get("/", headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 200
