"""The bounded queue between the many who ask and the one who writes."""

import threading
import time
from collections import deque

from .ledger.commands import Submission
from .ledger.outcomes import Results
from .storage.errors import NotWritten, OutcomeUnknown


class QueueFull(NotWritten):
    """More waits already than can be answered in time, or nothing is taken now."""


class Waiting:
    """A submission, and the one who waits for it."""

    __slots__ = ("_done", "_error", "_results", "since_s", "submission")

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.since_s = time.monotonic()
        self._results: Results | None = None
        self._error: Exception | None = None
        # A bare lock is the cheapest thing that one thread can wait on.
        self._done = threading.Lock()
        self._done.acquire()

    def answer(self, results: Results) -> None:
        """Wake the one who waits, with results."""
        self._results = results
        self._done.release()

    def fail(self, error: Exception) -> None:
        """Wake the one who waits, with an error."""
        self._error = error
        self._done.release()

    def wait(self, timeout_s: float) -> Results:
        """Wait to be woken.

        :raises OutcomeUnknown: that took too long.
        """
        if not self._done.acquire(timeout=timeout_s):
            raise OutcomeUnknown
        if self._error is not None:
            raise self._error
        assert self._results is not None  # noqa: S101  whoever wakes us has set one
        return self._results


class Queue:
    """Submissions in the order of their coming.

    :param capacity: the number of commands that may wait.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.commands = 0
        self.closed = False
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition(threading.Lock())

    def put(self, submission: Submission) -> Waiting:
        """Let a submission wait.

        :raises QueueFull: too much waits already, or the queue is closed.
        """
        waiting = Waiting(submission)
        size = len(submission.commands)
        with self._changed:
            # An empty queue takes a submission of any size, or a large one would
            # never be taken.
            full = bool(self._waiting) and self.commands + size > self.capacity
            if full or self.closed:
                raise QueueFull
            self._waiting.append(waiting)
            self.commands += size
            self._changed.notify()
        return waiting

    def take(self, most: int) -> list[Waiting]:
        """Take what waits, up to a number of commands; nothing once it is closed."""
        batch: list[Waiting] = []
        taken = 0
        with self._changed:
            while not self._waiting and not self.closed:
                self._changed.wait()
            while self._waiting:
                size = len(self._waiting[0].submission.commands)
                if batch and taken + size > most:
                    break
                batch.append(self._waiting.popleft())
                taken += size
            self.commands -= taken
        return batch

    def close(self) -> None:
        """Take nothing more; what waits may still be taken."""
        with self._changed:
            self.closed = True
            self._changed.notify()
