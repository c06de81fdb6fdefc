import sqlite3
import threading

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import CreateWallet, Kind, RaiseKeyVersion, Submission
from wallet.ledger.ids import new_wallet_id
from wallet.ledger.outcomes import Created, Frozen, Refused
from wallet.line import Line, QueueFull
from wallet.storage import errors as failures
from wallet.storage.queries import find_wallet
from wallet.writer import Writer

from ..actions import a_submission, create_wallet, in_thread, until


@pytest.fixture
def gate(store, monkeypatch):
    """Holds the writer within its first statement until it is opened."""
    opened, reached = threading.Event(), threading.Event()
    load = store.load

    def wait(*asked):
        reached.set()
        assert opened.wait(60)
        return load(*asked)

    monkeypatch.setattr(store, "load", wait)
    opened.reached = reached
    yield opened
    opened.set()


def failing(monkeypatch, store, name, *errors):
    """Make a method of the store fail first, once for each error."""
    genuine, left = getattr(store, name), list(errors)

    def run(*arguments):
        if left:
            raise left.pop(0)
        return genuine(*arguments)

    monkeypatch.setattr(store, name, run)
    return left


def a_deposit(wallet, **members):
    return a_submission(wallet, Kind.DEPOSIT, "1", **members)


def test_what_waits_is_committed_together(store, writer, gate):
    """While one batch is under way, the next one gathers; order is kept."""
    gate.set()
    wallet = create_wallet(writer)
    commits = []
    gate.clear()
    gate.reached.clear()
    batch = store.batch

    def count():
        commits.append(1)
        return batch()

    store.batch = count
    threads = [in_thread(writer.submit, a_deposit(wallet))]
    assert gate.reached.wait(60)
    threads += [in_thread(writer.submit, a_deposit(wallet)) for _ in range(20)]
    until(lambda: writer.line.commands >= 20)
    gate.set()
    for thread, _ in threads:
        thread.join(60)
    assert len(commits) == 2
    assert find_wallet(store, wallet).balance_minor == 2100


def test_a_batch_that_cannot_be_counted_is_no_harm(store):
    """The writer answers it, and takes the next one."""

    def fail(*_):
        raise OSError("no room for the counters")

    writer = Writer(store, freeze, now_us, observe=fail)
    try:
        wallets = [create_wallet(writer) for _ in range(2)]
        assert all(find_wallet(store, wallet) for wallet in wallets)
    finally:
        writer.stop()


def test_a_batch_has_a_bound(store):
    """More than the bound is left for the next batch; one large one is taken whole."""
    line = Line(100)
    large = Submission(a_deposit("w").commands * 7)
    for submission in (a_deposit("w"), a_deposit("w"), large, a_deposit("w")):
        line.join(submission)
    sizes = [len(line.take(3)) for _ in range(3)]
    assert (sizes, line.commands) == ([2, 1, 1], 0)


def test_a_full_line_refuses_at_once(store, gate):
    """What cannot be answered in time is not taken."""
    writer = Writer(store, freeze, now_us, capacity=2)
    nobody = new_wallet_id()
    threads = [in_thread(writer.submit, a_deposit(nobody))]
    assert gate.reached.wait(60)
    threads += [in_thread(writer.submit, a_deposit(nobody)) for _ in range(2)]
    until(lambda: writer.line.commands >= 2)
    with pytest.raises(QueueFull):
        writer.submit(a_deposit(nobody))
    gate.set()
    for thread, _ in threads:
        thread.join(60)
    writer.stop()


def test_stopping_finishes_what_waits(store, gate):
    """Everyone who was taken is answered; nobody is taken any more."""
    writer = Writer(store, freeze, now_us)
    nobody = new_wallet_id()
    threads = [in_thread(writer.submit, a_deposit(nobody))]
    assert gate.reached.wait(60)
    threads += [in_thread(writer.submit, a_deposit(nobody)) for _ in range(4)]
    until(lambda: writer.line.commands == 4)
    stopping, _ = in_thread(writer.stop)
    until(lambda: writer.line.closed)
    with pytest.raises(QueueFull):
        writer.submit(a_deposit(nobody))
    gate.set()
    for thread, _ in [*threads, (stopping, None)]:
        thread.join(60)
    assert all(isinstance(results[0], Refused) for _, results in threads)


