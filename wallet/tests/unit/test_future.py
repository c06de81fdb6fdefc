"""When it is noticed that entries lie in the future."""

from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.history.future import LatestEntry
from wallet.storage.connections import Limits
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import create_wallet, until


class Clock:
    """A clock that is set, and the store of a process that goes by it."""

    now = 1_000

    def __init__(self, store):
        self.store, self._writers = store, []

    def __call__(self):
        return self.now

    def write(self, at_us, clock=None):
        """Write something when the clock shows a time."""
        back, self.now = self.now, at_us
        writer = Writer(self.store, freeze, clock or self)
        create_wallet(writer)
        writer.stop()
        self.now = back


@contextmanager
def wallets_locked(database_url):
    """Whoever looks through the wallets waits until this is over."""
    url = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as session:
        session.execute("LOCK TABLE wallets IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def clock(database_url):
    store = Store(make_url(database_url), Limits())
    yield Clock(store)
    store.close()


def test_entries_of_the_future_are_noticed_when_the_clock_is_set_back(clock):
    """While it goes on, nothing is looked through; what is past is not told."""
    latest = LatestEntry(clock.store, clock)
    clock.write(1_000)
    latest.look()
    assert latest.ahead_us() is None
    clock.now = 9_000
    clock.write(9_000)
    assert latest.ahead_us() is None
    clock.now = 2_000
    until(lambda: latest.ahead_us() == 9_000)
    clock.now = 8_999
    assert latest.ahead_us() == 9_000
    clock.now = 9_000
    assert latest.ahead_us() is None


def test_a_clock_that_was_ahead_between_two_looks_is_noticed(clock):
    """Whoever wrote meanwhile went by it."""
    latest = LatestEntry(clock.store, clock)
    latest.look()
    assert latest.ahead_us() is None
    clock.write(9_000, latest.read_clock)
    assert clock.now == 1_000
    until(lambda: latest.ahead_us() == 9_000)
    assert latest.ahead_us() == 9_000


def test_what_others_wrote_is_noticed_in_a_while(clock):
    """Their clocks are not known here, so the store is looked through again."""
    patient, latest = LatestEntry(clock.store, clock), LatestEntry(clock.store, clock)
    often = LatestEntry(clock.store, clock, every_s=0)
    for each in (patient, often):
        each.look()
        assert each.ahead_us() is None
    clock.write(9_000)
    until(lambda: often.ahead_us() == 9_000)
    assert patient.ahead_us() is None
    assert not patient._lock.locked()
    latest.look()
    assert latest.ahead_us() == 9_000


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_asks_does_not_wait_for_the_look(clock, database_url):
    """What is known is told meanwhile, and what it found once it is over."""
    latest = LatestEntry(clock.store, clock)
    clock.write(9_000)
    with wallets_locked(database_url):
        for _ in range(3):
            assert latest.ahead_us() is None
        assert latest._lock.locked()
    until(lambda: latest.ahead_us() == 9_000)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_look_that_takes_too_long_is_not_begun_again_at_once(clock, database_url):
    """The next one would take as long, so it comes in a while."""
    store = Store(make_url(database_url), Limits(statement_timeout_ms=50))
    latest = LatestEntry(store, clock)
    clock.write(9_000)
    with wallets_locked(database_url):
        assert latest.ahead_us() is None
        until(lambda: not latest._lock.locked())
    assert latest.ahead_us() is None
    assert not latest._lock.locked()
    latest._again_s = 0
    until(lambda: latest.ahead_us() == 9_000)
    store.close()
