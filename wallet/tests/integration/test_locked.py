"""Wallets that another session keeps locked, on a real PostgreSQL."""

import random
import threading
import time
from contextlib import suppress
from functools import partial
from itertools import chain

import pytest
from sqlalchemy import make_url

from wallet import create_app
from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import CreateWallet, Kind, Submission
from wallet.ledger.ids import new_wallet_id
from wallet.line import QueueFull
from wallet.storage.connections import Limits
from wallet.storage.errors import Locked, NotWritten, OutcomeUnknown
from wallet.storage.queries import find_wallet
from wallet.storage.store import Store
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import Wallets, a_submission, create_wallet, in_thread, locking, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


#: Sessions that wait for a lock.
WAITING = (
    "FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def make_app(database_url, tmp_path):
    """Make applications that end with their test."""
    made = []

    def make(**settings):
        place = {"DATABASE_URL": database_url, "HOME": str(tmp_path)}
        made.append(create_app(place | settings))
        return Wallets(made[-1].test_client())

    yield make
    for app in made:
        service_of(app).close()


@pytest.fixture
def make_writer(database_url):
    """Make writers, each with a store of its own as another process has it."""
    made = []

    def make(limits=None, **options):
        store = Store(make_url(database_url), limits or Limits())
        made.append((Writer(store, freeze, now_us, **options), store))
        return made[-1][0]

    yield make
    for writer, store in made:
        writer.stop()
        store.close()


@pytest.fixture
def writer(make_writer):
    """One that waits for a lock for as long as a test keeps it."""
    return make_writer(lock_s=60, wait_s=60)


@pytest.fixture
def lock(database_url):
    """Lock wallets in a session of somebody else, until it lets them go."""
    return partial(locking, database_url)


def deposit(wallet, amount="1", **members):
    return a_submission(wallet, Kind.DEPOSIT, amount, **members)


def transfer(wallet, recipient, **members):
    return a_submission(wallet, Kind.TRANSFER, "1", recipient=recipient, **members)


def aside(writer):
    """The number of those who wait for a locked wallet."""
    return len(writer.line._aside)


def submit_aside(writer, *submissions):
    """Submit one after the other what wants a locked wallet; they do not end."""
    threads = []
    for submission in submissions:
        before = aside(writer)
        threads.append(in_thread(writer.submit, submission))
        until(lambda: aside(writer) > before)  # noqa: B023
    return threads


def ended(threads):
    for thread, _ in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread, _ in threads)
    return [results[0] for _, results in threads]


def statuses(results):
    return [
        result if isinstance(result, Exception) else result[0].frozen.status
        for result in results
    ]


def notes(store, wallet):
    sql = "SELECT note FROM entries WHERE wallet_id = :id ORDER BY version"
    return [note for (note,) in store.reader.rows(sql, id=wallet)]


def version(store, wallet):
    return find_wallet(store, wallet).version


def rate(writer, wallets, for_s):
    """Deposit from several threads for a while; tell how many a second were done."""
    until_s = time.monotonic() + for_s

    def repeat(wallet):
        done = 0
        while time.monotonic() < until_s:
            writer.submit(deposit(wallet))
            done += 1
        return done

    return sum(ended([in_thread(repeat, wallet) for wallet in wallets])) / for_s


def test_a_locked_wallet_holds_up_nobody_else(store, writer, lock):
    """Others are served as fast as before, and it is served when the lock is gone."""
    locked, *others = (create_wallet(writer) for _ in range(9))
    before = rate(writer, others, 0.5)
    with lock(locked):
        waiting = [in_thread(writer.submit, deposit(locked)) for _ in range(4)]
        during = rate(writer, others, 1.5)
        assert version(store, locked) == 0
        assert not any(results for _, results in waiting)
    assert statuses(ended(waiting)) == [201] * 4
    # The machine may be busier by then.
    assert during > min(before, rate(writer, others, 0.5)) / 4
    assert version(store, locked) == 4
    verify(store, freeze=freeze)


def test_who_waits_too_long_for_a_lock_has_written_nothing(store, make_writer, lock):
    """The key is free, and the wallet goes on when the lock is gone."""
    writer = make_writer(lock_s=0.3)
    wallet = create_wallet(writer)
    with lock(wallet):
        results = ended(
            [in_thread(writer.submit, deposit(wallet, key=key)) for key in "abc"]
        )
        assert [type(result) for result in results] == [Locked] * 3
        assert version(store, wallet) == 0
        assert (aside(writer), writer.line.commands) == (0, 0)
    (result,) = writer.submit(deposit(wallet, key="a"))
    assert (result.frozen.status, result.frozen.replayed) == (201, False)
    assert version(store, wallet) == 1


