"""The one door to the ledger: a bounded queue, and one thread that commits for all.

The thread takes what waits, decides it in one transaction, commits once and wakes
everyone. It never waits for more to come: under load the queue fills while a commit is
under way, and that is the next batch.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from .ledger.commands import MoveMoney, Submission
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
from .storage.errors import Collision, NotWritten, OutcomeUnknown, TryAgain
from .storage.rows import Answered
from .storage.store import Store
from .waiting import Queue, Waiting

log = logging.getLogger(__name__)

#: How often a batch is run after a deadlock, a serialisation failure, or the loss of
#: its connection, and when no further attempt is begun.
_ATTEMPTS: Final = 6
_PATIENCE_S: Final = 5.0
#: The first pause between two attempts; each further one may be twice as long.
_PAUSE_S: Final = 0.005


Freeze = Callable[[Outcome], Frozen | None]
#: Is told what was taken, what still waits, when it was taken, and how long it took.
Observe = Callable[[list[Waiting], int, float, float], None]


class Writer:
    """Takes submissions from many threads and commits them in batches.

    :param freeze: turns an outcome into the answer that is stored with it.
    :param now_us: the clock.
    :param capacity: the number of commands that may wait.
    :param batch_size: the number of commands that are committed together.
    :param wait_s: how long a submission waits before its outcome is unknown.
    :param observe: is told about each batch.
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
        self.queue = Queue(capacity)
        self._store = store
        self._freeze = freeze
        self._now_us = now_us
        self._batch_size = batch_size
        self._wait_s = wait_s
        self._observe = observe
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether submissions are being taken."""
        return self._thread.is_alive() and not self.queue.closed

    def submit(self, submission: Submission) -> Results:
        """Have a submission decided and committed, and wait for its results.

        :raises QueueFull: too much waits already; nothing was written.
        :raises NotWritten: the database failed before the commit.
        :raises OutcomeUnknown: it is not known whether the commit took place.
        """
        return self.queue.put(submission).wait(self._wait_s)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take nothing more, finish what waits, and end the thread."""
        self.queue.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while batch := self.queue.take(self._batch_size):
            queued, began_s = self.queue.commands, time.monotonic()
            self._commit_or_split(batch)
            try:
                self._observe(batch, queued, began_s, time.monotonic() - began_s)
            except Exception:
                # A count that is lost is no reason to stop taking money.
                log.exception("a batch of %d was not counted", len(batch))

    def _commit_or_split(self, batch: list[Waiting]) -> None:
        """Answer everyone in the batch, whatever happens."""
        try:
            results = self._commit_patiently(batch)
        except Collision as error:
            # Another process created a wallet with the same key. Read again, the
            # wallet is there and the answer is a replay.
            self._one_by_one(batch, error)
        except (NotWritten, OutcomeUnknown) as error:
            cause = error.__cause__
            log.warning("a batch of %d failed: %r from %r", len(batch), error, cause)
            for waiting in batch:
                waiting.fail(error)
        except Exception as error:
            log.exception("a batch of %d failed", len(batch))
            self._one_by_one(batch, error)
        else:
            for waiting, result in zip(batch, results, strict=True):
                waiting.answer(result)

    def _one_by_one(self, batch: list[Waiting], error: Exception) -> None:
        """Run each submission again, so that only the guilty one fails."""
        if len(batch) == 1 and not isinstance(error, Collision):
            batch[0].fail(error)
            return
        for waiting in batch:
            try:
                (results,) = self._commit_patiently([waiting])
            except Exception as failure:
                log.warning("a submission failed: %r", failure)
                waiting.fail(failure)
            else:
                waiting.answer(results)

    def _commit_patiently(self, batch: list[Waiting]) -> list[Results]:
        submissions = tuple(waiting.submission for waiting in batch)
        began_s = time.monotonic()
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._commit(submissions)
            except TryAgain:
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


def _remembered_command(outcome: Outcome) -> MoveMoney | None:
    if isinstance(outcome, Moved):
        return outcome.command
    if isinstance(outcome, Refused) and outcome.remember:
        command = outcome.command
        if isinstance(command, MoveMoney) and command.key is not None:
            return command
    return None
