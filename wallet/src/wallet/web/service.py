"""The parts of a running service, as both faces use them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from flask import Flask, Request, current_app, request

from ..clock import timestamp
from ..config import Settings
from ..history.future import LatestEntry
from ..ledger.commands import Principal, Submission
from ..ledger.outcomes import (
    Abandoned,
    Outcome,
    Refused,
    Result,
    Results,
    WalletState,
)
from ..storage.errors import StoreFailure, reason_of
from ..storage.names import Names
from ..storage.queries import find_wallet
from ..storage.store import Store
from ..writer import Writer
from . import auth, metrics
from .attempts import Attempts
from .auth import Caller, WalletKeys
from .feed import Feed
from .gauges import Gauges
from .places import SlowClients
from .problems import refused
from .turns import Turns

log = logging.getLogger(__name__)

#: How often a database that is away is looked for.
_LOOK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that routes use."""

    settings: Settings
    keys: WalletKeys
    store: Store
    writer: Writer
    latest: LatestEntry
    slow: SlowClients
    feed: Feed
    gauges: Gauges
    turns: Turns
    #: Set once the tables are known to be those of this program.
    opened: threading.Event = field(default_factory=threading.Event)
    attempts: Attempts = field(default_factory=Attempts)
    #: Whether the server was told to stop, and serves on for a while.
    leaving: Callable[[], bool] = bool

    def open(self) -> None:
        """Bring the tables up to date; until then, nothing is asked of them.

        :raises NotWritten: the database cannot be reached.
        :raises WrongSchema: a newer program wrote it.
        """
        self.store.bring_up_to_date()
        self.opened.set()

    def open_patiently(self) -> None:
        """Open the database; if it is away, go on trying in the background.

        What no waiting mends has ended the start of the server. A worker that ended
        would end the server, which has others.

        :raises WrongSchema: a newer program wrote it.
        """
        try:
            self.open()
        except StoreFailure:
            # A daemon: the end of the process does not wait for the database.
            threading.Thread(target=self._open_later, daemon=True).start()
        else:
            self.warn_of_future_entries()

    def _open_later(self) -> None:
        told = ""
        while not self.opened.is_set():
            try:
                self.open()
            except Exception as error:
                reason = reason_of(error)
                if reason != told:
                    log.warning("the database is waited for: %s", reason)
                told = reason
                time.sleep(_LOOK_S)
        log.warning("the database is there")
        self.warn_of_future_entries()

    def recognise(self, request: Request, token: str, operator_token: str) -> Caller:
        """Return whose token or key came with a request.

        :raises Problem: it is not ours, or too many came that were not.
        """
        caller = self.attempts.judge(
            request,
            token,
            lambda given: auth.recognise(given, operator_token, self.keys),
        )
        self.turns.begin(caller.name)
        return caller

    def submit(self, submission: Submission) -> Results:
        """Have commands decided and committed, and count their outcomes.

        :raises StoreFailure: the database did not do its part.
        """
        # To be written may take long; a read afterwards takes another turn.
        self.turns.give_back()
        try:
            results = self.writer.submit(submission)
        except Exception as error:
            metrics.count_failure(submission, error)
            raise
        try:
            metrics.count_results(submission, results)
        except Exception:
            # The money has moved: a count that is lost is no reason to say otherwise.
            log.exception("the results of a request were not counted")
        return results

    def submit_one(self, submission: Submission) -> Result:
        """Have a single command decided and committed.

        :raises Problem: it was not decided.
        """
        return only(self.submit(submission))

    def submit_decided(self, submission: Submission) -> Outcome:
        """Have a single command carried out that is not remembered under a key.

        :raises Problem: it was refused.
        """
        outcome = self.submit_one(submission).outcome
        if isinstance(outcome, Refused):
            raise refused(outcome)
        return outcome

    def open_wallet(self, caller: Caller, wallet_id: str) -> WalletState:
        """Return a wallet that the caller may open.

        :raises Problem: it is another's, it is not there, or the key was replaced.
        """
        caller.must_see(wallet_id)
        return caller.must_open(find_wallet(self.store, wallet_id))

    def names_for(self, caller: Caller) -> Names | None:
        """Look wallets' names up for a caller; the holder of a key learns none."""
        return Names(self.store) if caller.principal is Principal.OPERATOR else None

    def warn_of_future_entries(self) -> None:
        """Log when the latest entry lies in the future."""
        try:
            self.latest.look()
        except StoreFailure:
            # It is looked for again when the status is asked for, in a while.
            return
        ahead_us = self.latest.ahead_us()
        if ahead_us is not None:
            log.warning(
                "the latest entry is of %s, which is in the future: a clock was ahead,"
                " or this one is behind",
                timestamp(ahead_us),
            )

    def close(self) -> None:
        """Finish the commands that wait, then close the database."""
        self.feed.stop()
        self.writer.stop()
        self.store.close()


def current_request() -> Request:
    """Return the request itself: each look through its proxy takes longer."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]


def identify(request: Request) -> Caller:
    """Return who sends a request to the application that serves it.

    :raises Problem: the credentials are missing or not ours, or too many were not.
    """
    service = current_service()
    operator_token = service.settings.operator_token
    if operator_token is None:
        return Caller(Principal.OPERATOR)
    return service.recognise(request, auth.bearer(request), operator_token)


def only(results: Results) -> Result:
    """Take the result of a single command, or raise why it was not decided."""
    if isinstance(results, Refused):
        raise refused(results)
    assert not isinstance(results, Abandoned)  # noqa: S101  only what is atomic can be
    (result,) = results
    return result


def service_of(app: Flask) -> Service:
    """Return the parts of an application."""
    return cast("Service", app.extensions["wallet"])


def current_service() -> Service:
    """Return the parts of the application that serves the request."""
    return cast("Service", current_app.extensions["wallet"])
