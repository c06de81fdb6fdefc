"""When Luno is asked, by whom, and what becomes of the answer."""

import logging
import os
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from wallet.config import read_settings
from wallet.prices import poller as asking
from wallet.prices.luno import Asked, TickerFault, ask_price
from wallet.prices.poller import Asker, claim_ask, keep_price, pause_after, put_off
from wallet.prices.rates import newest_rate
from wallet.storage import migrations
from wallet.storage.connections import Limits, is_sqlite
from wallet.storage.errors import NotWritten
from wallet.storage.store import Store
from wallet.storage.tables import rate_asks, rates

from ..actions import until
from ..luno import PRICE, answer, luno

NOW_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
#: Never asked in these tests, because something else answers.
NOWHERE = "http://luno.invalid/"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_us = NOW_US

    def __call__(self) -> int:
        return self.now_us


class Ticker:
    """Answers in place of the network; counts, and tells whether two ask at once."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.answer = clock, Decimal(PRICE)
        self.asked_us: list[int] = []

    def __call__(self, _url: str) -> Decimal:
        self.asked_us.append(self.clock())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock():
    """The time of a test."""
    return Clock()


@pytest.fixture
def ticker(clock):
    """What is asked in place of Luno."""
    return Ticker(clock)


@pytest.fixture
def outcomes():
    """What is counted."""
    return Counter()


@pytest.fixture
def make_asker(database_url, store, clock, ticker, outcomes):
    """Make askers, each with a store of its own, as each process has."""
    made = []

    def make(url=NOWHERE, ask=ticker):
        own = Store(make_url(database_url), Limits(readers=1))
        count = outcomes.update
        made.append(Asker(own, url, lambda outcome: count([outcome]), clock, ask))
        return made[-1]

    yield make
    for asker in made:
        asker._store.close()


def kept(store):
    """Every rate in the order of its time."""
    with store.reading.connect() as connection:
        statement = select(rates.c.at_us, rates.c.price).order_by(rates.c.at_us)
        return [tuple(row) for row in connection.execute(statement)]


def row(store):
    """The row that is claimed."""
    with store.reading.connect() as connection:
        found = connection.execute(select(rate_asks)).mappings().one()
        return found["next_at_us"], found["failures"]


def test_a_price_is_kept_as_it_is_seen(store, make_asker, outcomes):
    """Over a real connection, with every digit and the time of our clock."""
    with luno(answer()) as server:
        asker = make_asker(server.url, ask_price)
        assert asker.look() == 60
        assert asker.look() <= 10
    assert len(server.asked) == 1
    assert kept(store) == [(NOW_US, PRICE)]
    assert outcomes == {Asked.KEPT: 1}


def test_an_unchanged_price_is_kept_again(store, make_asker, clock):
    """Each time it was seen it counts anew."""
    asker = make_asker()
    for _ in range(3):
        asker.look()
        clock.now_us += MINUTE_US
    assert kept(store) == [(NOW_US + n * MINUTE_US, PRICE) for n in range(3)]


def test_luno_is_asked_once_a_minute_whoever_looks(store, make_asker, clock, ticker):
    """Eight threads on eight stores look at every second of five minutes."""
    askers = [make_asker() for _ in range(8)]
    for _ in range(0, 301, 20):
        together = threading.Barrier(len(askers))

        def look(asker, together=together):
            together.wait(20)
            asker.look()

        threads = [threading.Thread(target=look, args=(each,)) for each in askers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        clock.now_us += 20 * SECOND_US
    minutes = [NOW_US + n * MINUTE_US for n in range(6)]
    assert ticker.asked_us == minutes
    assert [at_us for at_us, _ in kept(store)] == minutes


def test_a_claim_is_one_among_many(database_url, store):
    """Whoever comes second gets nothing, to the microsecond of the minute's end."""
    other = Store(make_url(database_url), Limits())
    first = claim_ask(store, NOW_US)
    assert (first.next_at_us, first.failures) == (NOW_US + MINUTE_US, 0)
    assert claim_ask(other, NOW_US) is None
    assert claim_ask(other, NOW_US + MINUTE_US - 1) is None
    assert claim_ask(other, NOW_US + MINUTE_US) is not None
    other.close()


def test_a_process_that_dies_after_its_claim_costs_a_minute(store, make_asker, clock):
    """Nothing has to be cleared away."""
    assert claim_ask(store, NOW_US) is not None
    asker = make_asker()
    clock.now_us += MINUTE_US - 1
    asker.look()
    assert kept(store) == []
    clock.now_us += 1
    asker.look()
    assert kept(store) == [(NOW_US + MINUTE_US, PRICE)]


def test_an_answer_after_another_claim_is_not_kept(store, make_asker, clock, outcomes):
    """A process that stood still for more than a minute changes nothing."""

    def ask_for_long(_url):
        clock.now_us += 2 * MINUTE_US
        assert claim_ask(store, clock()) is not None
        return Decimal(PRICE)

    make_asker(ask=ask_for_long).look()
    assert kept(store) == []
    assert outcomes == {Asked.NOT_KEPT: 1}


