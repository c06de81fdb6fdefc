"""A client outside that looks again and again."""

import threading
import time

from ..actions import in_thread, until
from ..clients import BROKEN
from .stack import Stack


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
