"""What a client outside sees when the wallet is away, unwell, or hangs."""

import time
from collections.abc import Iterator

import pytest

from ..actions import until
from .stack import Stack
from .watch import Watch

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


def test_a_stopped_wallet_is_answered_for_with_503(stack):
    """Within two seconds, and 404 or 500 never; when it is back, so are its answers."""
    with Watch(stack) as watch:
        watch.settled(200)
        stack.compose("stop", "wallet")
        watch.settled(503, 2)
        stack.compose("start", "wallet")
        # While it starts, too.
        until(lambda: stack.health("wallet") == ["healthy"], each_s=0.2)
        watch.settled(200, 10)
    assert not {404, 500, None} & {status for _, _, status in watch.seen}
    assert watch.longest_s() < 3.5


def test_a_wallet_that_hangs_is_answered_for_with_503(stack):
    """Within three seconds; requests that it had already do not wait for ever."""
    with Watch(stack) as watch:
        watch.settled(200)
        stack.compose("pause", "wallet")
        try:
            # Its own request waits for the head, and all that follow are quick.
            watch.settled(503, HEAD_WITHIN_S + 3)
        finally:
            stack.compose("unpause", "wallet")
        watch.settled(200, 10)
    assert {status for _, _, status in watch.seen} <= {200, 503, 504}
    assert watch.longest_s() < HEAD_WITHIN_S + 1


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
