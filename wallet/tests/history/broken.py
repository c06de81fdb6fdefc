"""A service that breaks a promise: the judge must see it from outside.

It is started like the real one, with the name of the promise first.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from wallet import cli
from wallet.storage.store import Store
from wallet.web import service

_write, _find = Store.write, service.find_wallet


def forget() -> None:
    """Answer every fortieth batch as if it had been written."""
    batches = count(1)

    def write(self, driver, decision, answered, now_us):
        if next(batches) % 40:
            _write(self, driver, decision, answered, now_us)

    Store.write = write  # type: ignore[method-assign]


def do_again() -> None:
    """Keep one in ten answers without its key."""
    batches = count(1)

    def write(self, driver, decision, answered, now_us):
        if not next(batches) % 10:
            answered = [
                each._replace(command=replace(each.command, key=None))
                for each in answered
                if each.status == 201
            ]
        _write(self, driver, decision, answered, now_us)

    Store.write = write  # type: ignore[method-assign]


def read_late() -> None:
    """Show a wallet as it was up to a twentieth of a second ago."""
    seen = {}

    def find_wallet(store, wallet_id):
        at, found = seen.get(wallet_id, (0.0, None))
        if found is None or time.monotonic() > at + 0.05:
            at, found = time.monotonic(), _find(store, wallet_id)
            seen[wallet_id] = at, found
        return found

    service.find_wallet = find_wallet


BREAKAGES: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (forget, do_again, read_late)
}

if __name__ == "__main__":
    BREAKAGES[sys.argv.pop(1)]()
    cli.serve()
