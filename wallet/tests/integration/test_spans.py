"""Runs of entries that are summed up as they are completed."""

import json
from importlib import import_module
from itertools import pairwise

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from wallet.audit.replay import Fault
from wallet.audit.verify import verify
from wallet.history.course import read_course
from wallet.history.held import held_before
from wallet.history.series import balance_at, end_of, read_series
from wallet.ledger.commands import Kind, Submission
from wallet.storage.connections import is_sqlite
from wallet.storage.queries import find_wallet
from wallet.storage.spans import SIZES

from ..actions import a_submission, create_wallet, heard
from .test_verify import forge

SPANS = "SELECT * FROM spans ORDER BY wallet_id, size, number"


def fill(writer, wallet, count, size=1000):
    """Move money to and fro, up to a thousand times in a commit."""
    for start in range(0, count, size):
        moves = []
        for number in range(start, min(start + size, count)):
            # The floor is never reached, because deposits are larger.
            kind = Kind.DEPOSIT if number % 2 == 0 else Kind.WITHDRAWAL
            amount = number * 7919 % 500 + 1 + 500 * (number % 2 == 0)
            moves += a_submission(wallet, kind, str(amount)).commands
        writer.submit(Submission(tuple(moves), wallet))


def history(store, wallet):
    """Times and balances, oldest first."""
    asked = text(
        "SELECT at_us, balance_minor FROM entries WHERE wallet_id = :id"
        " ORDER BY version"
    )
    with store.reading.connect() as connection:
        return [tuple(row) for row in connection.execute(asked, {"id": wallet})]


