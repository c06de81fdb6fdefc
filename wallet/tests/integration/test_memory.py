"""Memory stays flat; ``REQUESTS=20000`` looks for longer."""

import gc
import os
import tracemalloc

import pytest

pytestmark = pytest.mark.slow

REQUESTS = int(os.environ.get("REQUESTS", "80"))
#: What a few thousand requests may leave behind: caches that are still filling.
SLACK = 200_000


def test_memory_is_flat_under_a_long_run(local):
    """What a request needed is given back, whatever came of it."""
    wallet, other = local.create(), local.create()

    def run(rounds, name):
        for number in range(rounds):
            local.deposit(wallet, 1, key=f"{name}-{number}", note="x" * 200)
            local.transfer(wallet, other, "0.50")
            local.withdraw(wallet, 10**6, key=f"no-{name}-{number}")
            local.batch(wallet, *[{"kind": "deposit", "amount": "0.01"}] * 5)
            local.deposit(wallet, "malformed")
            local.get(f"/v1/wallets/{wallet}/entries?limit=20")
            local.get(f"/nothing/{name}/{number}")
            local.client.open(f"/{number}", method=f"M{number}")

    tracemalloc.start()
    try:
        run(30, "warm")
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        run(REQUESTS, "long")
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < SLACK
