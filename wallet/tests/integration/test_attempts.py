"""A client that tries many tokens is kept from it, and nobody else."""

import threading

import pytest

from wallet.web import attempts
from wallet.web.attempts import MOST_ADDRESSES, MOST_WRONG, Attempts
from wallet.web.service import service_of

from ..browsing import Visitor
from .conftest import METRICS, OPERATOR

pytestmark = pytest.mark.one_engine


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(shared_app):
    """The clock by which the shared application counts."""
    clock = Clock()
    # The service is made once; only its clock is another.
    object.__setattr__(service_of(shared_app), "attempts", Attempts(clock))
    return clock


@pytest.fixture
def ask(shared_app, clock):
    """Ask for the wallets with a token, from an address."""

    def ask(token, peer="9.9.9.7", path="/v1/wallets", **headers):
        return shared_app.test_client().get(
            path,
            headers={"Authorization": f"Bearer {token}"} | headers,
            environ_base={"REMOTE_ADDR": peer},
        )

    return ask


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_after_ten_wrong_tokens_no_more_are_looked_at(ask, clock):
    """Not even a right one, until the first of them is a minute old."""
    assert statuses(ask(f"wrong-{n}") for n in range(MOST_WRONG)) == [401] * MOST_WRONG
    clock.now += 20
    for token in ("wrong", "wrong-1", OPERATOR):
        refused = ask(token)
        assert refused.status_code == 429
        assert refused.json["type"] == "/problems/too-many-attempts"
        assert refused.headers["Retry-After"] == "40"
    clock.now += 40
    assert ask(OPERATOR).status_code == 200
    assert ask("wrong").status_code == 401


def test_ten_in_any_minute_are_too_many(ask, clock):
    """It does not matter when the minute begins; slower ones go on for ever."""
    for n in range(MOST_WRONG - 1):
        assert ask(f"{n}").status_code == 401
        clock.now += 6
    assert ask("last").status_code == 401
    assert ask(OPERATOR).status_code == 429
    for n in range(3 * MOST_WRONG):
        clock.now += 6.1
        assert ask(f"{n}").status_code == 401


def test_what_was_refused_does_not_count(ask, clock):
    """A client that goes on without a pause is heard a minute later all the same."""
    for n in range(MOST_WRONG):
        ask(f"{n}")
    for _ in range(3 * MOST_WRONG):
        clock.now += 1
        assert ask("more").status_code == 429
    clock.now += 30
    assert ask(OPERATOR).status_code == 200


def test_only_that_address_has_to_wait(ask):
    """Everyone else, and requests without a token, are answered as ever."""
    for n in range(MOST_WRONG):
        ask(f"{n}")
    assert ask(OPERATOR).status_code == 429
    assert ask(OPERATOR, peer="9.9.9.8").status_code == 200
    assert ask("", Authorization="").status_code == 401
    assert ask(OPERATOR, path="/status").status_code == 200


