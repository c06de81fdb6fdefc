"""The plain wallet that the bench compares with: simple, but not wrong."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.plain import check, fill, make_app, opened
from sqlalchemy import text


@pytest.fixture
def url(empty_database_url):
    """A database for it."""
    return empty_database_url


@pytest.fixture
def app(url):
    """It, with two wallets."""
    assert fill(url, 2) == ["wallet-0", "wallet-1"]
    with opened(url) as engine:
        yield make_app(engine)


def deposit(app, amount, key=None, wallet="wallet-0"):
    """Make a deposit."""
    headers = {} if key is None else {"Idempotency-Key": key}
    path = f"/v1/wallets/{wallet}/deposits"
    return app.test_client().post(path, json={"amount": amount}, headers=headers)


def balance(app, wallet="wallet-0"):
    """Read a balance."""
    answer = app.test_client().get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 200
    return answer.json["balance"]


def test_deposits_at_once_add_up(app, url):
    """None is lost, and each balance is the sum of its entries."""
    with ThreadPoolExecutor(8) as clients:
        sent = list(clients.map(lambda _: deposit(app, "0.01"), range(80)))
    assert {each.status_code for each in sent} == {201}
    assert balance(app) == "0.80"
    assert balance(app, "wallet-1") == "0.00"
    assert check(url) == "2 wallets are the sums of their entries."


def test_a_key_makes_one_deposit(app, url):
    """However often, at once, and it is refused for another amount."""
    with ThreadPoolExecutor(8) as clients:
        sent = list(clients.map(lambda _: deposit(app, "0.05", "k"), range(40)))
    assert {each.status_code for each in sent} == {201}
    assert len({each.data for each in sent}) == 1
    assert deposit(app, "0.06", "k").status_code == 409
    assert balance(app) == "0.05"
    assert check(url)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "x", "NaN", "1e400", None])
def test_a_wrong_amount_is_refused(app, amount):
    """And so is a wallet that is not there; nothing changes."""
    assert deposit(app, amount).status_code == 400
    assert deposit(app, "1.00", wallet="nobody").status_code == 404
    assert balance(app) == "0.00"


def test_a_wrong_sum_is_found(app, url):
    """The bench would say so."""
    assert deposit(app, "0.05").status_code == 201
    with opened(url) as engine, engine.begin() as connection:
        spoil = "UPDATE wallets SET balance_minor = 4 WHERE version = 1"
        connection.execute(text(spoil))
    with pytest.raises(ValueError, match="wallet-0 is not the sum"):
        check(url)