def test_a_lock_that_lasts_too_long_is_told_to_the_client(make_app, lock):
    """Others are answered meanwhile, and the same key is free."""
    local = make_app(LOCK_TIMEOUT_MS="300")
    wallet, other = local.create(), local.create()
    with lock(wallet):
        refused = local.deposit(wallet, 1, key="k")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert refused.json["type"] == "/problems/unavailable"
        assert local.balance(wallet) == ("0.00", 0)
        assert local.deposit(other, 1).status_code == 201
        assert local.get("/status").status_code == 200
    assert local.deposit(wallet, 1, key="k").status_code == 201
    assert local.balance(wallet) == ("1.00", 1)


def test_a_lock_is_waited_for_no_longer_than_for_a_turn(store, make_writer, lock):
    """Neither the one who watches nor those behind it."""
    writer = make_writer(wait_s=2, lock_s=600)
    wallet = create_wallet(writer)
    with lock(wallet):
        threads = [in_thread(writer.submit, deposit(wallet)) for _ in range(3)]
        assert [type(result) for result in ended(threads)] == [Locked] * 3
    assert version(store, wallet) == 0


def test_those_who_want_one_locked_wallet_keep_their_order(store, writer, lock, caplog):
    """Whatever else they want with it. It is met locked once."""
    ada, bob = create_wallet(writer), create_wallet(writer, floor_minor=-1000)
    with lock(ada):
        threads = submit_aside(
            writer,
            deposit(ada, note="1"),
            transfer(bob, ada, note="2"),
            transfer(ada, bob, note="3"),
            deposit(ada, note="4"),
        )
    assert statuses(ended(threads)) == [201] * 4
    assert caplog.text.count("another session has locked") == 1
    assert notes(store, ada) == ["1", "2", "3", "4"]
    assert notes(store, bob) == ["2", "3"]


def test_a_transfer_waits_for_both_wallets_and_holds_up_neither(store, writer, lock):
    """It is done when the last of them is free."""
    ada, bob = (create_wallet(writer, floor_minor=-1000) for _ in range(2))
    with lock(bob) as second:
        with lock(ada):
            threads = submit_aside(writer, transfer(ada, bob), deposit(bob))
        (result,) = writer.submit(deposit(ada))
        assert result.frozen.status == 201
        assert (version(store, ada), version(store, bob)) == (1, 0)
        second.commit()
        assert statuses(ended(threads)) == [201] * 2
    assert (version(store, ada), version(store, bob)) == (2, 2)


def test_of_several_locked_wallets_each_goes_on_when_it_is_free(store, writer, lock):
    """Nobody waits for the slowest lock."""
    wallets = sorted(create_wallet(writer) for _ in range(4))
    with lock(*wallets[::2]):
        with lock(*wallets[1::2]):
            threads = submit_aside(writer, *map(deposit, wallets))
        assert statuses(ended(threads[1::2])) == [201] * 2
        assert [version(store, wallet) for wallet in wallets] == [0, 1, 0, 1]
    assert statuses(ended(threads)) == [201] * 4
    assert [version(store, wallet) for wallet in wallets] == [1] * 4


def test_only_so_many_wait_for_locks(store, make_writer, lock):
    """Those who do keep threads that others need; the rest is refused at once."""
    writer = make_writer(most_aside=2, lock_s=60, wait_s=60)
    wallet, other = create_wallet(writer), create_wallet(writer)
    with lock(wallet):
        threads = submit_aside(writer, deposit(wallet), deposit(wallet))
        with pytest.raises(QueueFull):
            writer.submit(deposit(wallet))
        assert aside(writer) == 2
        writer.submit(deposit(other))
    assert statuses(ended(threads)) == [201] * 2
    assert (version(store, wallet), version(store, other)) == (2, 1)


def test_who_left_a_batch_does_not_step_aside(store, make_writer, lock, monkeypatch):
    """Nobody would come when it is called, and all who want the wallet would wait."""
    writer = make_writer(wait_s=2)
    wallet, other = create_wallet(writer), create_wallet(writer)
    its, left, leading = writer._store, threading.Event(), threading.Event()
    load, find_locked = its.load, its.find_locked

    def wait(gate, genuine, *arguments):
        assert gate.wait(60)
        return genuine(*arguments)

    monkeypatch.setattr(its, "load", partial(wait, leading, load))
    monkeypatch.setattr(its, "find_locked", partial(wait, left, find_locked))
    with lock(wallet):
        threads = []
        for waiting, wanted in enumerate((other, other, wallet)):
            threads.append(in_thread(writer.submit, deposit(wanted)))
            until(lambda: writer.line._led and writer.line.commands == waiting)  # noqa: B023
        leading.set()
        (unknown,) = ended(threads[2:])
        assert isinstance(unknown, OutcomeUnknown)
        left.set()
        assert statuses(ended(threads[:2])) == [201, 201]
        assert (version(store, wallet), aside(writer)) == (0, 0)
    assert statuses([writer.submit(deposit(wallet))]) == [201]
    assert version(store, wallet) == 1


