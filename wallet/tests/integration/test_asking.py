"""When Luno is asked, by whom, and what becomes of the answer."""

import logging
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import make_url, text

from wallet.config import read_settings
from wallet.prices import poller as polling
from wallet.prices.luno import AskOutcome, TickerFault, ask_price
from wallet.prices.poller import Poller
from wallet.storage import migrations
from wallet.storage.connections import Limits, is_sqlite
from wallet.storage.store import Store

from ..actions import until
from ..luno import PRICE, answer, luno, silence

NOW_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US

#: The tables are there.
OPENED = threading.Event()
OPENED.set()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_us = NOW_US

    def __call__(self) -> int:
        return self.now_us


class Ticker:
    """Answers in place of the network, and notes when it was asked."""

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
def new_poller(database_url, store, clock, ticker, outcomes):
    """Pollers, each with a store of its own, as each process has."""
    stores = []

    def new(url="http://luno.invalid/", ask=ticker, clock=clock, lock_timeout_ms=4000):
        stores.append(Store(make_url(database_url), Limits(lock_timeout_ms)))
        count = outcomes.update
        return Poller(stores[-1], url, lambda outcome: count([outcome]), clock, ask)

    yield new
    for each in stores:
        each.close()


def kept(store):
    """Every rate in the order of its time."""
    with store.reading.connect() as connection:
        rows = connection.execute(text("SELECT at_us, price FROM rates ORDER BY at_us"))
        return [tuple(row) for row in rows]


def next_at_us(store):
    """When Luno may be asked again."""
    with store.reading.connect() as connection:
        return connection.execute(text("SELECT next_at_us FROM rate_asks")).scalar_one()


def test_a_price_is_kept_as_it_is_seen(store, new_poller, outcomes):
    """Over a real connection, with every digit and the time of our clock."""
    with luno(answer()) as server:
        poller = new_poller(server.url, ask_price)
        poller.poll()
        poller.poll()
    assert len(server.asked) == 1
    assert kept(store) == [(NOW_US, PRICE)]
    assert outcomes == {AskOutcome.KEPT: 1}


def test_an_unchanged_price_is_kept_again(store, new_poller, clock):
    """Each time it was seen it counts anew, to the microsecond of the minute's end."""
    poller = new_poller()
    for _ in range(3):
        poller.poll()
        clock.now_us += MINUTE_US - 1
        poller.poll()
        clock.now_us += 1
    assert kept(store) == [(NOW_US + n * MINUTE_US, PRICE) for n in range(3)]


