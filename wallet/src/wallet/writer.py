"""The one door to the ledger: the leader of the line commits for all who wait in it.

A request joins the line. If nobody leads, it leads: it takes what waits, commits that
in one transaction, hands the lead to the next in line, and wakes those whom it served.
Under load the line grows while a commit is under way, and that is the next batch.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from .ledger.commands import Submission
from .ledger.outcomes import (
    Abandoned,
    Frozen,
    Outcome,
    Refused,
    Result,
    Results,
)
from .ledger.rules import decide
from .line import Line, Place
from .storage.doubt import Doubt
from .storage.errors import (
    Collision,
    Locked,
    OutcomeUnknown,
    StoreFailure,
    TryAgain,
)
from .storage.rows import Driver, to_remember
from .storage.store import Store

log = logging.getLogger(__name__)

#: How often a batch is run after a deadlock, a serialisation failure, the loss of its
#: connection, or a key that another process took first; and for how long.
_ATTEMPTS: Final = 6
_PATIENCE_S: Final = 5.0
#: The first pause between two attempts; each further one may be twice as long.
_PAUSE_S: Final = 0.005


Freeze = Callable[[Outcome], Frozen | None]
#: Gets what was committed together, what still waits, when it began, how long it took.
Observe = Callable[[list[Place], int, float, float], None]


class Writer:
    """Takes submissions from many threads and commits them in batches.

    :param freeze: turns an outcome into the answer that is stored with it.
    :param now_us: the clock.
    :param capacity: the number of commands that may wait.
    :param batch_size: the number of commands that are committed together.
    :param wait_s: how long a submission waits for its turn.
    :param lock_s: how long it waits for a wallet that somebody else has locked.
    :param answer_s: how long to wait for the end of a batch, after any wait before.
    :param most_aside: how many may wait for such wallets.
    :param observe: is called after each batch.
    """

    def __init__(
        self,
        store: Store,
        freeze: Freeze,
        now_us: Callable[[], int],
        *,
        capacity: int = 4096,
        batch_size: int = 512,
        wait_s: float = 10.0,
        lock_s: float = 4.0,
        answer_s: float = 0.0,
        most_aside: int = 32,
        observe: Observe = lambda *_: None,
    ) -> None:
        self.line = Line(capacity, wait_s=wait_s, lock_s=lock_s, most_aside=most_aside)
        self._store = store
        self._freeze = freeze
        self._now_us = now_us
        self._batch_size = batch_size
        self._wait_s = wait_s
        self._answer_s = answer_s
        self._observe = observe
        self._began_s: float | None = None
        self._doubt = Doubt(store, lambda: self._began_s is not None)

    @property
    def failing(self) -> bool:
        """Whether the last batch failed, or goes on for longer than anyone waits."""
        began_s = self._began_s
        stuck = began_s is not None and time.monotonic() - began_s > self._wait_s
        return stuck or self._doubt.stands()

    def submit(self, submission: Submission) -> Results:
        """Have a submission decided and committed, and return its results.

        :raises QueueFull: too much waits; nothing was written.
        :raises NotWritten: the database failed before the commit.
        :raises OutcomeUnknown: it is not known whether the commit took place.
        """
        mine = self.line.join(submission)
        while mine.answer is None:
            left_s = mine.until_s - time.monotonic()
            if not mine.called.acquire(timeout=max(0.0, left_s)):
                if not self._ends_soon(mine):
                    self.line.leave(mine)
            elif mine.aside:
                self._watch(mine)
            elif mine.answer is None:
                self._lead(mine)
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take nothing more, and wait until what was taken is finished."""
        self.line.close(timeout_s)
        self._doubt.stop(1)

    def _lead(self, mine: Place) -> None:
        # Set before anybody is taken: they ask how long the batch has been under way.
        self._began_s = began_s = time.monotonic()
        batch = self.line.take(self._batch_size)
        queued = self.line.commands
        try:
            self._commit_or_split(batch)
        finally:
            took_s, self._began_s = time.monotonic() - began_s, None
            self.line.hand_over()
            for place in batch:
                if place.answer is None:
                    place.answer = OutcomeUnknown()
                if place is not mine:
                    place.called.release()
        try:
            self._observe(batch, queued, began_s, took_s)
        except Exception:
            # A count that is lost is no reason to tell otherwise than what was done.
            log.exception("a batch of %d was not counted", len(batch))

    def _ends_soon(self, mine: Place) -> bool:
        """Tell if it is in a batch that is done, or given up, before long."""
        began_s = self._began_s
        if mine.taken and began_s is not None:
            mine.until_s = max(mine.until_s, began_s + self._answer_s)
        return time.monotonic() < mine.until_s

    def _watch(self, mine: Place) -> None:
        """Wait at the locks for all aside, while this one is aside itself."""
        try:
            while mine.aside:
                locked = self.line.locked()
                try:
                    free = self._store.find_free(locked)
                except Exception:
                    # Who leads meets it again, and tells those whom it concerns.
                    log.warning("locked wallets are not waited for", exc_info=True)
                    free = set(locked)
                self.line.bring_back(free)
        except BaseException:
            self.line.end_watch(mine)
            raise
        # By now it may be aside again; then it is called like the others.
        self.line.end_watch()

    def _commit_or_split(self, batch: list[Place]) -> None:
        """Serve everyone in the batch, set aside, or put back all but the first."""
        try:
            served = self._commit_patiently(batch)
        except Exception as error:
            known = isinstance(error, StoreFailure) and not isinstance(error, Collision)
            if known or len(batch) <= 1:
                mistake = None if isinstance(error, StoreFailure) else error
                text, cause = "a batch of %d failed: %r from %r", error.__cause__
                log.warning(text, len(batch), error, cause, exc_info=mistake)
                for place in batch:
                    place.answer = error
                if known and not isinstance(error, Locked):
                    self._doubt.begin()
                return
            # One of them is to blame. Each by itself, only that one fails.
            self.line.put_back(batch[1:])
            del batch[1:]
            self._commit_or_split(batch)
        else:
            self._doubt.end()
            for place, results in zip(batch, served, strict=True):
                place.answer = results

    def _commit_patiently(self, batch: list[Place]) -> list[Results]:
        began_s = time.monotonic()
        patient = False
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._commit(batch, patient)
            except Locked:
                if patient:
                    raise
                patient = True
            except (TryAgain, Collision):
                if time.monotonic() - began_s > _PATIENCE_S:
                    raise
                # Jitter keeps two processes from meeting again and again.
                time.sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311  no secret
        return self._commit(batch, patient)

    def _commit(self, batch: list[Place], patient: bool) -> list[Results]:
        with self._store.batch() as driver:
            if patient:
                self._set_aside(driver, batch)
            submissions = tuple(place.submission for place in batch)
            known = self._store.load(driver, submissions, self._now_us)
            now_us = known.now_us
            decision = decide(known, submissions, now_us)
            results = [
                verdict
                if isinstance(verdict, Refused | Abandoned)
                else tuple(Result(each, self._freeze(each)) for each in verdict)
                for verdict in decision.verdicts
            ]
            answered = to_remember(results)
            self._store.write(driver, decision, answered, now_us)
        return results

    def _set_aside(self, driver: Driver, batch: list[Place]) -> None:
        """Move those out of a batch who want a wallet that somebody else has locked."""
        submissions = [place.submission for place in batch]
        locked = self._store.find_locked(driver, submissions)
        if locked:
            log.warning("another session has locked %s", ", ".join(sorted(locked)))
            self.line.set_aside(batch, locked)
