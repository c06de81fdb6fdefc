"""Reads take turns: a few at once, in the order of their coming.

Threads that all want the interpreter get it by chance: of 64 reads, some wait ten
times as long as most. Who waits here wants nothing, so each gets its turn, and is done
all the sooner.
"""

import threading
from collections import deque


class Turns:
    """A number of turns, of which each is taken and given back.

    :param count: how many there are at once.
    :param wait_s: how long one is waited for.
    """

    def __init__(self, count: int, wait_s: float) -> None:
        self._free = count
        self._wait_s = wait_s
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Wait for a turn, which the caller must give back; tell if it came in time."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=self._wait_s):
            return True
        with self._lock:
            late = called.locked()
            if late:
                self._waiting.remove(called)
        # It may have come at the last moment.
        return not late

    def give_back(self) -> None:
        """End a turn: the next one begins."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
