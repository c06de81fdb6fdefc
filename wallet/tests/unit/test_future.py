"""When it is noticed that entries lie in the future."""

from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.history.future import LatestEntry
from wallet.storage.connections import Limits
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import create_wallet


def test_entries_of_the_future_are_noticed_when_the_clock_is_set_back(sqlite_url):
    """While it goes on, nothing is looked through; what is past is not told."""
    store = Store(make_url(sqlite_url), Limits())
    now = 1_000
    writer, latest = Writer(store, freeze, lambda: now), LatestEntry(store, lambda: now)
    create_wallet(writer)
    assert latest.ahead_us() is None
    now = 9_000
    create_wallet(writer)
    assert latest.ahead_us() is None
    now = 2_000
    assert latest.ahead_us() == 9_000
    now = 8_999
    assert latest.ahead_us() == 9_000
    now = 9_000
    assert latest.ahead_us() is None
    writer.stop()
    store.close()
