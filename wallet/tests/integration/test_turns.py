"""Reads by the interface take turns; everything else is served meanwhile."""

import threading

import pytest

from wallet import create_app
from wallet.web.service import service_of

from ..actions import Wallets, until
from .test_following import waiting


@pytest.fixture
def crowded(tmp_path):
    """A service all of whose turns are taken, and the turns."""
    given = {"HOME": str(tmp_path), "LOCK_TIMEOUT_MS": "100", "READERS": "4"}
    app = create_app(given)
    calls = Wallets(app.test_client())
    wallet = calls.create()
    turns = service_of(app).turns
    assert turns.take()
    assert turns.take()
    yield calls, wallet, turns
    service_of(app).close()


def test_a_read_that_waits_in_vain_is_refused(crowded):
    """With an id, as every refusal, and it works once a turn is free."""
    calls, wallet, turns = crowded
    answer = calls.get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 503
    assert answer.json["type"] == "/problems/unavailable"
    assert answer.json["detail"].startswith("Too many reads")
    assert answer.headers["X-Request-Id"]
    turns.give_back()
    for _ in range(3):
        answer = calls.get(f"/v1/wallets/{wallet}")
        assert answer.status_code == 200
        assert answer.json["balance"] == "0.00"


def test_who_changes_or_asks_for_the_health_waits_for_no_turn(crowded):
    """Nor does anyone who looks at a page."""
    calls, wallet, _ = crowded
    assert calls.deposit(wallet, 5).status_code == 201
    assert calls.get("/status").status_code == 200
    page = calls.get(f"/wallets/{wallet}")
    assert page.status_code == 200
    assert "5.00" in page.text


def test_a_read_that_fails_gives_its_turn_back(crowded):
    """However often."""
    calls, wallet, turns = crowded
    turns.give_back()
    for _ in range(5):
        assert calls.get("/v1/wallets/nothing").status_code == 404
    assert calls.get(f"/v1/wallets/{wallet}").status_code == 200


def test_a_call_that_waits_for_an_entry_keeps_no_turn(crowded):
    """Others read as long as it does, and it is answered by what comes."""
    calls, wallet, turns = crowded
    turns.give_back()
    followed = []

    def follow():
        path = f"/v1/wallets/{wallet}/entries?after=0&wait=60"
        followed.append(calls.get(path).json["entries"])

    thread = threading.Thread(target=follow)
    thread.start()
    until(lambda: waiting(calls.client.application) == 1)
    for _ in range(3):
        assert calls.get(f"/v1/wallets/{wallet}").status_code == 200
    assert followed == []
    assert calls.deposit(wallet, 5).status_code == 201
    until(lambda: len(followed) == 1)
    thread.join(60)
    assert followed[0][0]["amount"] == "5.00"