def rows(store, statement):
    with store.reading.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def expected(store, *wallets):
    """The spans that the entries of wallets make."""
    made = []
    for wallet in wallets:
        entries = history(store, wallet)
        for size in SIZES:
            for number in range(len(entries) // size):
                run = entries[number * size : (number + 1) * size]
                held = [balance for _, balance in run]
                made.append((wallet, size, number, min(held), max(held), run[-1][0]))
    return sorted(made)


def test_a_run_is_summed_up_by_the_entry_that_completes_it(store, writer):
    """Whether entries come alone, in batches, or by the transfers of others."""
    sender, other = create_wallet(writer), create_wallet(writer)
    fill(writer, sender, 63, size=9)
    assert rows(store, SPANS) == []
    writer.submit(a_submission(sender, Kind.DEPOSIT, "9000"))
    assert rows(store, SPANS) == expected(store, sender) != []
    moves = [
        a_submission(sender, Kind.TRANSFER, "1", recipient=other).commands[0]
        for _ in range(200)
    ]
    writer.submit(Submission(tuple(moves), sender))
    assert rows(store, SPANS) == expected(store, sender, other)
    assert len(rows(store, SPANS)) == 4 + 3
    assert verify(store).entries == 464


def test_a_refused_command_completes_no_run(store, writer):
    """What is not written is not counted."""
    wallet = create_wallet(writer)
    fill(writer, wallet, 63)
    writer.submit(a_submission(wallet, Kind.WITHDRAWAL, "999999", key="k"))
    assert rows(store, SPANS) == []


def test_the_migration_sums_up_what_is_there_already(store, writer):
    """An older database gets the same spans as if it had always had them."""
    wallets = sorted(create_wallet(writer) for _ in range(3))
    for wallet, count in zip(wallets, (63, 64, SIZES[-1] + 70), strict=True):
        fill(writer, wallet, count)
    kept = rows(store, SPANS)
    assert len(kept) == 1 + 65 + 1
    with store.transaction() as connection:
        connection.execute(text("DROP TABLE spans"))
        with Operations.context(MigrationContext.configure(connection)):
            import_module("wallet.storage.migrations.versions.0002_spans").upgrade()
    assert rows(store, SPANS) == kept
    assert verify(store).entries == 63 + 64 + SIZES[-1] + 70


ADD = "INSERT INTO spans SELECT"
FORGERIES = {
    "UPDATE spans SET low_minor = low_minor - 1 WHERE number = 1": (
        "the span of 65 to 128 is not what the entries make it"
    ),
    "UPDATE spans SET high_minor = high_minor + 1 WHERE number = 0": (
        "the span of 1 to 64 is not what the entries make it"
    ),
    "UPDATE spans SET last_at_us = last_at_us + 1 WHERE number = 0": (
        "the span of 1 to 64 is not what the entries make it"
    ),
    "DELETE FROM spans WHERE number = 0": "the span of 1 to 64 is missing",
    "DELETE FROM spans WHERE number = 1": "the span of 65 to 128 is missing",
    "UPDATE spans SET number = 5 WHERE number = 1": "the span of 65 to 128 is missing",
    f"{ADD} wallet_id, 64, 7, 1, 1, 1 FROM spans WHERE number = 1": (
        "the span of 449 to 512 has no entries"
    ),
    f"{ADD} :short, 64, 0, 1, 1, 1 FROM spans WHERE number = 1": (
        "no entries make the span 0 of size 64"
    ),
    f"{ADD} wallet_id, 2, 0, 1, 1, 1 FROM spans WHERE number = 1": (
        "no entries make the span 0 of size 2"
    ),
    f"{ADD} 'w_nobody', 64, 0, 1, 1, 1 FROM spans WHERE number = 1": (
        "w_nobody: there is a span, but no such wallet"
    ),
}


@pytest.mark.parametrize("statement", FORGERIES)
def test_a_forged_span_is_found_and_named(store, writer, statement):
    """Changed, removed, moved or added: the first bad one is told."""
    wallet, short = create_wallet(writer), create_wallet(writer)
    fill(writer, wallet, 130)
    fill(writer, short, 3)
    assert verify(store).entries == 133
    forge(store, {"short": short}, statement)
    with pytest.raises(Fault, match=FORGERIES[statement]):
        verify(store)


def test_highs_and_lows_are_right_where_spans_are_missing(store, writer):
    """A program that knew none may have written beside this one."""
    wallet = create_wallet(writer)
    fill(writer, wallet, 260, size=130)
    # The highest and the lowest balance are in the fifth run.
    for kind, amount in (
        (Kind.DEPOSIT, "500000"),
        (Kind.WITHDRAWAL, "550000"),
        (Kind.DEPOSIT, "50000"),
    ):
        writer.submit(a_submission(wallet, kind, amount))
    fill(writer, wallet, 437, size=109)
    state = find_wallet(store, wallet)
    entries = history(store, wallet)
    forge(store, {}, "DELETE FROM spans WHERE number IN (0, 3, 4, 9)")
    bounds = sorted({at_us for at_us, _ in entries})
    times = [*bounds, bounds[-1] + 1]
    held = held_before(store, state, times)
    assert [each.version for each in held] == [
        sum(at_us < time for at_us, _ in entries) for time in times
    ]
    (point,) = read_series(store, state, [bounds[1], times[-1]], times[-1])
    balances = [balance for at_us, balance in entries if at_us >= bounds[1]]
    assert (point.low_minor, point.high_minor) == (min(balances), max(balances))
    assert (point.low_minor, point.high_minor) == (entries[261][1], entries[260][1])


@pytest.fixture
def work_of(store):
    """Count what a look-up reads: rows on PostgreSQL, instructions on SQLite."""

    def count(work):
        with heard(store) as sent:
            work()
        assert sent
        read = _steps_taken if is_sqlite(store.reading) else _rows_read
        with store.reading.connect() as connection:
            return sum(read(connection, *each) for each in sent)

    return count


def _steps_taken(connection, statement, parameters):
    driver, steps = connection.connection.driver_connection, []
    driver.set_progress_handler(lambda: steps.append(1), 1)
    driver.execute(statement, parameters).fetchall()
    driver.set_progress_handler(None, 1)
    return len(steps)


def _rows_read(connection, statement, parameters):
    asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
    found = connection.exec_driver_sql(asked, parameters).scalar_one()
    (plan,) = json.loads(found) if isinstance(found, str) else found

    def walk(node):
        if "Relation Name" in node:
            passed = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            yield passed * node["Actual Loops"]
        for part in node.get("Plans", ()):
            yield from walk(part)

    return sum(walk(plan["Plan"]))


def test_a_long_history_is_told_by_its_spans(store, writer, work_of):
    """Twenty thousand entries in a moment and in parts, without reading them all."""
    wallet = create_wallet(writer)
    count = 20_000
    fill(writer, wallet, count)
    state, entries = find_wallet(store, wallet), history(store, wallet)
    used = {(size, number) for _, size, number, *_ in rows(store, SPANS)}
    assert used == {(s, n) for s in SIZES for n in range(count // s)}
    end_us = end_of(state, 0)
    times = sorted({at_us for at_us, _ in entries})
    # Every commit has one time, so these bounds are between commits.
    for bounds in ([times[0], end_us], [times[3], times[-2]], [*times, end_us]):
        points = read_series(store, state, bounds, end_us)
        for point, (start, end) in zip(points, pairwise(bounds), strict=True):
            before = [held for at_us, held in entries if at_us < start]
            inside = [held for at_us, held in entries if start <= at_us < end]
            balances = [*(before or [0])[-1:], *inside]
            assert (point.low_minor, point.high_minor) == (
                min(balances),
                max(balances),
            )
            assert (point.opening_minor, point.closing_minor) == (
                balances[0],
                balances[-1],
            )
    read = work_of(lambda: read_series(store, state, [times[3], times[-2]], end_us))
    assert 0 < read < count
    found = work_of(lambda: balance_at(store, state, times[-3]))
    assert 0 < found < count // 8
    # A chart reads its last entries one by one, and all of them by their spans.
    fill(writer, wallet, 150)
    state = find_wallet(store, wallet)
    for start_us, by_entry in ((times[3], False), (times[-1] + 1, True)):
        bounds = [start_us, end_of(state, 0)]
        course = read_course(store, state, bounds, 200)
        assert (course.by_entry, len(course.points) == 151) == (by_entry, by_entry)
        read = work_of(lambda bounds=bounds: read_course(store, state, bounds, 200))
        assert 0 < read < count // 2