def test_stopping_waits_for_those_aside(store, make_writer, lock):
    """They are served when the lock goes in time; nobody joins them."""
    writer = make_writer(lock_s=60, wait_s=60)
    wallet = create_wallet(writer)
    with lock(wallet):
        threads = submit_aside(writer, deposit(wallet), deposit(wallet))
        stopping = in_thread(writer.stop)
        until(lambda: writer.line.closed)
        with pytest.raises(QueueFull):
            writer.submit(deposit(wallet))
        assert stopping[0].is_alive()
    ended([stopping])
    assert not writer.line._led
    assert statuses(ended(threads)) == [201] * 2
    assert version(store, wallet) == 2


def test_a_repeated_creation_does_not_wait_for_its_wallet(store, writer, lock):
    """What it is compared with never changes."""
    wallet = create_wallet(writer, key="k")
    with lock(wallet):
        command = CreateWallet(new_wallet_id(), "", "ZAR", 0, "k")
        (result,) = writer.submit(Submission((command,)))
        assert (result.outcome.wallet.id, result.outcome.replayed) == (wallet, True)
        assert not writer.line._locked


def test_a_connection_that_is_lost_at_a_lock_is_no_harm(store, writer, lock):
    """Another one waits for it."""
    wallet = create_wallet(writer)
    end = f"SELECT count(pg_terminate_backend(pid)) {WAITING}"
    with lock(wallet):
        threads = submit_aside(writer, deposit(wallet), deposit(wallet))
        until(lambda: store.reader.rows(end) == [(1,)])
    assert statuses(ended(threads)) == [201] * 2
    assert version(store, wallet) == 2


def test_a_locked_table_is_waited_for_by_all(store, make_writer, lock):
    """As long as is allowed; nothing was written, and then it goes on."""
    hasty, patient = (make_writer(Limits(lock_timeout_ms=ms)) for ms in (600, 60_000))
    wallet = create_wallet(hasty)
    with lock() as session:
        session.execute("LOCK TABLE wallets IN EXCLUSIVE MODE")
        began_s = time.monotonic()
        with pytest.raises(NotWritten):
            hasty.submit(deposit(wallet))
        assert time.monotonic() - began_s > 0.6
        assert (version(store, wallet), aside(hasty)) == (0, 0)
        threads = [in_thread(patient.submit, deposit(wallet))]
        until(lambda: store.reader.rows(f"SELECT count(*) {WAITING}") == [(1,)])
    assert statuses(ended(threads)) == [201]
    assert version(store, wallet) == 1


def test_status_fails_while_nothing_can_be_written(make_app, lock):
    """It is well again when the batch that took too long is done."""
    local = make_app(WAIT_TIMEOUT_MS="200", LOCK_TIMEOUT_MS="60000")
    wallet = local.create()
    assert local.get("/status").status_code == 200
    with lock() as session:
        session.execute("LOCK TABLE wallets IN EXCLUSIVE MODE")
        waiting = in_thread(local.deposit, wallet, 1)
        until(lambda: local.get("/status").status_code == 503)
        assert local.get("/status").json["failing"] == ["writer"]
        assert local.balance(wallet) == ("0.00", 0)
    assert [answer.status_code for answer in ended([waiting])] == [201]
    assert local.get("/status").status_code == 200
    assert local.balance(wallet) == ("1.00", 1)


def test_random_locks_change_no_sum_and_no_order(store, make_writer, lock):
    """Two processes, many threads; each request is carried out once, or not at all."""
    hasty = make_writer(lock_s=0.5)
    patient = make_writer(lock_s=60, wait_s=60, batch_size=3)
    writers = [hasty, patient]
    wallets = [create_wallet(writers[0], floor_minor=-(10**6)) for _ in range(5)]
    over = threading.Event()

    def ask(number):
        """Tell the note and the wallets of what was done."""
        draw, done = random.Random(number), []  # noqa: S311  no secret
        for step in range(8):
            note, wanted = (
                f"{number} {step:02}",
                draw.sample(wallets, draw.choice((1, 2))),
            )
            make = deposit if len(wanted) == 1 else transfer
            with suppress(NotWritten):
                writers[number % 2].submit(make(*wanted, note=note, key=note))
                done.append((note, wanted))
        return done

    def hold(number):
        draw = random.Random(number)  # noqa: S311  no secret
        while not over.is_set():
            with lock(*draw.sample(wallets, draw.choice((1, 2)))):
                over.wait(draw.choice((0.01, 0.1, 0.3)))

    holders = [in_thread(hold, number) for number in (10, 11)]
    asked = ended([in_thread(ask, number) for number in range(10)])
    over.set()
    ended(holders)
    done = list(chain.from_iterable(asked))
    for wallet in wallets:
        found = notes(store, wallet)
        assert sorted(found) == sorted(note for note, of in done if wallet in of)
        for number in "0123456789":
            by_one = [note for note in found if note.startswith(number)]
            assert by_one == sorted(by_one)
    deposits = sum(len(of) == 1 for _, of in done)
    balances = [find_wallet(store, wallet).balance_minor for wallet in wallets]
    assert sum(balances) == 100 * deposits
    assert len(done) >= 40
    verify(store, freeze=freeze)
