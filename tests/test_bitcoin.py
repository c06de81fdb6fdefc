"""The bitcoin column and the sentence beneath it, from the fourth stage on."""

from datetime import timedelta
from decimal import Decimal

import pytest
from page import Page
from stages import LUNO_URL
from stages import TICKER

FIRST_STAGE = 4

NO_PRICE = "\N{EN DASH}"


def view(client):
    response = client.get("/")
    assert response.status_code == 200
    return Page(response)


def bitcoins(client):
    return [row[2] for row in view(client).rows]


def test_each_balance_is_shown_at_the_asking_price(client):
    """Balance divided by ask, eight decimals; an overdrawn one is negative."""
    cells = bitcoins(client)

    assert len(cells) == 10
    assert cells[:2] == ["0.00002424", "0.00002182"]
    assert cells[5] == "-0.00003030"


def test_a_stored_balance_has_its_bitcoins_too(client):
    """The visitor's rows are treated as the bank's."""
    assert client.post("/", data={"balance": "1650100"}).status_code == 303
    assert bitcoins(client)[-1] == "1.00000000"


@pytest.mark.parametrize(
    ("amount", "price", "text"),
    [
        ("40.00", "1650100.00", "0.00002424"),
        ("0.00", "1650100.00", "0.00000000"),
        ("0.01", "2000000", "0.00000000"),
        ("0.03", "2000000", "0.00000002"),
        ("0.05", "2000000", "0.00000002"),
        ("-0.01", "2000000", "0.00000000"),
        ("-0.01", "1000000000000", "0.00000000"),
        ("-0.03", "2000000", "-0.00000002"),
        ("999999999999.99", "1", "999999999999.99000000"),
        ("1.00", "3", "0.33333333"),
    ],
)
def test_bitcoins_are_rounded_half_to_even(server, amount, price, text):
    """Ties go to the even digit, and no zero is negative."""
    assert server.bitcoin(Decimal(amount), Decimal(price)) == text


def test_the_page_says_which_price_it_used_and_when_it_was_read(client, server):
    """Without it nobody could check the column."""
    read_at = server.now()
    price = view(client).by_id("price")

    assert price["role"] == "status"
    assert "R\u00a01\u00a0650\u00a0100.00" in price["text"]
    assert f"{read_at:%H:%M}" in price["text"] or (
        f"{read_at + timedelta(minutes=1):%H:%M}" in price["text"]
    )
    assert "old" not in price["text"]


def test_without_a_price_the_page_works_and_says_so(client, luno):
    """A missing price is a dash and a sentence: never 0 and never 1."""
    luno.get(LUNO_URL, status_code=503)

    shown = view(client)

    assert [row[2] for row in shown.rows] == [NO_PRICE] * 10
    assert "bitcoin price is not available" in shown.text("price")
    assert client.post("/", data={"balance": "7"}).status_code == 303
    assert view(client).rows[-1][1:] == ("R\u00a07.00", NO_PRICE)


def test_the_last_price_known_is_used_and_called_old(client, server, clock, luno):
    """It says when that price was read, with the date."""
    first = view(client)
    luno.get(LUNO_URL, status_code=503)
    clock.now += 31

    later = view(client)

    assert later.rows == first.rows
    assert later.text("price").startswith(first.text("price"))
    assert "old" in later.text("price")
    assert f"{server.now():%Y-%m-%d}" in later.text("price")


def test_a_new_price_takes_the_old_ones_place(client, clock, luno):
    """Once Luno answers again, nothing old is left."""
    luno.get(LUNO_URL, status_code=503)
    assert bitcoins(client)[0] == NO_PRICE
    luno.get(LUNO_URL, json={**TICKER, "ask": "2000000"})
    clock.now += 11

    shown = view(client)

    assert shown.rows[0][2] == "0.00002000"
    assert "old" not in shown.text("price")


def test_a_refused_balance_still_shows_the_column(client):
    """The page after a refusal is the same page."""
    response = client.post("/", data={"balance": "abc"})

    assert response.status_code == 400
    assert Page(response).rows[0][2] == "0.00002424"
