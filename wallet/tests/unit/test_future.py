"""When it is noticed that entries lie in the future."""

import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.history.future import LatestEntry
from wallet.storage.connections import Limits
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import create_wallet


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


@pytest.fixture
def clock(sqlite_url):
    store = Store(make_url(sqlite_url), Limits())
    yield Clock(store)
    store.close()


def test_entries_of_the_future_are_noticed_when_the_clock_is_set_back(clock):
    """While it goes on, nothing is looked through; what is past is not told."""
    latest = LatestEntry(clock.store, clock)
    clock.write(1_000)
    assert latest.ahead_us() is None
    clock.now = 9_000
    clock.write(9_000)
    assert latest.ahead_us() is None
    clock.now = 2_000
    assert latest.ahead_us() == 9_000
    clock.now = 8_999
    assert latest.ahead_us() == 9_000
    clock.now = 9_000
    assert latest.ahead_us() is None


def test_a_clock_that_was_ahead_between_two_looks_is_noticed(clock):
    """Whoever wrote meanwhile went by it."""
    latest = LatestEntry(clock.store, clock)
    assert latest.ahead_us() is None
    clock.write(9_000, latest.read_clock)
    assert clock.now == 1_000
    assert latest.ahead_us() == 9_000
    assert latest.ahead_us() == 9_000


def test_what_others_wrote_is_noticed_in_a_while(clock):
    """Their clocks are not known here, so the store is looked through again."""
    patient, latest = LatestEntry(clock.store, clock), LatestEntry(clock.store, clock)
    often = LatestEntry(clock.store, clock, every_s=0)
    for each in (patient, often):
        assert each.ahead_us() is None
    clock.write(9_000)
    assert (patient.ahead_us(), often.ahead_us()) == (None, 9_000)
    assert latest.ahead_us() == 9_000
