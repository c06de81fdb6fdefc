"""Asks Luno for the price of bitcoin once a minute, and keeps each price.

Every serving process has a thread for it, and one row of ``rate_asks`` tells them all
when Luno may be asked again. The process that moves that time on may ask; if it
dies afterwards, that costs a minute and no more.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Final

from sqlalchemy import Connection, TextClause, text

from ..clock import now_us
from ..config import Settings
from ..storage.errors import StoreFailure
from ..storage.store import Store
from .luno import AskOutcome, TickerFault, ask_price
from .rates import PAIR, keep_rate

log = logging.getLogger(__name__)

_SECOND_US: Final = 1_000_000
#: Luno is asked at most so often, by all processes together.
PERIOD_US: Final = 60 * _SECOND_US
#: The longest pause that Luno may ask for.
LONGEST_PAUSE_US: Final = 3600 * _SECOND_US
#: No pause is so long: a next time beyond it was set by a clock that went back since.
_IMPOSSIBLE_US: Final = 2 * LONGEST_PAUSE_US
#: How often a process looks whether it is time.
_LOOK_S: Final = 10.0

_CLAIM: Final = text(
    "UPDATE rate_asks SET next_at_us = :next_us WHERE pair = :pair"
    " AND (next_at_us <= :now_us OR next_at_us > :impossible_us)"
)
_SHORTEN: Final = text(
    "UPDATE rate_asks SET next_at_us = :next_us"
    " WHERE pair = :pair AND next_at_us > :pause_us"
)
#: The time that a process has set is how it knows that nobody has asked since.
_MOVE_ON: Final = text(
    "UPDATE rate_asks SET next_at_us = :next_us"
    " WHERE pair = :pair AND next_at_us = :claimed_us"
)


class Poller:
    """A thread that asks for the price whenever it is time.

    :param store: its own, so that no change of money ever waits for it.
    :param observe: counts what came of each question.
    :param ask: asks an address for the price.
    :param opened: what its thread waits for at the start.
    """

    def __init__(
        self,
        store: Store,
        url: str,
        observe: Callable[[AskOutcome], None],
        clock: Callable[[], int] = now_us,
        ask: Callable[[str], Decimal] = ask_price,
        opened: threading.Event | None = None,
    ) -> None:
        self._store, self._url = store, url
        self._observe, self._clock, self._ask = observe, clock, ask
        self._opened, self._stopped = opened, threading.Event()
        self._is_new = True
        self._reason: str | None = None
        # A daemon: the end of the process waits for no answer of Luno's.
        self.thread = threading.Thread(target=self._run, name="luno", daemon=True)

    def stop(self) -> None:
        """Ask no more; a question that is under way is not waited for."""
        self._stopped.set()

    def poll(self) -> None:
        """Ask if it is time."""
        try:
            claimed_us = self._claim()
            if claimed_us is not None:
                self._ask_and_keep(claimed_us)
        except StoreFailure as failure:
            self._report(f"the database does not answer ({type(failure).__name__})")
        except Exception as error:
            self._report(f"a mistake of this program ({type(error).__name__})", error)

    def _run(self) -> None:
        if self._opened is not None:
            self._opened.wait()
        self.poll()
        while not self._stopped.wait(_LOOK_S):
            self.poll()
        self._store.close()

    def _claim(self) -> int | None:
        """Take the right to ask, unless another has it, and return when it ends."""
        now = self._clock()
        end_us = now + PERIOD_US
        with self._store.transaction() as connection:
            if self._is_new:
                # A process that is gone was asked to pause, perhaps at another address.
                # What is no longer than two minutes may be the claim of another process
                # whose clock is ahead.
                pause_us = end_us + PERIOD_US
                _update(connection, _SHORTEN, next_us=end_us, pause_us=pause_us)
            mine = _update(
                connection,
                _CLAIM,
                next_us=end_us,
                now_us=now,
                impossible_us=now + _IMPOSSIBLE_US,
            )
        self._is_new = False
        return end_us if mine else None

    def _ask_and_keep(self, claimed_us: int) -> None:
        try:
            price = self._ask(self._url)
        except TickerFault as fault:
            self._observe(fault.outcome)
            self._report(str(fault))
            self._pause(claimed_us, fault.retry_after)
            return
        kept = False
        try:
            kept = self._keep(claimed_us, price)
        finally:
            self._observe(AskOutcome.KEPT if kept else AskOutcome.NOT_KEPT)
        self._report(None if kept else "its answer came after another process asked")

    def _keep(self, claimed_us: int, price: Decimal) -> bool:
        seen_at_us = self._clock()
        with self._store.transaction() as connection:
            times = {"claimed_us": claimed_us, "next_us": claimed_us}
            mine = _update(connection, _MOVE_ON, **times)
            if mine:
                keep_rate(connection, price, seen_at_us)
        return mine

    def _pause(self, claimed_us: int, retry_after: str | None) -> None:
        now = self._clock()
        until_us = min(_retry_at_us(retry_after, now), now + LONGEST_PAUSE_US)
        if until_us > claimed_us:
            with self._store.transaction() as connection:
                times = {"claimed_us": claimed_us, "next_us": until_us}
                _update(connection, _MOVE_ON, **times)

    def _report(self, reason: str | None, error: Exception | None = None) -> None:
        """Log why there is no price, or that there is one again, when that changes."""
        if reason is None and self._reason is not None:
            log.info("There is a price of bitcoin from Luno again")
        elif reason != self._reason:
            log.warning("No price of bitcoin from Luno: %s", reason, exc_info=error)
        self._reason = reason


def start(
    settings: Settings,
    url: str,
    observe: Callable[[AskOutcome], None],
    opened: threading.Event,
) -> Poller:
    """Ask in the background of this process, once the tables are there."""
    store = Store(settings.database_url, replace(settings.limits, readers=1))
    poller = Poller(store, url, observe, opened=opened)
    poller.thread.start()
    return poller


def _update(connection: Connection, statement: TextClause, **times: int) -> bool:
    return connection.execute(statement, {"pair": PAIR, **times}).rowcount == 1


def _retry_at_us(retry_after: str | None, at_us: int) -> int:
    """When to ask again, by a header that has seconds or a date; else at once."""
    when = (retry_after or "").strip()
    if when.isascii() and when.isdecimal():
        return at_us + int(when[:9]) * _SECOND_US
    try:
        return round(parsedate_to_datetime(when).timestamp() * _SECOND_US)
    except (ValueError, OverflowError):
        return at_us
