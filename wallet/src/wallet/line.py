"""The bounded line of those who ask for a commit."""

import threading
import time
from collections import deque
from collections.abc import Sequence

from .ledger.commands import Submission
from .ledger.outcomes import Results
from .storage.errors import NotWritten, OutcomeUnknown


class QueueFull(NotWritten):
    """The line is too long, or closed, or did not move in time."""


class Place:
    """A place in the line: a submission, and what came of it."""

    __slots__ = (
        "alone",
        "called",
        "error",
        "results",
        "since_s",
        "size",
        "submission",
        "taken",
    )

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.size = len(submission.commands)
        self.since_s = time.monotonic()
        self.results: Results | None = None
        self.error: Exception | None = None
        #: Whether it is in somebody's batch now, and whether it wants one of its own.
        self.taken = self.alone = False
        # A bare lock is the cheapest thing that a thread can wait on.
        self.called = threading.Lock()
        self.called.acquire()

    @property
    def served(self) -> bool:
        """Whether it is known what came of it."""
        return self.results is not None or self.error is not None


class Line:
    """Those who wait, in the order of their coming; at most one of them leads.

    :param capacity: the number of commands that may wait.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.commands = 0
        self.closed = False
        self._places: deque[Place] = deque()
        self._led = False
        self._lock = threading.Condition(threading.Lock())

    def join(self, submission: Submission) -> Place:
        """Take the last place; it is called at once if nobody leads.

        :raises QueueFull: too much waits already, or the line is closed.
        """
        place = Place(submission)
        with self._lock:
            # An empty line takes a submission of any size, or a large one would never
            # be taken.
            full = bool(self._places) and self.commands + place.size > self.capacity
            if full or self.closed:
                raise QueueFull
            self._places.append(place)
            self.commands += place.size
            if not self._led:
                self._led = True
                place.called.release()
        return place

    def leave(self, place: Place) -> None:
        """Give up a place, unless it was called just now.

        :raises QueueFull: nothing was written, and nothing will be.
        :raises OutcomeUnknown: it is in a batch whose end cannot be waited for.
        """
        with self._lock:
            if not place.called.locked():
                return
            if place.taken:
                raise OutcomeUnknown
            self._places.remove(place)
            self.commands -= place.size
            raise QueueFull

    def take(self, most: int) -> list[Place]:
        """Take the first places, up to a number of commands, but at least one."""
        batch: list[Place] = []
        taken = 0
        with self._lock:
            while self._places:
                place = self._places[0]
                alone = place.alone or (batch and batch[0].alone)
                if batch and (alone or taken + place.size > most):
                    break
                batch.append(self._places.popleft())
                place.taken = True
                taken += place.size
            self.commands -= taken
        return batch

    def put_back(self, places: Sequence[Place]) -> None:
        """Let each of some who were taken lead a batch of its own."""
        with self._lock:
            for place in reversed(places):
                place.taken, place.alone = False, True
                self._places.appendleft(place)
                self.commands += place.size

    def hand_over(self) -> None:
        """Call the first in line to lead; if there is none, nobody leads."""
        with self._lock:
            if self._places:
                self._places[0].called.release()
            else:
                self._led = False
                self._lock.notify_all()

    def close(self, timeout_s: float) -> None:
        """Let nobody join any more, and wait until all are served."""
        with self._lock:
            self.closed = True
            self._lock.wait_for(lambda: not self._led, timeout_s)