def test_waiting_too_long_for_a_turn_writes_nothing(store, gate):
    """Nobody does the work of a client who has left the line."""
    gate.set()
    writer = Writer(store, freeze, now_us, wait_s=0.3)
    wallet = create_wallet(writer)
    gate.clear()
    gate.reached.clear()
    leading, _ = in_thread(writer.submit, a_deposit(wallet))
    assert gate.reached.wait(60)
    with pytest.raises(QueueFull):
        writer.submit(a_deposit(wallet, key="k"))
    assert writer.line.commands == 0
    gate.set()
    leading.join(60)
    assert find_wallet(store, wallet).version == 1
    (result,) = writer.submit(a_deposit(wallet, key="k"))
    assert (result.frozen.status, result.frozen.replayed) == (201, False)
    writer.stop()


def test_waiting_too_long_within_a_batch_leaves_the_outcome_unknown(store, monkeypatch):
    """Those taken are told in time; the same key tells what became of it."""
    writer = Writer(store, freeze, now_us, wait_s=2)
    wallet, load = create_wallet(writer), store.load
    begun, gates = [], [threading.Event(), threading.Event()]

    def wait(driver, batch, clock):
        begun.append(batch)
        assert gates[len(begun) - 1].wait(60)
        return load(driver, batch, clock)

    monkeypatch.setattr(store, "load", wait)
    threads = []
    for number, key in enumerate(("a", "b", "c")):
        threads.append(in_thread(writer.submit, a_deposit(wallet, key=key)))
        until(lambda: begun and writer.line.commands == number)  # noqa: B023
    gates[0].set()
    third, outcome = threads[2]
    third.join(60)
    assert [len(batch) for batch in begun] == [1, 2]
    assert isinstance(outcome[0], failures.OutcomeUnknown)
    gates[1].set()
    for thread, _ in threads:
        thread.join(60)
    monkeypatch.undo()
    (result,) = writer.submit(a_deposit(wallet, key="c"))
    assert (result.frozen.status, result.frozen.replayed) == (201, True)
    assert find_wallet(store, wallet).version == 3


def test_whoever_is_in_a_batch_that_ends_soon_waits_for_its_end(store, monkeypatch):
    """It is told what came of it, however long it had waited for its turn."""
    writer = Writer(store, freeze, now_us, wait_s=2, answer_s=60)
    wallet, load = create_wallet(writer), store.load
    begun, gates = [], [threading.Event(), threading.Event()]

    def wait(driver, batch, clock):
        begun.append(batch)
        assert gates[len(begun) - 1].wait(60)
        return load(driver, batch, clock)

    monkeypatch.setattr(store, "load", wait)
    threads = []
    for number in range(3):
        threads.append(in_thread(writer.submit, a_deposit(wallet)))
        until(lambda: begun and writer.line.commands == number)  # noqa: B023
    gates[0].set()
    until(lambda: len(begun) == 2)
    # Who came before the batch began has waited for as long by then.
    until(lambda: writer.failing)
    gates[1].set()
    for thread, _ in threads:
        thread.join(60)
    assert [len(batch) for batch in begun] == [1, 2]
    assert [results[0][0].frozen.status for _, results in threads] == [201] * 3
    assert not writer.failing


def test_a_leader_that_breaks_down_leaves_nobody_waiting(store, monkeypatch, gate):
    """The others are told that the outcome is unknown, and the next one leads."""
    gate.set()
    writer = Writer(store, freeze, now_us)
    wallet = create_wallet(writer)
    gate.clear()
    gate.reached.clear()
    threads = [in_thread(writer.submit, a_deposit(wallet))]
    assert gate.reached.wait(60)
    threads += [in_thread(writer.submit, a_deposit(wallet)) for _ in range(2)]
    until(lambda: writer.line.commands == 2)
    commit = writer._commit

    def break_down(batch, patient):
        if len(batch) == 2:
            raise SystemExit
        return commit(batch, patient)

    monkeypatch.setattr(writer, "_commit", break_down)
    gate.set()
    for thread, _ in threads:
        thread.join(60)
    (first,), leader, (third,) = (results for _, results in threads)
    assert first[0].frozen.status == 201
    assert isinstance(leader[0], SystemExit)
    assert isinstance(third, failures.OutcomeUnknown)
    writer.submit(a_deposit(wallet))
    assert find_wallet(store, wallet).version == 2


def test_deadlocks_are_run_again(store, writer, monkeypatch):
    """A serialisation failure or a deadlock is no answer."""
    wallet = create_wallet(writer)
    left = failing(monkeypatch, store, "load", *[failures.TryAgain()] * 4)
    (result,) = writer.submit(a_deposit(wallet))
    assert (result.frozen.status, left) == (201, [])