def test_a_neighbour_with_a_right_token_is_not_locked_out(ask):
    """A program that was left with an old token stops nobody but itself."""
    assert ask("old").status_code == 401
    assert ask(OPERATOR).status_code == 200
    assert 429 in statuses(ask("old") for _ in range(2 * MOST_WRONG))
    assert statuses([ask("old"), ask(OPERATOR), ask(METRICS)]) == [429, 200, 429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("9.9.9.7", None), ("::ffff:9.9.9.7", None), True),
        (("2620:fe::1", None), ("2620:fe::ffff:1", None), True),
        (("2620:fe::1", None), ("2620:fe:0:1::1", None), False),
        # A proxy beside the wallet says for whom it asks; nobody else is believed.
        (("10.0.0.2", "9.9.9.7"), ("10.0.0.2", "9.9.9.8"), False),
        (("10.0.0.2", "9.9.9.7"), ("10.0.0.3", "8.8.8.1, 9.9.9.7"), True),
        (("10.0.0.2", "9.9.9.7"), ("9.9.9.7", None), True),
        (("100.64.0.2", "9.9.9.7"), ("100.64.0.2", "9.9.9.8"), False),
        (("100.127.255.254", "9.9.9.7"), ("9.9.9.7", None), True),
        (("100.128.0.1", "9.9.9.7"), ("100.128.0.1", "9.9.9.8"), True),
        (("9.9.9.7", "8.8.8.1"), ("9.9.9.7", "8.8.8.2"), True),
        (("10.0.0.2", "unknown"), ("10.0.0.2", None), True),
        (("", None), ("", None), True),
    ],
    ids=str,
)
def test_an_address_is_that_of_whoever_asks(ask, one, other, same):
    """It is found through a proxy, and not made up by who is none."""

    def from_(caller, token):
        peer, named = caller
        headers = {} if named is None else {"X-Forwarded-For": named}
        return ask(token, peer, **headers).status_code

    assert [from_(one, f"{n}") for n in range(MOST_WRONG)] == [401] * MOST_WRONG
    assert from_(one, OPERATOR) == 429
    assert from_(other, OPERATOR) == (429 if same else 200)


def test_sign_ins_and_tokens_count_together(shared_app, ask):
    """A page says so; sessions that began before go on."""
    visitor, early = (Visitor(shared_app.test_client()) for _ in range(2))
    assert early.sign_in(OPERATOR).status_code == 303
    for n in range(MOST_WRONG // 2):
        assert visitor.sign_in(f"wrong-{n}").status_code == 401
        assert ask(f"{n}", peer="127.0.0.1", path="/metrics").status_code == 401
    refused = visitor.sign_in(OPERATOR)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert "Too many wrong tokens or keys" in refused.text
    assert refused.headers["Retry-After"] == "60"
    assert "Set-Cookie" not in refused.headers
    assert ask(METRICS, peer="127.0.0.1", path="/metrics").status_code == 429
    assert visitor.get("/transfer").status_code == 401
    assert early.get("/transfer").status_code == 200


def test_a_key_that_was_renewed_is_no_guess(operator, ask):
    """It was ours once; it opens nothing, however often it is sent."""
    made = operator.post("/v1/wallets").json
    assert operator.post(f"/v1/wallets/{made['id']}/keys").status_code == 201
    path = f"/v1/wallets/{made['id']}"
    told = statuses(ask(made["key"], path=path) for _ in range(2 * MOST_WRONG))
    assert told == [401] * 2 * MOST_WRONG


def test_many_addresses_fill_no_memory(ask, shared_app, monkeypatch):
    """The one that was quiet for longest is forgotten."""
    monkeypatch.setattr(attempts, "MOST_ADDRESSES", 4)
    assert MOST_ADDRESSES == 1024
    for n in range(MOST_WRONG):
        ask(f"{n}")
    assert ask(OPERATOR).status_code == 429
    for n in range(4):
        ask("x", peer=f"198.51.100.{n}")
    assert len(service_of(shared_app).attempts._seen) == 4
    assert ask(OPERATOR).status_code == 200


def test_clients_at_once_get_ten_looks_together(shared_app, clock):
    """What one worker has counted counts for all of its threads."""
    told, ready = [], threading.Barrier(8)

    def guess(number):
        client = shared_app.test_client()
        ready.wait()
        for n in range(10):
            token = f"{number}-{n}"
            headers = {"Authorization": f"Bearer {token}"}
            told.append(client.get("/v1/wallets", headers=headers).status_code)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # Those that were being looked at when the tenth was counted are answered, too.
    assert len(told) == 80
    assert MOST_WRONG <= told.count(401) < MOST_WRONG + 8
    assert set(told) == {401, 429}


def test_a_local_service_counts_nothing(app):
    """It asks for no token, so none is wrong."""
    client = app.test_client()
    for n in range(2 * MOST_WRONG):
        headers = {"Authorization": f"Bearer {n}"}
        assert client.get("/v1/wallets", headers=headers).status_code == 200
