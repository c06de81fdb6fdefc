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
        #: When this machine stood still, from and until.
        self._stalls: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._threads = [in_thread(work)[0] for work in (self._run, self._tick)]

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def since(self, moment: float) -> list[int | None]:
        return [status for began, _, status in self.seen if began >= moment]

    def longest_s(self, since: float = 0) -> float:
        """How long a request took at most, apart from when this machine stood still."""
        took = (
            took_s - self._stood_s(began, began + took_s)
            for began, took_s, _ in self.seen
            if began >= since
        )
        return max(took, default=0.0)

    def settled(self, status: int, within_s: float = 60) -> None:
        """Wait for a second in which every answer was this, and quick.

        :param within_s: whatever is asked later than that gets such an answer.
        """
        since = time.monotonic()

        def only() -> bool:
            last = [one for one in self.seen if one[0] > time.monotonic() - 1]
            return len(last) > 3 and all(
                got == status and took_s < 1 for _, took_s, got in last
            )

        until(only, within_s + 60, each_s=0.05)
        late = since + within_s + self._stood_s(since, time.monotonic())
        assert {got for began, _, got in self.seen if began > late} <= {status}
        assert self.longest_s(late) < 1

    def _stood_s(self, begin: float, end: float) -> float:
        overlaps = (min(end, to) - max(begin, at) for at, to in self._stalls)
        return sum(max(0.0, each) for each in overlaps)

    def _tick(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(0.02):
            now = time.monotonic()
            if now - last > 0.3:
                self._stalls.append((last, now))
            last = now

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
