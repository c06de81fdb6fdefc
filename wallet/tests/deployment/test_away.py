"""What a client outside sees when the wallet is away, unwell, or hangs."""

import threading
import time
from collections.abc import Iterator

import pytest

from ..actions import in_thread, locking, until
from ..clients import BROKEN, Answer
from .stack import Stack

#: What is waited for, when a replica hangs, in these tests instead of 25 seconds.
HEAD_WITHIN_S = 4


@pytest.fixture(scope="module", autouse=True)
def _impatient(running: Stack) -> Iterator[None]:
    """A shorter limit for heads, so that tests need not wait for the real one."""
    path = running.folder / "deploy" / "traefik" / "dynamic.yml"
    text = path.read_text()
    assert "responseHeaderTimeout: 25s" in text
    path.write_text(text.replace("Timeout: 25s", f"Timeout: {HEAD_WITHIN_S}s"))
    yield
    path.write_text(text)


class Watch:
    """Asks for a wallet's page again and again, and notes what came, and how soon."""

    def __init__(self, stack: Stack, path: str = "/v1/wallets") -> None:
        self.stack, self.path = stack, path
        #: When a request began, how long it took, and its status; ``None`` is nothing.
        self.seen: list[tuple[float, float, int | None]] = []
        self._stop = threading.Event()
        self._thread, _ = in_thread(self._run)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def since(self, moment: float) -> list[int | None]:
        return [status for began, _, status in self.seen if began >= moment]

    def settled(self, status: int, within_s: float) -> None:
        """Wait until nothing but this has been answered for a second, each quickly."""

        def only() -> bool:
            last = [one for one in self.seen if one[0] > time.monotonic() - 1]
            return len(last) > 3 and all(
                got == status and took_s < 1 for _, took_s, got in last
            )

        until(only, within_s + 1, each_s=0.05)

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            began = time.monotonic()
            status = None
            try:
                with self.stack.outside() as client:
                    status = client.get(self.path).status
            except BROKEN:
                pass
            self.seen.append((began, time.monotonic() - began, status))


def test_a_stopped_wallet_is_answered_for_with_503(stack):
    """Within two seconds, and 404 or 500 never; when it is back, so are its answers."""
    with Watch(stack) as watch:
        watch.settled(200, 10)
        stack.compose("stop", "wallet")
        watch.settled(503, 2)
        stack.compose("start", "wallet")
        # While it starts, too.
        until(lambda: stack.health("wallet") == ["healthy"], 40, each_s=0.2)
        watch.settled(200, 10)
    assert not {404, 500, None} & {status for _, _, status in watch.seen}
    assert max(took_s for _, took_s, _ in watch.seen) < 3.5


def test_without_its_database_the_wallet_is_answered_for_with_503(stack):
    """By itself, and when Traefik has noticed by Traefik."""
    with Watch(stack) as watch:
        watch.settled(200, 10)
        stack.compose("stop", "db")
        watch.settled(503, 5)
        stack.compose("start", "db")
        until(lambda: stack.health("wallet") == ["healthy"], 45, each_s=0.2)
        watch.settled(200, 10)
    assert {status for _, _, status in watch.seen} <= {200, 503}


def test_a_wallet_that_hangs_is_answered_for_with_503(stack):
    """Within three seconds; whoever was with it already does not wait for ever."""
    with Watch(stack) as watch:
        watch.settled(200, 10)
        stack.compose("pause", "wallet")
        try:
            # Its own request waits for the head, and all that follow are quick.
            watch.settled(503, HEAD_WITHIN_S + 3)
        finally:
            stack.compose("unpause", "wallet")
        watch.settled(200, 10)
    assert {status for _, _, status in watch.seen} <= {200, 503, 504}
    assert max(took_s for _, took_s, _ in watch.seen) < HEAD_WITHIN_S + 1


def test_a_call_that_waits_for_an_entry_may_take_longer(stack):
    """Its head comes at once, so the limit for heads does not end it."""
    wallet = stack.create()
    stack.deposit(wallet, "1.00")
    began = time.monotonic()
    wait_s = HEAD_WITHIN_S + 2
    answer = stack.visit(
        "wallet", f"/v1/wallets/{wallet}/entries?after=1&wait={wait_s}"
    )
    assert (answer.status, answer.json["entries"]) == (200, [])
    assert time.monotonic() - began >= wait_s


def test_with_a_replica_less_every_request_is_answered(stack):
    """One of two is killed: only what it was doing is lost, and nobody waits."""
    stack.up(wallets=2)
    with Watch(stack) as watch:
        watch.settled(200, 10)
        killed = stack.containers("wallet")[0]["Name"].lstrip("/")
        stack.engine("kill", killed)
        until(lambda: stack.running("wallet") == 1, 5)
        since = time.monotonic()
        until(lambda: len(watch.since(since)) > 40, 20)
    assert set(watch.since(since)) == {200}
    assert max(took_s for began, took_s, _ in watch.seen if began >= since) < 2.5
    stack.up()


def test_what_a_replica_has_received_is_not_sent_to_another(stack):
    """It might have been done: without a key, that would be twice."""
    stack.up(wallets=2)
    wallet = stack.create()
    with Watch(stack) as watch:
        watch.settled(200, 10)
    with locking(stack.database_url, wallet) as session:
        asking = "SELECT host(client_addr) FROM pg_stat_activity WHERE wait_event_type"
        found: list[str] = []

        def waits() -> bool:
            # What a transaction has once seen of others it sees again.
            session.execute("SELECT pg_stat_clear_snapshot()")
            for row in session.execute(f"{asking} = 'Lock'").fetchmany(1):
                found.extend(row)
            return bool(found)

        thread, results = in_thread(_deposit, stack, wallet)
        until(waits, 3, each_s=0.02)
        (at,) = found
        (doing,) = [
            one["Name"].lstrip("/")
            for one in stack.containers("wallet")
            if one["NetworkSettings"]["Networks"][f"{stack.name}_back"]["IPAddress"]
            == at
        ]
        stack.engine("kill", doing)
        thread.join(20)
    (answer,) = results
    assert answer.status == 502
    with stack.outside() as client:
        assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "0.00"
        entries = client.get(f"/v1/wallets/{wallet}/entries").json["entries"]
    assert entries == []
    stack.up()


def _deposit(stack: Stack, wallet: str) -> Answer:
    with stack.outside() as client:
        return client.deposit(wallet, "1.00")
