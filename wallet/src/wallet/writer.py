"""The one door to the ledger: whoever leads the line commits for all who wait in it.

A request joins the line. If nobody leads, it leads: it takes what waits, commits that
in one transaction, hands the lead to the next in line, and wakes those whom it served.
Under load the line grows while a commit is under way, and that is the next batch.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from .ledger.commands import Keyed, Submission
from .ledger.outcomes import (
    Abandoned,
    Frozen,
    Moved,
    Outcome,
    Refused,
    Result,
    Results,
    Verdict,
)
from .ledger.rules import decide
from .line import Line, Place
from .storage.errors import Collision, OutcomeUnknown, StoreFailure, TryAgain
from .storage.rows import Answered
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
        observe: Observe = lambda *_: None,
    ) -> None:
        self.line = Line(capacity)
        self._store = store
        self._freeze = freeze
        self._now_us = now_us
        self._batch_size = batch_size
        self._wait_s = wait_s
        self._observe = observe

    def submit(self, submission: Submission) -> Results:
        """Have a submission decided and committed, and return its results.

        :raises QueueFull: too much waits; nothing was written.
        :raises NotWritten: the database failed before the commit.
        :raises OutcomeUnknown: it is not known whether the commit took place.
        """
        mine = self.line.join(submission)
        if not mine.called.acquire(timeout=self._wait_s):
            self.line.leave(mine)
        if not mine.served:
            self._lead()  # the first in line is in its own batch
        if mine.error is not None:
            raise mine.error
        assert mine.results is not None  # noqa: S101  whoever is served has one of them
        return mine.results

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take nothing more, and wait until what was taken is finished."""
        self.line.close(timeout_s)

    def _lead(self) -> None:
        batch = self.line.take(self._batch_size)
        queued, began_s = self.line.commands, time.monotonic()
        try:
            self._commit_or_split(batch)
        finally:
            took_s = time.monotonic() - began_s
            self.line.hand_over()
            for place in batch[1:]:
                if not place.served:
                    place.error = OutcomeUnknown()
                place.called.release()
        try:
            self._observe(batch, queued, began_s, took_s)
        except Exception:
            # A count that is lost is no reason to tell otherwise than what was done.
            log.exception("a batch of %d was not counted", len(batch))

    def _commit_or_split(self, batch: list[Place]) -> None:
        """Serve everyone in the batch, or put back all but the first."""
        try:
            served = self._commit_patiently(batch)
        except Exception as error:
            known = isinstance(error, StoreFailure) and not isinstance(error, Collision)
            if known or len(batch) == 1:
                mistake = None if isinstance(error, StoreFailure) else error
                text, cause = "a batch of %d failed: %r from %r", error.__cause__
                log.warning(text, len(batch), error, cause, exc_info=mistake)
                for place in batch:
                    place.error = error
                return
            # One of them is to blame. Each by itself, only that one fails.
            self.line.put_back(batch[1:])
            del batch[1:]
            self._commit_or_split(batch)
        else:
            for place, results in zip(batch, served, strict=True):
                place.results = results

    def _commit_patiently(self, batch: list[Place]) -> list[Results]:
        submissions = tuple(place.submission for place in batch)
        began_s = time.monotonic()
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._commit(submissions)
            except (TryAgain, Collision):
                if time.monotonic() - began_s > _PATIENCE_S:
                    raise
                # Jitter keeps two processes from meeting again and again.
                time.sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311  no secret
        return self._commit(submissions)

    def _commit(self, submissions: tuple[Submission, ...]) -> list[Results]:
        with self._store.batch() as driver:
            known = self._store.load(driver, submissions)
            now_us = self._now_us()
            decision = decide(known, submissions, now_us)
            results = [self._freeze_all(verdict) for verdict in decision.verdicts]
            answered = _to_remember(results)
            self._store.write(driver, decision, answered, now_us)
        return results

    def _freeze_all(self, verdict: Verdict) -> Results:
        if isinstance(verdict, Refused | Abandoned):
            return verdict
        return tuple(Result(outcome, self._freeze(outcome)) for outcome in verdict)


def _to_remember(results: Sequence[Results]) -> list[Answered]:
    answered = []
    for of_submission in results:
        if isinstance(of_submission, Refused | Abandoned):
            continue
        for result in of_submission:
            command = _remembered_command(result.outcome)
            if command is not None and result.frozen is not None:
                frozen = result.frozen
                answered.append(Answered(command, frozen.status, frozen.body))
    return answered


def _remembered_command(outcome: Outcome) -> Keyed | None:
    if isinstance(outcome, Moved):
        return outcome.command
    if isinstance(outcome, Refused) and outcome.remember:
        command = outcome.command
        if isinstance(command, Keyed) and command.key is not None:
            return command
    return None
