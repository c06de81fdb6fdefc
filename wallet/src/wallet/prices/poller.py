"""Asks for the price of bitcoin in the background, and keeps what was seen.

Every serving process has a thread for it. Before it asks, it moves on the time in the
one row of ``rate_asks``; who gets to do so asks, the others wait. A process that dies
afterwards therefore costs a minute, and no more.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Final

from sqlalchemy import or_, update

from ..clock import now_us
from ..config import Settings
from ..storage.errors import StoreFailure
from ..storage.store import Store
from ..storage.tables import rate_asks
from .luno import Asked, TickerFault, ask_price
from .rates import PAIR, keep_rate

log = logging.getLogger(__name__)

#: Luno is asked at most so often, by all processes together.
PERIOD_S: Final = 60.0
#: The longest pause after failures: when asked to leave it, and otherwise.
LONGEST_PAUSE_S: Final = 3600.0
LONGEST_GENTLE_PAUSE_S: Final = 300.0
#: A pause grows by up to this part, so that those who failed together come apart.
_JITTER: Final = 0.25
#: No pause is so long: a next time beyond it was set by a clock that went back since.
_IMPOSSIBLE_S: Final = 2 * LONGEST_PAUSE_S
#: How often a process looks whether it is time.
_LOOK_S: Final = 10.0
#: How often it is said that there is still no price.
_REMIND_S: Final = 6 * 3600.0

_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to ask once.

    :param next_at_us: what the row was set to, by which it is known as one's own.
    :param failures: how often in a row there was no price.
    """

    next_at_us: int
    failures: int


class Asker:
    """A thread that asks whenever it is time.

    :param store: its own, so that no change of money ever waits for it.
    :param ask: asks an address for the price.
    :param observe: is told what came of each question.
    """

    def __init__(
        self,
        store: Store,
        url: str,
        observe: Callable[[Asked], None],
        clock: Callable[[], int] = now_us,
        ask: Callable[[str], Decimal] = ask_price,
    ) -> None:
        self._store, self._url = store, url
        self._observe, self._clock, self._ask = observe, clock, ask
        self._stopped = threading.Event()
        self._said: str | None = None
        self._said_at_s = 0.0
        # A daemon: the end of the process waits for no answer of Luno's.
        self.thread = threading.Thread(target=self._run, name="luno", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self.thread.start()

    def stop(self) -> None:
        """Ask no more; a question that is under way is not waited for."""
        self._stopped.set()

    def look(self) -> float:
        """Ask if it is time, and tell how long to wait before the next look."""
        try:
            claim = claim_ask(self._store, self._clock())
            if claim is None:
                return _LOOK_S * random.uniform(0.8, 1)  # noqa: S311  no secret
            self._ask_and_keep(claim)
        except StoreFailure as failure:
            self._say(f"the database does not answer ({type(failure).__name__})")
            return _LOOK_S
        except Exception as error:
            self._say(f"a mistake of this program ({type(error).__name__})", error)
        return PERIOD_S

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopped.wait(wait_s):
            wait_s = self.look()
        self._store.close()

    def _ask_and_keep(self, claim: Claim) -> None:
        try:
            price = self._ask(self._url)
        except TickerFault as fault:
            self._observe(fault.outcome)
            self._say(str(fault))
            pause_s = pause_after(fault, claim.failures, self._clock())
            put_off(self._store, claim, self._clock() + round(pause_s * _US))
            return
        try:
            kept = keep_price(self._store, claim, price, self._clock())
        except BaseException:
            self._observe(Asked.NOT_KEPT)
            raise
        self._observe(Asked.KEPT if kept else Asked.NOT_KEPT)
        self._say(None if kept else "its answer came when another had asked again")

    def _say(self, reason: str | None, error: Exception | None = None) -> None:
        if reason is None:
            if self._said is not None:
                log.info("There is a price of bitcoin from Luno again")
        elif self._said != reason or time.monotonic() - self._said_at_s >= _REMIND_S:
            log.warning("No price of bitcoin from Luno: %s", reason, exc_info=error)
            self._said_at_s = time.monotonic()
        self._said = reason


def start(settings: Settings, observe: Callable[[Asked], None]) -> Asker | None:
    """Ask in the background of this process, unless that is turned off."""
    if settings.luno_url is None:
        return None
    store = Store(settings.database_url, replace(settings.limits, readers=1))
    asker = Asker(store, settings.luno_url, observe)
    asker.start()
    return asker


_pair_row = rate_asks.c.pair == PAIR


def claim_ask(store: Store, at_us: int) -> Claim | None:
    """Take the right to ask, if it is time and nobody else has taken it."""
    next_at_us = at_us + round(PERIOD_S * _US)
    impossible_us = at_us + round(_IMPOSSIBLE_S * _US)
    due = or_(
        rate_asks.c.next_at_us <= at_us,
        rate_asks.c.next_at_us > impossible_us,
    )
    with store.transaction() as connection:
        failures = connection.execute(
            update(rate_asks)
            .where(_pair_row, due)
            .values(next_at_us=next_at_us)
            .returning(rate_asks.c.failures)
        ).scalar_one_or_none()
    return None if failures is None else Claim(next_at_us, failures)


def keep_price(store: Store, claim: Claim, price: Decimal, at_us: int) -> bool:
    """Keep a price that was seen, unless the right to ask has passed to another."""
    with store.transaction() as connection:
        ours = connection.execute(
            update(rate_asks)
            .where(_pair_row, rate_asks.c.next_at_us == claim.next_at_us)
            .values(failures=0)
        )
        if ours.rowcount == 1:
            keep_rate(connection, price, at_us)
        return ours.rowcount == 1


def put_off(store: Store, claim: Claim, until_us: int) -> None:
    """Let nobody ask before a time, unless another has asked meanwhile."""
    with store.transaction() as connection:
        connection.execute(
            update(rate_asks)
            .where(_pair_row, rate_asks.c.next_at_us == claim.next_at_us)
            .values(failures=claim.failures + 1, next_at_us=until_us)
        )


def pause_after(fault: TickerFault, failures: int, at_us: int) -> float:
    """Tell for how many seconds nobody shall ask after a failure.

    :param failures: how many there were in a row before this one.
    """
    grown_s = PERIOD_S * (1 << min(failures, 10))
    if fault.outcome is Asked.TOO_MANY:
        wanted_s = max(2 * grown_s, _seconds(fault.retry_after, at_us))
        pause_s = min(wanted_s, LONGEST_PAUSE_S)
    else:
        pause_s = min(grown_s, LONGEST_GENTLE_PAUSE_S)
    return pause_s * random.uniform(1, 1 + _JITTER)  # noqa: S311  no secret


def _seconds(retry_after: str | None, at_us: int) -> float:
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
        return float(at.replace(tzinfo=at.tzinfo or UTC).timestamp() - at_us / _US)
    except (ValueError, OverflowError):
        return 0.0
