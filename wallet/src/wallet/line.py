"""The bounded line of those who ask for a commit, and those who stepped aside.

A request whose wallet is locked by somebody else in the database steps aside, and holds
up only requests for the same wallet. The first of them waits at the locks.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .ledger.commands import Submission
from .ledger.outcomes import Results
from .storage.errors import Locked, NotWritten, OutcomeUnknown


class QueueFull(NotWritten):
    """The line is too long, or closed, or did not move in time."""


@dataclass(slots=True, eq=False)
class Place:
    """A place in the line: a submission, and what came of it."""

    submission: Submission
    #: The number of its commands.
    size: int
    since_s: float
    until_s: float
    #: What came of it, once that is known.
    answer: Results | Exception | None = None
    #: In somebody's batch now; left there; in need of one of its own; at a lock.
    taken: bool = False
    gone: bool = False
    alone: bool = False
    aside: bool = False
    # A bare lock is the cheapest thing that a thread can wait on.
    called: threading.Lock = field(default_factory=threading.Lock)


class Line:
    """Those who wait, in the order of their coming; at most one of them leads.

    Nobody in the line itself wants a wallet that is known to be locked. One of those
    aside watches, and nobody else moves them.

    :param capacity: the number of commands that may wait in the line.
    :param wait_s: how long one waits.
    :param lock_s: how long one waits aside.
    :param most_aside: how many may wait aside.
    """

    def __init__(
        self,
        capacity: int,
        *,
        wait_s: float = 10.0,
        lock_s: float = 4.0,
        most_aside: int = 32,
    ) -> None:
        self.capacity = capacity
        self.commands = 0
        self.closed = False
        self._wait_s = wait_s
        self._lock_s = lock_s
        self._most_aside = most_aside
        self._places: deque[Place] = deque()
        self._aside: deque[Place] = deque()
        #: The ids of wallets known to be locked; the next to be waited for comes first.
        self._locked: dict[str, None] = {}
        self._led = self._watched = False
        self._lock = threading.Condition(threading.Lock())

    def join(self, submission: Submission) -> Place:
        """Take the last place; it is called at once if nobody leads.

        :raises QueueFull: too much waits already, or the line is closed.
        """
        now_s = time.monotonic()
        size = len(submission.commands)
        place = Place(submission, size, now_s, now_s + self._wait_s)
        place.called.acquire()
        with self._lock:
            if self.closed:
                raise QueueFull
            if self._locked and self._is_blocked(place):
                self._step_aside([place])
                return place
            # An empty line takes a submission of any size, or a large one would never
            # be taken.
            if self._places and self.commands + place.size > self.capacity:
                raise QueueFull
            self._places.append(place)
            self.commands += place.size
            if not self._led:
                self._led = True
                place.called.release()
        return place

    def leave(self, place: Place) -> None:
        """Give up a place, unless it was called or got more time just now.

        :raises NotWritten: and nothing will be.
        :raises OutcomeUnknown: it is in a batch whose end cannot be waited for.
        """
        with self._lock:
            called = place.answer is not None or not place.called.locked()
            if called or time.monotonic() < place.until_s:
                return
            if place.taken:
                place.gone = True
                raise OutcomeUnknown
            if place.aside:
                self._aside.remove(place)
                raise Locked
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
            for place in reversed(_still_there(places)):
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

    def set_aside(self, batch: list[Place], locked: Iterable[str]) -> None:
        """Move those who want a locked wallet out of the batch and the line."""
        with self._lock:
            self._locked |= dict.fromkeys(locked)
            blocked = list(filter(self._is_blocked, [*batch, *self._places]))
            for place in blocked:
                if place.taken:
                    batch.remove(place)
                else:
                    self._places.remove(place)
                    self.commands -= place.size
            self._step_aside(blocked)

    def locked(self) -> list[str]:
        """List the locked wallets; each time another one is the first."""
        with self._lock:
            ids = list(self._locked)
            self._locked = dict.fromkeys(ids[1:] + ids[:1])
            return ids

    def bring_back(self, free: Iterable[str]) -> None:
        """Let those with free wallets go on; refuse those who waited too long."""
        with self._lock:
            for wallet in free:
                self._locked.pop(wallet, None)
            places, self._aside = self._aside, deque()
            back = []
            for place in places:
                if not self._is_blocked(place):
                    place.aside = False
                    place.until_s = place.since_s + self._wait_s
                    back.append(place)
                elif place.until_s <= time.monotonic():
                    _refuse(place, Locked())
                else:
                    self._aside.append(place)
            # The first in line may have been called, so it stays the first.
            first = [self._places.popleft()] if self._places else []
            self._places.extendleft(reversed([*first, *back]))
            self.commands += sum(place.size for place in back)
            if back and not self._led:
                self._led = True
                self._places[0].called.release()

    def end_watch(self, broken: Place | None = None) -> None:
        """Call the next of those aside to watch, except for one who is broken."""
        with self._lock:
            if broken is not None and broken.aside:
                self._aside.remove(broken)
            if self._aside:
                self._aside[0].called.release()
            else:
                self._watched = False
                self._lock.notify_all()

    def close(self, timeout_s: float) -> None:
        """Let nobody join any more, and wait until all are served."""
        with self._lock:
            self.closed = True
            self._lock.wait_for(lambda: not (self._led or self._watched), timeout_s)

    def _is_blocked(self, place: Place) -> bool:
        return not self._locked.keys().isdisjoint(place.submission.wallets())

    def _step_aside(self, places: Iterable[Place]) -> None:
        until_s = time.monotonic() + self._lock_s
        for place in _still_there(places):
            place.taken, place.aside = False, True
            place.until_s = min(place.until_s, until_s)
            self._aside.append(place)
        # They keep threads that others need. The first one may be watching.
        while len(self._aside) > self._most_aside:
            _refuse(self._aside.pop(), QueueFull())
        if self._aside and not self._watched:
            self._watched = True
            self._aside[0].called.release()


def _still_there(places: Iterable[Place]) -> list[Place]:
    # Whose thread has gone does not come when it is called.
    return [place for place in places if not place.gone]


def _refuse(place: Place, error: NotWritten) -> None:
    place.aside, place.answer = False, error
    place.called.release()