def test_deadlocks_are_run_again_only_so_often(store, writer, monkeypatch):
    """In the end the failure is told, and nothing was written."""
    wallet = create_wallet(writer)
    failing(monkeypatch, store, "write", *[failures.TryAgain()] * 6)
    with pytest.raises(failures.TryAgain):
        writer.submit(a_deposit(wallet))
    assert find_wallet(store, wallet).version == 0


def test_what_took_long_is_not_run_again(store, writer, monkeypatch):
    """Who waits is told that nothing was written, before they stop waiting."""
    monkeypatch.setattr("wallet.writer._PATIENCE_S", 0)
    wallet = create_wallet(writer)
    left = failing(monkeypatch, store, "write", *[failures.TryAgain()] * 2)
    with pytest.raises(failures.TryAgain):
        writer.submit(a_deposit(wallet))
    assert len(left) == 1
    assert find_wallet(store, wallet).version == 0


def test_a_failure_before_the_commit_writes_nothing_and_is_not_repeated(
    store, writer, monkeypatch
):
    """The client decides whether to send again; the next request is served."""
    wallet = create_wallet(writer)
    failing(monkeypatch, store, "write", failures.NotWritten())
    with pytest.raises(failures.NotWritten):
        writer.submit(a_deposit(wallet))
    assert find_wallet(store, wallet).version == 0
    writer.submit(a_deposit(wallet))
    assert find_wallet(store, wallet).version == 1


def test_a_batch_that_fails_late_leaves_nothing_behind(store, writer, monkeypatch):
    """Whatever was written before the failure is taken back."""
    wallet = create_wallet(writer)
    write = store.write

    def write_and_fail(*arguments):
        write(*arguments)
        raise failures.NotWritten

    monkeypatch.setattr(store, "write", write_and_fail)
    with pytest.raises(failures.NotWritten):
        writer.submit(a_deposit(wallet, key="k"))
    monkeypatch.undo()
    assert find_wallet(store, wallet).version == 0
    report = verify(store)
    assert (report.entries, report.operations) == (0, 0)


def test_only_the_guilty_submission_of_a_batch_fails(store, writer, monkeypatch, gate):
    """A batch that fails for good is run again one by one."""
    gate.set()
    wallet = create_wallet(writer)
    gate.clear()
    gate.reached.clear()
    write = store.write

    def refuse(connection, decision, answered, at_us):
        if any(each.command.note == "bad" for each in answered):
            raise IntegrityError("", {}, _Diagnosed("23514"))
        write(connection, decision, answered, at_us)

    monkeypatch.setattr(store, "write", refuse)
    notes = ["first", "good", "bad", "fine"]
    threads = [in_thread(writer.submit, a_deposit(wallet, note=notes[0]))]
    assert gate.reached.wait(60)
    for note in notes[1:]:
        threads.append(in_thread(writer.submit, a_deposit(wallet, note=note)))
    until(lambda: writer.line.commands >= 3)
    gate.set()
    for thread, _ in threads:
        thread.join(60)
    failed = [isinstance(results[0], IntegrityError) for _, results in threads]
    assert failed == [note == "bad" for note in notes]
    assert find_wallet(store, wallet).version == 3


def test_who_left_a_batch_is_not_put_back(store, monkeypatch, gate):
    """It would lead the line when it is called, and nobody would come."""
    gate.set()
    writer, left = Writer(store, freeze, now_us, wait_s=2), threading.Event()
    wallet, write = create_wallet(writer), store.write
    gate.clear()
    gate.reached.clear()

    def refuse(connection, decision, answered, at_us):
        if len(answered) > 1:
            assert left.wait(60)
            raise IntegrityError("", {}, _Diagnosed("23514"))
        write(connection, decision, answered, at_us)

    monkeypatch.setattr(store, "write", refuse)
    threads = [in_thread(writer.submit, a_deposit(wallet, key="a"))]
    assert gate.reached.wait(60)
    for waiting, key in enumerate("bc", 1):
        threads.append(in_thread(writer.submit, a_deposit(wallet, key=key)))
        until(lambda: writer.line.commands == waiting)  # noqa: B023
    gate.set()
    last, outcome = threads.pop()
    last.join(60)
    assert isinstance(outcome[0], failures.OutcomeUnknown)
    left.set()
    for thread, results in threads:
        thread.join(60)
        assert results[0][0].frozen.status == 201
    (result,) = writer.submit(a_deposit(wallet, key="c"))
    assert (result.frozen.status, result.frozen.replayed) == (201, False)
    assert find_wallet(store, wallet).version == 3
    writer.stop()


