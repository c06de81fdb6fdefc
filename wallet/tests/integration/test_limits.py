"""The largest amounts that can be stored, far above zero and far below it."""

import pytest

from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.ledger.money import LARGEST_MINOR, format_amount
from wallet.web.service import service_of

from ..everything import all_rows

HIGHEST = format_amount(LARGEST_MINOR, 2)
LOWEST = format_amount(-LARGEST_MINOR, 2)


@pytest.fixture
def wallet(local, app):
    """A wallet that may go down as far as can be; whatever comes of it is sound."""
    yield local.create(floor=LOWEST)
    verify(service_of(app).store, freeze=freeze)


def set_balance(calls, wallet, amount, **headers):
    path = f"/v1/wallets/{wallet}/balance"
    return calls.put(path, {"amount": amount}, **{"If-Match": "*"} | headers)


def hold(calls, wallet, amount):
    return calls.post(f"/v1/wallets/{wallet}/holds", {"amount": amount})


def sums(calls, wallet):
    answer = calls.get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 200
    return tuple(answer.json[name] for name in ("balance", "held", "available"))


def is_too_large(answer):
    assert answer.status_code == 422, answer.text
    return answer.json["type"] == "/problems/balance-too-large"


@pytest.mark.parametrize(("first", "then"), [(LOWEST, HIGHEST), (HIGHEST, LOWEST)])
def test_from_the_lowest_balance_to_the_highest(
    local, wallet, first, then, database_url
):
    """The way is longer than one entry can be, in both directions, and two entries are
    enough."""
    assert set_balance(local, wallet, first).status_code == 201
    before = all_rows(database_url)
    assert is_too_large(set_balance(local, wallet, then))
    assert all_rows(database_url) == before
    kept = set_balance(local, wallet, then, **{"Idempotency-Key": "k"})
    assert is_too_large(kept)
    assert sums(local, wallet) == (first, "0.00", first)
    for amount, version in (("0.00", 2), (then, 3)):
        assert set_balance(local, wallet, amount).status_code == 201
        assert local.balance(wallet) == (amount, version)
    again = set_balance(local, wallet, then, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.data) == (422, kept.data)
    assert local.balance(wallet) == (then, 3)


def test_the_largest_moves_are_undone_paid_out_and_shown(local, wallet):
    """By a reversal, a capture into another wallet, and every page."""
    assert set_balance(local, wallet, LOWEST).status_code == 201
    undone = local.post(f"/v1/wallets/{wallet}/entries/1/reversals")
    assert undone.status_code == 201
    assert undone.json["entry"]["amount"] == HIGHEST
    assert local.deposit(wallet, HIGHEST).status_code == 201
    other = local.create(floor=LOWEST)
    held = hold(local, wallet, HIGHEST)
    assert held.status_code == 201
    path = f"/v1/wallets/{wallet}/holds/{held.json['hold']['id']}/captures"
    assert local.deposit(other, "0.01").status_code == 201
    assert is_too_large(local.post(path, {"to": other}))
    assert sums(local, wallet) == (HIGHEST, HIGHEST, "0.00")
    assert local.withdraw(other, "0.01").status_code == 201
    assert local.post(path, {"to": other}).status_code == 201
    assert sums(local, other) == (HIGHEST, "0.00", HIGHEST)
    page = f"/wallets/{wallet}"
    for path in (
        *("/", page, f"{page}/months", f"{page}/holds", f"{page}/settings"),
        *(f"{page}/statement.csv", f"{page}/entries/1", f"/v1{page}/series?step=day"),
    ):
        assert local.get(path).status_code == 200, path


def test_the_largest_movements_are_brought_in(local, wallet, database_url):
    """As long as the balance between them can be stored."""
    before, head = all_rows(database_url), "date,amount\n2020-01-01,"
    above = f"{head}{HIGHEST}\n2020-01-02,0.01\n".encode()
    for query in ("", "?dry_run=true"):
        refused = local.bring_in(wallet, above, query)
        assert refused.status_code == (200 if query else 422)
        assert "too large to store" in refused.text
        assert all_rows(database_url) == before
    file = f"{head}-{HIGHEST}\n2020-01-02,{HIGHEST}\n".encode()
    assert local.bring_in(wallet, file).status_code == 201
    assert local.balance(wallet) == ("0.00", 2)