def test_luno_is_asked_once_a_minute_whoever_looks(store, new_poller, clock, ticker):
    """Eight threads on eight stores look every 20 seconds of five minutes."""
    pollers = [new_poller() for _ in range(8)]
    for _ in range(0, 301, 20):
        together = threading.Barrier(len(pollers))

        def look(poller, together=together):
            together.wait(60)
            poller.poll()

        threads = [threading.Thread(target=look, args=(each,)) for each in pollers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        clock.now_us += 20 * SECOND_US
    minutes = [NOW_US + n * MINUTE_US for n in range(6)]
    assert ticker.asked_us == minutes
    assert [at_us for at_us, _ in kept(store)] == minutes


def test_a_process_that_dies_while_it_asks_costs_a_minute(store, new_poller, clock):
    """Nothing has to be cleared away."""

    def die(_url):
        raise SystemExit

    with pytest.raises(SystemExit):
        new_poller(ask=die).poll()
    poller = new_poller()
    clock.now_us += MINUTE_US - 1
    poller.poll()
    assert kept(store) == []
    clock.now_us += 1
    poller.poll()
    assert kept(store) == [(NOW_US + MINUTE_US, PRICE)]


@pytest.mark.parametrize(
    ("late", "outcome"),
    [
        (Decimal("1"), AskOutcome.NOT_KEPT),
        (TickerFault(AskOutcome.TOO_MANY, "x", "3600"), AskOutcome.TOO_MANY),
    ],
    ids=["a price", "a wish to pause"],
)
def test_an_answer_after_another_has_asked_changes_nothing(
    store, new_poller, clock, outcomes, late, outcome
):
    """The process that asked stood still for more than a minute."""
    other = new_poller()

    def ask_for_long(_url):
        clock.now_us += 2 * MINUTE_US
        other.poll()
        if isinstance(late, Exception):
            raise late
        return late

    new_poller(ask=ask_for_long).poll()
    assert kept(store) == [(NOW_US + 2 * MINUTE_US, PRICE)]
    assert next_at_us(store) == NOW_US + 3 * MINUTE_US
    assert outcomes == {AskOutcome.KEPT: 1, outcome: 1}


def test_a_clock_that_goes_back_far_stops_nothing(store, new_poller, clock):
    """The time of the next question is out of reach then, and so it does not count."""
    poller = new_poller()
    poller.poll()
    clock.now_us -= 365 * 24 * 60 * MINUTE_US
    poller.poll()
    clock.now_us += MINUTE_US
    poller.poll()
    # Their times go on, though the clock does not.
    assert [at_us for at_us, _ in kept(store)] == [NOW_US, NOW_US + 1, NOW_US + 2]


def test_a_clock_that_goes_back_a_little_costs_no_more_than_that(
    store, new_poller, clock
):
    """Replicas whose clocks differ do not ask in turns."""
    poller = new_poller()
    poller.poll()
    clock.now_us -= 10 * MINUTE_US
    for _ in range(12):
        poller.poll()
        clock.now_us += MINUTE_US
    assert [at_us for at_us, _ in kept(store)] == [NOW_US, NOW_US + MINUTE_US]


@pytest.mark.parametrize(
    ("retry_after", "pause_s"),
    [
        (None, 60),
        ("600", 600),
        ("1", 60),
        ("-5", 60),
        ("soon", 60),
        ("٣٠٠", 60),
        ("9" * 5000, 3600),
        # The clock of these tests shows 08:00:00 of that day.
        ("Fri, 15 Jan 2027 08:10:00 GMT", 600),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 60),
        ("Fri, 15 Jan 9999 07:00:00 GMT", 3600),
        ("Fri, 99 Jan 9999 07:00:00 GMT", 60),
    ],
)
def test_luno_may_ask_for_a_pause(store, new_poller, ticker, retry_after, pause_s):
    """Of an hour at most; without it the next question follows after a minute."""
    ticker.answer = TickerFault(AskOutcome.TOO_MANY, "x", retry_after)
    new_poller().poll()
    assert next_at_us(store) == NOW_US + pause_s * SECOND_US


def test_a_pause_is_one_of_all_processes(store, new_poller, clock, outcomes):
    """And ends when Luno said, no matter which process looks first."""
    with luno(answer()) as server:
        first, second = (new_poller(server.url, ask_price) for _ in range(2))
        second.poll()
        first.poll()
        clock.now_us += MINUTE_US
        server.behaviour = answer(b"", 429, "Retry-After: 600")
        first.poll()
        server.behaviour = answer()
        clock.now_us += 600 * SECOND_US - 1
        second.poll()
        assert len(server.asked) == 2
        clock.now_us += 1
        second.poll()
    assert kept(store) == [(NOW_US, PRICE), (clock.now_us, PRICE)]
    assert outcomes == {AskOutcome.TOO_MANY: 1, AskOutcome.KEPT: 2}


def test_a_restart_ends_a_pause(store, new_poller, clock, ticker):
    """A minute later, so that restarts do not ask more often than that."""
    ticker.answer = TickerFault(AskOutcome.TOO_MANY, "x", "3600")
    new_poller().poll()
    for _ in range(3):
        clock.now_us += SECOND_US
        poller = new_poller()
        poller.poll()
    assert next_at_us(store) == NOW_US + SECOND_US + MINUTE_US
    clock.now_us = next_at_us(store)
    poller.poll()
    assert ticker.asked_us == [NOW_US, NOW_US + SECOND_US + MINUTE_US]