def test_two_writers_that_create_with_one_key_make_one_wallet(
    store, writer, monkeypatch
):
    """The second one meets the first one's row, reads again, and replays."""
    find, waited = store.dialect.find_created, []

    def find_nothing_first(connection, keys):
        if waited:
            return find(connection, keys)
        waited.append(keys)
        return []

    first = create_wallet(writer, key="k")
    monkeypatch.setattr(store.dialect, "find_created", find_nothing_first)
    command = CreateWallet(new_wallet_id(), "", "ZAR", 0, "k")
    (result,) = writer.submit(Submission((command,)))
    assert isinstance(result.outcome, Created)
    assert (result.outcome.wallet.id, result.outcome.replayed) == (first, True)


def test_raising_a_key_has_no_answer_to_keep(store, writer):
    """Only what moves money is remembered."""
    wallet = create_wallet(writer)
    (result,) = writer.submit(Submission((RaiseKeyVersion(wallet),), wallet))
    assert result.frozen is None
    assert find_wallet(store, wallet).key_version == 2


def test_a_repetition_within_one_batch_is_answered_alike(store, writer):
    """A refusal that was just decided is frozen before it is stored."""
    wallet = create_wallet(writer)
    twice = tuple(
        a_submission(wallet, Kind.WITHDRAWAL, "1", key="k").commands[0] for _ in "ab"
    )
    first, second = writer.submit(Submission(twice, wallet))
    assert second.frozen == Frozen(422, first.frozen.body, replayed=True)
    assert verify(store).operations == 0


def _sqlite_error(code, kind=sqlite3.OperationalError):
    error = kind("a message")
    error.sqlite_errorcode = code
    return error


class _Diagnosed(psycopg.Error):
    """An error as the server reports it."""

    def __init__(self, state, severity="ERROR"):
        self._state, self.severity_nonlocalized = state, severity

    sqlstate = property(lambda self: self._state)
    diag = property(lambda self: self)


FULL, BROKEN = sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR
UNIQUE = sqlite3.SQLITE_CONSTRAINT_UNIQUE
CHECK = sqlite3.SQLITE_CONSTRAINT_CHECK


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("cause", "before", "at"),
    [
        (_Diagnosed("40001"), failures.TryAgain, failures.TryAgain),
        (_Diagnosed("40P01"), failures.TryAgain, failures.TryAgain),
        (_Diagnosed("40003"), failures.NotWritten, failures.OutcomeUnknown),
        (_Diagnosed("08007"), failures.NotWritten, failures.OutcomeUnknown),
        (_Diagnosed("55P03"), failures.Locked, failures.NotWritten),
        (_Diagnosed("23505"), failures.Collision, failures.NotWritten),
        (_Diagnosed("57014"), failures.NotWritten, failures.NotWritten),
        (_Diagnosed("53100"), failures.NotWritten, failures.NotWritten),
        (_Diagnosed("57P01", "FATAL"), failures.NotWritten, failures.OutcomeUnknown),
        (_Diagnosed("42601"), None, failures.NotWritten),
        (psycopg.OperationalError(), failures.NotWritten, failures.OutcomeUnknown),
        (psycopg.ProgrammingError(), None, failures.OutcomeUnknown),
        (ValueError(), None, failures.OutcomeUnknown),
        (_sqlite_error(FULL), failures.NotWritten, failures.NotWritten),
        (_sqlite_error(BROKEN), failures.NotWritten, failures.OutcomeUnknown),
        (
            _sqlite_error(UNIQUE, sqlite3.IntegrityError),
            failures.Collision,
            failures.OutcomeUnknown,
        ),
        (
            _sqlite_error(CHECK, sqlite3.IntegrityError),
            None,
            failures.OutcomeUnknown,
        ),
    ],
    ids=lambda value: f"{value!r}"[:40],
)
def test_a_failure_of_the_database_is_named(cause, before, at, wrapped):
    """At the commit, only an answer of the database itself is certain.

    It is the same whether SQLAlchemy stands around the driver or not.
    """
    error = OperationalError("", {}, cause) if wrapped else cause
    for guard, name in ((failures.before_commit, before), (failures.at_commit, at)):
        with pytest.raises(name or type(error)) as caught, guard():
            raise error
        assert caught.type is (name or type(error))
        assert caught.value is error or caught.value.__cause__ is error


def test_waiting_for_a_connection_too_long_writes_nothing():
    """All connections may be busy."""
    with pytest.raises(failures.NotWritten), failures.before_commit():
        raise PoolTimeout
