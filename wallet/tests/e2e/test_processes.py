"""Several processes on one PostgreSQL."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from ..actions import in_thread, locking

pytestmark = pytest.mark.slow

CLIENTS = 12


@pytest.fixture
def servers(make_server, postgresql_url):
    """Two servers, of one and of two workers, on one database."""
    servers = make_server(postgresql_url), make_server(postgresql_url)
    for workers, server in enumerate(servers, 1):
        server.launch(workers)
    return [server.wait() for server in servers]


def together(servers, work):
    """Run work with many clients at once, half of them on each server."""
    barrier = threading.Barrier(CLIENTS)

    def run(number):
        with servers[number % 2].client() as client:
            client.get("/status")
            barrier.wait(60)
            return work(client, number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def create(server, **members):
    with server.client() as client:
        return client.post("/v1/wallets", members).json["id"]


def read(server, wallet):
    with server.client() as client:
        told = client.get(f"/v1/wallets/{wallet}").json
    return told["balance"], told["version"]


def test_processes_share_a_hot_wallet(servers):
    """Versions have no gap and no double, no matter which process wrote them."""
    wallet = create(servers[0])
    path = f"/v1/wallets/{wallet}/deposits"

    def deposit(client, _number):
        answers = [client.post(path, {"amount": "0.01"}) for _ in range(15)]
        return [answer.json["entry"]["version"] for answer in answers]

    versions = sorted(chain.from_iterable(together(servers, deposit)))
    assert versions == list(range(1, 15 * CLIENTS + 1))
    assert servers[0].run("verify").returncode == 0


def test_processes_transfer_in_opposite_directions(servers):
    """Locks are taken in one order everywhere, so nobody waits for ever."""
    ada, bob = create(servers[0], floor="-100"), create(servers[1], floor="-100")

    def transfer(client, number):
        one, other = (ada, bob) if number // 2 % 2 else (bob, ada)
        path, body = f"/v1/wallets/{one}/transfers", {"to": other, "amount": "0.5"}
        return [client.post(path, body).status for _ in range(10)]

    assert set(chain.from_iterable(together(servers, transfer))) == {201}
    assert read(servers[0], ada) == read(servers[1], bob) == ("0.00", 10 * CLIENTS)
    assert servers[1].run("verify").returncode == 0


def test_a_locked_wallet_holds_up_no_other(make_server, postgresql_url):
    """Two workers serve the others as before; it is served when the lock is gone."""
    # Long enough for a request for the locked one to be there when it is free.
    patient = {"LOCK_TIMEOUT_MS": "60000", "WAIT_TIMEOUT_MS": "60000"}
    server = make_server(postgresql_url, **patient).start(workers=2)
    locked, *others = (create(server) for _ in range(CLIENTS + 1))

    def deposit(client, number):
        answers, until_s = [], time.monotonic() + 1.5
        while time.monotonic() < until_s:
            answers.append(client.deposit(others[number], "0.01").status)
        return answers

    def deposit_with_key(key):
        with server.client() as client:
            return client.deposit(locked, "1", key).status

    def deposit_all():
        return list(chain.from_iterable(together((server, server), deposit)))

    before = deposit_all()
    with locking(postgresql_url, locked):
        waiting = [in_thread(deposit_with_key, key) for key in "aabbcc"]
        during = deposit_all()
        assert read(server, locked) == ("0.00", 0)
        assert not any(statuses for _, statuses in waiting)
    for thread, _ in waiting:
        thread.join(60)
    after = deposit_all()
    assert set(before) == set(during) == set(after) == {201}
    # The machine may be busier by then.
    assert len(during) > min(len(before), len(after)) / 4
    assert [statuses for _, statuses in waiting] == [[201]] * 6
    assert read(server, locked) == ("3.00", 3)
    verified = server.run("verify")
    assert verified.returncode == 0, verified.stderr


def test_processes_move_money_once_for_one_key(servers):
    """Equal answers from every process."""
    wallet = create(servers[0])
    path = f"/v1/wallets/{wallet}/deposits"
    answers = together(
        servers, lambda client, _: client.post(path, {"amount": "5"}, key="k")
    )
    assert {(answer.status, answer.data) for answer in answers} == {
        (201, answers[0].data)
    }
    assert read(servers[1], wallet) == ("5.00", 1)


def test_processes_create_one_wallet_for_one_key(servers):
    """The same wallet with the same key from every process, many times over."""
    for round_number in range(5):
        key = f"new {round_number}".replace(" ", "-")
        answers = together(
            servers, lambda client, _, key=key: client.post("/v1/wallets", {}, key=key)
        )
        assert {(answer.status, answer.data) for answer in answers} == {
            (201, answers[0].data)
        }
    with servers[0].client() as client:
        assert len(client.get("/v1/wallets").json["wallets"]) == 5


def test_workers_add_up_their_metrics(make_server, postgresql_url):
    """Whichever worker is asked, it tells what all of them counted."""
    server = make_server(postgresql_url, METRICS_TOKEN="m" * 16).start(workers=2)
    wallet = create(server)
    path = f"/v1/wallets/{wallet}/deposits"

    def deposit(client, _number):
        return [client.post(path, {"amount": "1"}).status for _ in range(10)]

    together((server, server), deposit)
    told = set()
    for _ in range(8):
        with server.client("m" * 16) as client:
            text = client.get("/metrics").data.decode()
        told |= set(
            re.findall(r'^wallet_operations_total.*"deposit".* (\S+)$', text, re.M)
        )
    assert told == {f"{10 * CLIENTS:.1f}"}
    with server.client() as client:
        assert client.get("/metrics").status == 401


def test_what_an_earlier_run_counted_is_gone(make_server, postgresql_url, tmp_path):
    """The folder that is named is emptied at the start."""
    folder = tmp_path / "metrics"
    server = make_server(postgresql_url, METRICS_TOKEN="m" * 16)
    server.environment["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    for _ in range(2):
        server.start(workers=2)
        create(server)
        with server.client("m" * 16) as client:
            text = client.get("/metrics").data.decode()
        assert re.findall(r'"new-wallet".* (\S+)$', text, re.M) == ["1.0"]
        assert list(folder.glob("*.db"))
        server.stop()