def test_a_failure_after_another_claim_puts_nothing_off(store):
    """The row belongs to whoever claimed it last."""
    first = claim_ask(store, NOW_US)
    second = claim_ask(store, NOW_US + MINUTE_US)
    put_off(store, first, NOW_US + 60 * MINUTE_US)
    assert row(store) == (second.next_at_us, 0)
    assert not keep_price(store, first, Decimal(PRICE), NOW_US)


def test_a_clock_that_goes_back_far_stops_nothing(store, make_asker, clock):
    """The time of the next question is out of reach then, and so it does not count."""
    asker = make_asker()
    asker.look()
    clock.now_us -= 365 * 24 * 60 * MINUTE_US
    asker.look()
    clock.now_us += MINUTE_US
    asker.look()
    # Their times go on, though the clock does not.
    assert [at_us for at_us, _ in kept(store)] == [NOW_US, NOW_US + 1, NOW_US + 2]


def test_a_clock_that_goes_back_a_little_costs_no_more_than_that(
    store, make_asker, clock
):
    """Replicas whose clocks differ do not ask in turns."""
    asker = make_asker()
    asker.look()
    clock.now_us -= 10 * MINUTE_US
    for _ in range(12):
        asker.look()
        clock.now_us += MINUTE_US
    assert [at_us for at_us, _ in kept(store)] == [NOW_US, NOW_US + MINUTE_US]


@pytest.mark.parametrize(
    ("outcome", "failures", "retry_after", "shortest", "longest"),
    [
        (Asked.SLOW, 0, None, 60, 75),
        (Asked.SLOW, 1, None, 120, 150),
        (Asked.SLOW, 2, None, 240, 300),
        (Asked.STATUS, 3, None, 300, 375),
        (Asked.UNREACHABLE, 10_000, None, 300, 375),
        (Asked.TOO_MANY, 0, None, 120, 150),
        (Asked.TOO_MANY, 3, None, 960, 1200),
        (Asked.TOO_MANY, 10_000, None, 3600, 4500),
        (Asked.TOO_MANY, 0, "600", 600, 750),
        (Asked.TOO_MANY, 0, "1", 120, 150),
        (Asked.TOO_MANY, 0, "-5", 120, 150),
        (Asked.TOO_MANY, 0, "soon", 120, 150),
        (Asked.TOO_MANY, 0, "٣٠٠", 120, 150),
        (Asked.TOO_MANY, 0, "9" * 5000, 3600, 4500),
        # The clock of these tests shows 08:00:00 of that day.
        (Asked.TOO_MANY, 0, "Fri, 15 Jan 2027 08:10:00 GMT", 600, 750),
        (Asked.TOO_MANY, 0, "Fri, 15 Jan 2027 07:00:00 GMT", 120, 150),
        (Asked.TOO_MANY, 0, "Fri, 15 Jan 9999 07:00:00 GMT", 3600, 4500),
        (Asked.SLOW, 0, "3600", 60, 75),
    ],
)
def test_a_pause_grows_within_bounds(outcome, failures, retry_after, shortest, longest):
    """A minute at least; an hour when asked to leave it, five minutes otherwise."""
    fault = TickerFault(outcome, "x", retry_after)
    found = {pause_after(fault, failures, NOW_US) for _ in range(50)}
    assert all(shortest <= each <= longest for each in found)
    # They differ, so that those who failed together come apart.
    assert len(found) > 1


def test_too_many_questions_keep_everyone_away(store, make_asker, clock, outcomes):
    """For as long as Luno asks for, and other processes too."""
    with luno(answer(b"", 429, "Retry-After: 600")) as server:
        first, second = (
            make_asker(server.url, ask_price),
            make_asker(server.url, ask_price),
        )
        first.look()
        next_at_us, failures = row(store)
        assert failures == 1
        assert 600 * SECOND_US <= next_at_us - NOW_US <= 750 * SECOND_US
        clock.now_us = next_at_us - 1
        for asker in (first, second):
            asker.look()
        assert len(server.asked) == 1
        clock.now_us += 1
        second.look()
        assert len(server.asked) == 2
        assert row(store)[1] == 2
        server.behaviour = answer()
        clock.now_us = row(store)[0]
        first.look()
    assert row(store) == (clock.now_us + MINUTE_US, 0)
    assert kept(store) == [(clock.now_us, PRICE)]
    assert outcomes == {Asked.TOO_MANY: 2, Asked.KEPT: 1}


def test_a_fault_makes_no_price(store, make_asker, ticker):
    """What was seen before counts on, and nothing is added."""
    ticker.answer = TickerFault(Asked.ERROR, "its answer is an error")
    make_asker().look()
    assert kept(store) == []
    assert newest_rate(store, NOW_US) is None


