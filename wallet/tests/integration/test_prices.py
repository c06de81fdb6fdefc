"""The call that tells what a bitcoin costs."""

from decimal import Decimal

import pytest

from wallet.clock import now_us, timestamp
from wallet.prices.rates import MAX_AGE_US, keep_rate
from wallet.web.service import service_of

from ..actions import Wallets

PATH = "/v1/rates/XBTZAR"


def keep(caller, price, at_us):
    with service_of(caller.client.application).store.transaction() as connection:
        keep_rate(connection, Decimal(price), at_us)


def test_the_newest_price_is_told_with_its_time(local):
    """With every digit, and where it comes from."""
    at_us = now_us() - 5_000_000
    keep(local, "1", at_us - 1)
    keep(local, "1234567.8900", at_us)
    answer = local.get(PATH)
    assert answer.status_code == 200
    assert answer.json == {
        "pair": "XBTZAR",
        "rate": "1234567.8900",
        "rate_at": timestamp(at_us),
        "source": "luno",
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_price_of_the_last_24_hours_there_is_a_problem(local):
    """No price was ever seen, as when fetching is off; or it is too old."""
    for age_us in (None, MAX_AGE_US + 1):
        if age_us is not None:
            keep(local, "1234567", now_us() - age_us)
        answer = local.get(PATH)
        assert answer.status_code == 404
        assert answer.json["type"] == "/problems/no-rate"
    keep(local, "1234567", now_us() - MAX_AGE_US + 60_000_000)
    assert local.get(PATH).status_code == 200


@pytest.mark.parametrize("pair", ["ETHZAR", "xbtzar", "XBTZAR ", "x" * 2000])
def test_no_other_pair_is_known(local, pair):
    """Whether a price of ours is there or not."""
    keep(local, "1234567", now_us())
    answer = local.get(f"/v1/rates/{pair}")
    assert answer.status_code == 404
    assert answer.json["type"] == "/problems/not-found"


def test_a_parameter_is_refused(local):
    """The call has none."""
    answer = local.get(f"{PATH}?pair=XBTZAR")
    assert (answer.status_code, answer.json["field"]) == (400, "pair")


def test_only_callers_with_valid_credentials_read_the_price(operator, stranger):
    """The operator and every wallet's key, until it is replaced."""
    wallet = operator.post("/v1/wallets").json
    owner = Wallets(stranger.client, wallet["key"])
    keep(operator, "1234567", now_us())
    assert operator.get(PATH).status_code == 200
    assert owner.get(PATH).status_code == 200
    assert stranger.get(PATH).status_code == 401
    assert Wallets(stranger.client, "x").get(PATH).status_code == 401
    assert operator.post(f"/v1/wallets/{wallet['id']}/keys").status_code == 201
    assert owner.get(PATH).status_code == 401
