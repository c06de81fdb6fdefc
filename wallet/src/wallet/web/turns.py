"""Requests that read take turns: a few at once, and no caller more than half of them.

A request takes its turn when it first reads, whatever its method and address, and keeps
it until it ends, waits for a body, or has something written. Threads that all want the
interpreter get it by chance: of 64 reads, some wait ten times as long as most. Who
waits here wants nothing, so each gets its turn, and is done all the sooner.
"""

import threading
from collections import deque

from ..storage.errors import Crowded


class _Request(threading.local):
    """The request that a thread serves: who asks, and for whom it holds a turn."""

    #: Whose key came, or nothing; nobody, where no request is served.
    caller: str | None = None
    holder: str | None = None
    #: It waited in vain, and waits no more.
    late = False


class Turns:
    """A number of turns, each of which is taken and given back.

    :param count: how many there are at once.
    :param wait_s: how long one is waited for.
    :param most_waiting: how many requests with the same key may wait, each in its
        thread. The operator is trusted with all threads.
    """

    def __init__(self, count: int, wait_s: float, most_waiting: int) -> None:
        self._free = count
        self._share = max(1, count // 2)
        self._wait_s, self._most_waiting = wait_s, most_waiting
        self._held: dict[str, int] = {}
        #: A caller that has been served goes to the end.
        self._waiting: dict[str, deque[threading.Lock]] = {}
        self._lock = threading.Lock()
        self._request = _Request()

    def begin(self, caller: str = "") -> None:
        """Note that this thread serves a request, and whose, once that is known.

        :param caller: tells the key that came with it from others. All requests
            without one are of one caller: only the operator reads without a key.
        """
        self._request.caller = caller

    def take(self) -> None:
        """Wait for a turn, unless the request has one, or there is no request.

        :raises Crowded: none came in time, or too many wait with the same key.
        """
        mine = self._request
        caller = mine.caller
        if mine.holder is not None or caller is None:
            return
        if mine.late or not self._get(caller):
            mine.late = True
            raise Crowded
        mine.holder = caller

    def give_back(self) -> None:
        """Give the turn back, if there is one: another begins."""
        mine = self._request
        caller = mine.holder
        if caller is None:
            return
        mine.holder = None
        with self._lock:
            self._free += 1
            left = self._held.pop(caller) - 1
            if left:
                self._held[caller] = left
            if self._waiting:
                self._call_next()

    def end(self) -> None:
        """Give the turn back, and forget the request."""
        self.give_back()
        vars(self._request).clear()

    def _get(self, caller: str) -> bool:
        with self._lock:
            held = self._held.get(caller, 0)
            # Callers that wait have as many as they may have, or there is none.
            if self._free and held < self._share:
                self._hand_out(caller, held)
                return True
            waiting = self._waiting.get(caller, deque())
            if caller and len(waiting) >= self._most_waiting:
                return False
            called = threading.Lock()
            called.acquire()
            waiting.append(called)
            self._waiting[caller] = waiting
        if called.acquire(timeout=self._wait_s):
            return True
        with self._lock:
            late = called.locked()
            if late:
                waiting.remove(called)
                if not waiting:
                    del self._waiting[caller]
        # It may have come at the last moment.
        return not late

    def _call_next(self) -> None:
        """Hand a turn to the caller that waits for longest, of those that may."""
        for caller, waiting in self._waiting.items():
            held = self._held.get(caller, 0)
            if held < self._share:
                self._hand_out(caller, held)
                waiting.popleft().release()
                del self._waiting[caller]
                if waiting:
                    self._waiting[caller] = waiting
                return

    def _hand_out(self, caller: str, held: int) -> None:
        self._free -= 1
        self._held[caller] = held + 1