def test_days_without_luno_are_told_now_and_then(
    make_asker, clock, ticker, caplog, monkeypatch
):
    """When it begins, when the reason changes, every six hours, and at the end."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(asking.time, "monotonic", lambda: clock() / SECOND_US)
    asker = make_asker()
    asker.look()
    ticker.answer = TickerFault(Asked.UNREACHABLE, "it cannot be reached")
    for _ in range(2 * 24 * 6):
        clock.now_us += 10 * MINUTE_US
        asker.look()
    ticker.answer = TickerFault(Asked.STATUS, "it answers with status 502")
    clock.now_us += 10 * MINUTE_US
    asker.look()
    ticker.answer = Decimal(PRICE)
    for _ in range(2):
        clock.now_us += 10 * MINUTE_US
        asker.look()
    told = [record.getMessage() for record in caplog.records]
    gone = "No price of bitcoin from Luno: it cannot be reached"
    assert told[0] == gone
    assert told[-2:] == [
        "No price of bitcoin from Luno: it answers with status 502",
        "There is a price of bitcoin from Luno again",
    ]
    assert set(told[:-2]) == {gone}
    assert 8 <= len(told[:-2]) <= 9


def test_a_lost_database_does_not_end_the_thread(store, make_asker, clock, caplog):
    """It is told once, and when the database is back, prices are kept again."""
    asker = make_asker()
    with store.transaction() as connection:
        connection.execute(text("ALTER TABLE rate_asks RENAME TO gone"))
    for _ in range(3):
        assert asker.look() > 0
    assert len(caplog.records) == 1
    with store.transaction() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO rate_asks"))
    clock.now_us += MINUTE_US
    asker.look()
    assert kept(store) == [(clock.now_us, PRICE)]


def test_a_database_that_is_gone_and_back_is_used_again(
    store, make_asker, clock, database_url, outcomes, caplog
):
    """SQLite is locked by another for too long, PostgreSQL ends the connection."""
    asker = make_asker()
    asker.look()
    clock.now_us += MINUTE_US
    if is_sqlite(store.reading):
        holder = Store(make_url(database_url), Limits())
        asker._store.close()
        asker._store = Store(make_url(database_url), Limits(lock_timeout_ms=50))
        with holder.transaction():
            assert asker.look() == 10
        holder.close()
    else:
        with store.reading.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert asker.look() == 10
    assert "the database does not answer" in caplog.text
    asker.look()
    assert [at_us for at_us, _ in kept(store)] == [NOW_US, NOW_US + MINUTE_US]
    assert outcomes == {Asked.KEPT: 2}


def test_a_price_that_the_database_does_not_take_is_counted(
    store, make_asker, outcomes, monkeypatch
):
    """It was asked for, so the count has it."""

    def refuse(*_given):
        raise NotWritten

    monkeypatch.setattr(asking, "keep_price", refuse)
    assert make_asker().look() == 10
    assert outcomes == {Asked.NOT_KEPT: 1}


def test_the_thread_asks_by_itself_and_ends_when_told(database_url, store):
    """At once after the start, and it waits no minute to end."""
    with luno(answer()) as server:
        settings = read_settings({"DATABASE_URL": database_url, "LUNO_URL": server.url})
        told = []
        asker = asking.start(settings, told.append)
        until(lambda: told)
        asker.stop()
        asker.thread.join(10)
    assert told == [Asked.KEPT]
    assert not asker.thread.is_alive()
    assert [price for _, price in kept(store)] == [PRICE]


def test_nobody_waits_for_the_thread(database_url, store):
    """A question that is never answered holds up neither the end nor the process."""
    with luno(lambda _line, end: end.wait(20)) as server:
        settings = read_settings({"DATABASE_URL": database_url, "LUNO_URL": server.url})
        asker = asking.start(settings, lambda _outcome: None)
        until(lambda: server.asked)
        began = time.monotonic()
        asker.stop()
        assert time.monotonic() - began < 5
        assert asker.thread.daemon
    asker.thread.join(20)
    assert not asker.thread.is_alive()


@pytest.mark.parametrize("text", ["", "off"])
def test_it_is_off_when_told_so(database_url, store, text):
    """No thread, no question, and no claim."""
    before = threading.active_count()
    settings = read_settings({"DATABASE_URL": database_url, "LUNO_URL": text})
    assert asking.start(settings, lambda _outcome: None) is None
    assert threading.active_count() == before
    assert row(store) == (0, 0)


def test_an_application_that_is_only_made_asks_nobody(app):
    """Commands and tests use it too; only what serves begins to ask."""
    assert "luno" not in {thread.name for thread in threading.enumerate()}


def test_no_test_asks_the_real_luno():
    """Whatever starts a server for a test turns it off."""
    assert os.environ["WALLET_LUNO_URL"] == "off"
    root = Path(__file__).parents[2]
    starters = ["tests/e2e/conftest.py", "tests/deployment/stack.py"]
    starters += ["src/wallet/torture.py"]
    for name in starters:
        text = (root / name).read_text()
        assert "WALLET_LUNO_URL" in text, name
        assert "api.luno.com" not in text, name


def test_a_new_database_has_the_row_that_is_claimed(store):
    """The migration makes it, once."""
    with store.transaction() as connection:
        migrations.upgrade(connection)
    assert row(store) == (0, 0)
