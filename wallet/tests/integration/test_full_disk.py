"""A disk without room: refused cleanly, read from all the while, and recovered from."""

import pytest

from wallet.audit.verify import verify
from wallet.web.service import service_of

#: A server has its disk to itself.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def disk(app):
    """Set how many pages the file may have beyond those that it has."""
    store = service_of(app).store

    def room_for(pages):
        with store.writing.connect() as connection:
            size = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {size + pages}")

    return room_for


def test_a_full_disk_refuses_cleanly_and_is_recovered_from(app, local, disk):
    """Nothing of a refused request stays, and with room the same key succeeds."""
    wallet, done = local.create(), 0
    disk(6)
    while (answer := local.deposit(wallet, 1, note="x" * 500, key=f"{done}")) and (
        answer.status_code == 201
    ):
        done += 1
        assert done < 1000
    assert done > 0
    for _ in range(3):
        refused = local.deposit(wallet, 1, note="x" * 500, key=f"{done}")
        assert refused.status_code == 503
        assert refused.json["type"] == "/problems/unavailable"
        assert refused.headers["Retry-After"]
    assert local.balance(wallet) == (f"{done}.00", done)
    assert local.get(f"/v1/wallets/{wallet}/entries").status_code == 200
    assert verify(service_of(app).store).entries == done
    disk(1000)
    again = local.deposit(wallet, 1, note="x" * 500, key=f"{done}")
    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again.headers
    assert local.balance(wallet) == (f"{done + 1}.00", done + 1)


def test_a_batch_on_a_full_disk_is_done_whole_or_not_at_all(app, local, disk):
    """Its first items would have found room, and are not there either."""
    wallet = local.create()
    disk(4)
    item = {"kind": "deposit", "amount": 1, "note": "x" * 500}
    assert local.batch(wallet, *[item] * 200).status_code == 503
    assert local.balance(wallet) == ("0.00", 0)
    disk(1000)
    assert local.batch(wallet, *[item] * 200).status_code == 200
    assert verify(service_of(app).store).entries == 200
