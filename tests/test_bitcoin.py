"""The bitcoin column and the sentence beneath it, from the fourth stage on."""

from datetime import datetime
from decimal import Decimal

import pytest
from page import Page
from page import look
from page import save
from stages import LUNO_URL
from stages import TICKER

FIRST_STAGE = 4


def bitcoins(client):
    return [row[2] for row in look(client).rows]


def test_each_balance_is_shown_at_the_asking_price(client):
    """Balance divided by ask, with eight decimals."""
    assert bitcoins(client)[:2] == ["0.00002424", "0.00002182"]


def test_an_overdrawn_balance_is_negative_in_bitcoin(client):
    """The account owes them."""
    assert bitcoins(client)[5] == "-0.00003030"


def test_a_saved_balance_has_its_bitcoins_too(client):
    """The visitor's rows are treated as the bank's."""
    save(client, "1650100")

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
        ("-0.03", "2000000", "-0.00000002"),
        ("999999999999.99", "1", "999999999999.99000000"),
        ("1.00", "3", "0.33333333"),
    ],
)
def test_bitcoins_are_rounded_half_to_even(server, amount, price, text):
    """Ties go to the even digit, and no zero is negative."""
    assert server.bitcoin(Decimal(amount), Decimal(price)) == text


def test_the_page_says_which_price_it_used_and_when_it_was_read(client, after_midnight):
    """Without it nobody could check the column."""
    assert look(client).text("price") == (
        "1 BTC = R\u00a01\u00a0650\u00a0100.00 (Luno, 2026-11-26 00:30 SAST)"
    )


def test_without_a_price_a_balance_is_saved(client, luno):
    """Saving does not depend on Luno."""
    luno.get(LUNO_URL, status_code=503)

    save(client, "7")

    assert look(client).rows[-1][1:] == ("R\u00a07.00", "\N{EN DASH}")


def test_the_last_price_known_is_used_while_luno_fails(
    client, server, after_midnight, clock, luno, monkeypatch
):
    """The sentence tells when that price was read, so nobody takes it for new."""
    first = look(client)
    luno.get(LUNO_URL, status_code=503)
    clock.now += 3600
    monkeypatch.setattr(server, "datetime", datetime)

    later = look(client)

    assert luno.call_count == 2
    assert later.rows == first.rows
    assert later.text("price") == first.text("price")


def test_a_new_price_takes_the_old_ones_place(client, clock, luno):
    """In the column and in the sentence."""
    look(client)
    luno.get(LUNO_URL, json={**TICKER, "ask": "2000000"})
    clock.now += 31

    later = look(client)

    assert later.rows[0][2] == "0.00002000"
    assert later.text("price").startswith("1 BTC = R\u00a02\u00a0000\u00a0000.00 ")


def test_a_refused_balance_still_shows_the_column(client):
    """The page after a refusal is the same page."""
    response = client.post("/", data={"balance": "abc"})

    assert response.status_code == 400
    assert Page(response).rows[0][2] == "0.00002424"