def test_a_start_takes_nothing_from_a_process_that_asks(store, new_poller, clock):
    """Even if the clock of the one that starts is behind."""

    def ask_while_another_starts(_url):
        new_poller(clock=lambda: clock() - 30 * SECOND_US).poll()
        return Decimal(PRICE)

    new_poller(ask=ask_while_another_starts).poll()
    assert kept(store) == [(NOW_US, PRICE)]


def test_the_log_tells_once_what_has_changed(new_poller, clock, ticker, caplog):
    """When there is no price, when the reason is another, and when there is one."""
    caplog.set_level(logging.INFO, "wallet")
    unreachable = TickerFault(AskOutcome.UNREACHABLE, "it cannot be reached")
    refused = TickerFault(AskOutcome.STATUS, "it answers with status 502")
    poller = new_poller()
    for ticker.answer in (Decimal(PRICE), unreachable, refused, Decimal(PRICE)):
        for _ in range(3):
            poller.poll()
            clock.now_us += MINUTE_US
    assert [record.getMessage() for record in caplog.records] == [
        "No price of bitcoin from Luno: it cannot be reached",
        "No price of bitcoin from Luno: it answers with status 502",
        "There is a price of bitcoin from Luno again",
    ]


def test_a_mistake_of_ours_does_not_end_the_thread(
    store, new_poller, clock, ticker, caplog
):
    """The log has it once, with the place in the program."""
    poller = new_poller()
    ticker.answer = KeyError("x")
    for _ in range(3):
        poller.poll()
        clock.now_us += MINUTE_US
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info
    ticker.answer = Decimal(PRICE)
    poller.poll()
    assert kept(store) == [(clock.now_us, PRICE)]


def test_a_database_that_is_gone_and_back_is_used_again(
    store, new_poller, clock, outcomes, caplog
):
    """SQLite is locked by another for too long, PostgreSQL ends the connection."""
    poller = new_poller(lock_timeout_ms=50)
    poller.poll()
    clock.now_us += MINUTE_US
    if is_sqlite(store.reading):
        with store.transaction():
            poller.poll()
    else:
        with store.reading.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        poller.poll()
    assert "the database does not answer" in caplog.text
    poller.poll()
    assert [at_us for at_us, _ in kept(store)] == [NOW_US, NOW_US + MINUTE_US]
    assert outcomes == {AskOutcome.KEPT: 2}


def test_a_price_that_the_database_does_not_take_is_counted(
    store, new_poller, outcomes
):
    """It was asked for, so the count has it."""
    with store.transaction() as connection:
        connection.execute(text("ALTER TABLE rates RENAME TO gone"))
    new_poller().poll()
    assert outcomes == {AskOutcome.NOT_KEPT: 1}


def test_the_thread_asks_by_itself_and_ends_when_it_is_stopped(database_url, store):
    """At once after the start, and it waits no minute to end."""
    counted = []
    with luno(answer()) as server:
        settings = read_settings({"DATABASE_URL": database_url, "LUNO_URL": server.url})
        poller = polling.start(settings, server.url, counted.append, OPENED)
        until(lambda: counted)
        poller.stop()
        poller.thread.join(60)
    assert not poller.thread.is_alive()
    assert counted == [AskOutcome.KEPT]
    assert [price for _, price in kept(store)] == [PRICE]


def test_nobody_waits_for_the_thread(database_url, store):
    """A question that is never answered holds up neither the end nor the process."""
    with luno(silence) as server:
        settings = read_settings({"DATABASE_URL": database_url, "LUNO_URL": server.url})
        poller = polling.start(settings, server.url, lambda _outcome: None, OPENED)
        until(lambda: server.asked)
        began = time.monotonic()
        poller.stop()
        assert time.monotonic() - began < 5
        assert poller.thread.daemon
    poller.thread.join(60)
    assert not poller.thread.is_alive()


def test_an_application_that_does_not_serve_asks_nobody(app):
    """Commands and tests use it too; only what serves begins to ask."""
    assert "luno" not in {thread.name for thread in threading.enumerate()}


def test_a_new_database_has_the_row_that_is_claimed(store):
    """The migration makes it, once."""
    with store.transaction() as connection:
        migrations.upgrade(connection)
    assert next_at_us(store) == 0
