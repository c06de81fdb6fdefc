"""How the databases find their rows: by an index, whatever the size of the tables."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit.totals import REVERSALS
from wallet.clock import now_us
from wallet.history.course import begin_of, read_course
from wallet.history.other_side import find_on_other_side
from wallet.history.series import balance_at, end_of, read_series
from wallet.ledger.commands import CreateWallet, Kind, Principal, Submission
from wallet.ledger.ids import new_operation_id, new_wallet_id
from wallet.ledger.moves import reversal_of
from wallet.storage import finding
from wallet.storage import queries as reading
from wallet.storage.connections import Limits, is_sqlite
from wallet.storage.names import Names
from wallet.storage.queries import find_wallet, list_entries
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import a_submission, create_wallet, heard


@pytest.fixture
def plans(store, writer):
    """Do something, and learn how each of its look-ups is carried out."""

    def plans(work):
        with heard(store) as sent:
            work()
        kinds = ("SELECT", "WITH", "INSERT INTO spans")
        looked_up = [each for each in sent if each[0].strip().startswith(kinds)]
        assert looked_up
        return [(each[0], explain(store, *each)) for each in looked_up]

    return plans


def explain(store, statement, parameters):
    """The steps of a plan, one line each."""
    with store.reading.connect() as connection:
        if is_sqlite(store.reading):
            asked = f"EXPLAIN QUERY PLAN {statement}"
            rows = connection.exec_driver_sql(asked, parameters)
            return [row.detail for row in rows]
        # A small table is faster to scan. Without that choice, a scan or a sort is
        # left only where there is no index.
        for choice in ("seqscan", "sort", "bitmapscan"):
            connection.exec_driver_sql(f"SET enable_{choice} = off")
        asked = f"EXPLAIN (FORMAT JSON) {statement}"
        (plan,) = connection.exec_driver_sql(asked, parameters).scalar_one()
        for choice in ("seqscan", "sort", "bitmapscan"):
            connection.exec_driver_sql(f"RESET enable_{choice}")
        return list(steps(plan["Plan"]))


def steps(plan):
    """Every step of a plan of PostgreSQL."""
    yield f"{plan['Node Type']} {plan.get('Relation Name', '')}".strip()
    for part in plan.get("Plans", ()):
        yield from steps(part)


#: What reads a whole table, or puts its rows in order.
TOUCHES_ALL = re.compile(
    r"^SCAN (wallets|entries|operations|spans|rates)|^USE TEMP B-TREE|^Seq Scan|Sort"
)
BY_INDEX = re.compile(r"SEARCH \w+ USING|Index (Only )?Scan")


def bad(found, pattern=TOUCHES_ALL):
    return [
        (statement, step)
        for statement, steps_of in found
        for step in steps_of
        if pattern.search(step)
    ]


READS = {
    "wallet": lambda store, wallet: reading.find_wallet(store, wallet),
    "first wallets": lambda store, _: reading.list_wallets(store, 50, None),
    "more wallets": lambda store, wallet: reading.list_wallets(store, 50, wallet),
    "first entries": lambda store, wallet: reading.list_entries(
        store, wallet, 50, None
    ),
    "more entries": lambda store, wallet: reading.list_entries(store, wallet, 50, 9),
    "oldest entries": lambda store, wallet: finding.find_entries(
        store, wallet, finding.WantedEntries(order=finding.Order.OLDEST), 50
    ),
    "newest entries that fit": lambda store, wallet: finding.find_entries(
        store,
        wallet,
        finding.WantedEntries(Kind.DEPOSIT, 1, 9, "x", 0, 2**60, 2, 9),
        *(50, Names(store)),
    ),
    "wallets that fit": lambda store, wallet: finding.find_wallets(
        store,
        *(finding.WalletOrder.CREATED, finding.Place(wallet), 50, "x", "ZAR"),
    ),
    "versions": lambda store, wallet: reading.find_versions(store, {wallet}),
    "names": lambda store, wallet: reading.find_names(store, {wallet}),
    "operation": lambda store, wallet: reading.find_operation(
        store, wallet, Principal.OPERATOR, "k"
    ),
    "operation by its id": lambda store, wallet: reading.find_operation_by_id(
        store, wallet, "o_1"
    ),
    "operation from its other side": lambda store, wallet: find_on_other_side(
        *(store, find_wallet(store, wallet), new_operation_id())
    ),
}


def a_long_history(writer):
    """A wallet with runs of both sizes, and entries beyond them."""
    wallet = create_wallet(writer)
    for count in (*[1000] * 4, 99 + 64, 70):
        moves = a_submission(wallet, Kind.DEPOSIT, "1").commands * count
        moves = (replace(move, operation_id=new_operation_id()) for move in moves)
        writer.submit(Submission(tuple(moves), wallet))
    return wallet


def test_a_balance_over_time_neither_scans_nor_sorts(store, writer, plans):
    """Moments by the times of spans, runs and entries by their keys."""
    wallet = find_wallet(store, a_long_history(writer))
    first, *_, newest = (e.at_us for e in list_entries(store, wallet.id, 500, None))
    oldest = list_entries(store, wallet.id, 1, 2)[0].at_us
    end_us = end_of(wallet, 0)
    bounds = [oldest + 1, newest, first, end_us]

    def work():
        balance_at(store, wallet, oldest)
        read_series(store, wallet, bounds, end_us)
        begin_of(store, wallet)
        read_course(store, wallet, bounds[2:], 200)

    found = plans(work)
    assert bad(found) == []
    # A moment; then the moments, spans, entries and rates of a series; the beginning;
    # then the first moment, entries and rates of a chart.
    assert len(found) == 9
    assert all(bad([each], BY_INDEX) for each in found)


def test_a_run_is_summed_up_by_index(writer, plans):
    """The write that completes one reads that run, and nothing else."""
    found = plans(lambda: a_long_history(writer))
    written = [each for each in found if each[0].strip().startswith("INSERT")]
    assert len(written) == 6
    assert bad(written) == []
    assert all(bad([each], BY_INDEX) for each in written)


def test_what_was_undone_leads_to_its_reversal(store):
    """The other way, each reversal would read all that came before it."""
    found = explain(store, REVERSALS, ())
    by = r"INDEX entries_reversals \(wallet_id=\? AND reverses=\?|^Index Scan entries$"
    assert any(re.search(by, each) for each in found), found
    assert not any("version<?" in each for each in found), found


@pytest.mark.parametrize("name", READS)
def test_a_read_neither_scans_nor_sorts(store, writer, plans, name):
    """One seek in an index, and from there in its order."""
    wallet = create_wallet(writer)
    found = plans(lambda: READS[name](store, wallet))
    assert bad(found) == []
    assert bad(found, BY_INDEX)


def test_the_money_path_looks_up_by_index(store, writer, plans):
    """Wallets, creations and keys; only the batch's own wallets are put in order."""
    wallet, other = create_wallet(writer), create_wallet(writer)

    def work():
        command = CreateWallet(new_wallet_id(), "", "ZAR", 0, "k")
        writer.submit(Submission((command,)))
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "5", key="k"))
        writer.submit(
            a_submission(wallet, Kind.TRANSFER, "1", recipient=other, key="l")
        )

    found = plans(work)
    scans = re.compile(r"^SCAN (wallets|entries|operations)|^Seq Scan")
    assert bad(found, scans) == []
    assert {step for _, step in bad(found)} <= {"Sort"}
    # In PostgreSQL the three writes look up wallets, too.
    assert len(found) == (5 if is_sqlite(store.writing) else 8)
    assert all(bad([each], BY_INDEX) for each in found)


def test_a_batch_looks_up_by_key_whatever_the_planner_knows(store, writer):
    """A plan that was made while a table was empty is kept when it has grown."""
    wallet = create_wallet(writer)
    with heard(store) as sent:
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "5", key="k"))
    sent = [each for each in sent if not each[0].strip().startswith("INSERT")]
    assert len(sent) == 3
    with store.transaction() as connection:
        for statement, parameters in sent:
            found = steps_on(connection, statement, parameters)
            assert any(BY_INDEX.search(step) for step in found), found
            assert not any(TABLE_AT_ONCE.search(step) for step in found), found


def test_a_key_is_looked_up_even_if_none_is_known(store, writer):
    """The planner believes what it saw last, and that was no key at all."""
    wallet = create_wallet(writer)
    moves = a_submission(wallet, Kind.DEPOSIT, "1").commands * 500
    moves = (replace(move, operation_id=new_operation_id()) for move in moves)
    writer.submit(Submission(tuple(moves), wallet))
    with heard(store) as sent:
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "5", key="k"))
    _, (statement, parameters), *_ = sent
    with store.transaction() as connection:
        connection.exec_driver_sql("ANALYZE operations")
        found = steps_on(connection, statement, parameters)
    # What is asked for comes first, and each of it is then looked up.
    given = next(n for n, step in enumerate(found) if GIVEN.search(step))
    looked_up = next(n for n, step in enumerate(found) if "operations" in step)
    assert given < looked_up, found


GIVEN = re.compile(r"Function Scan|json_each|given")
TABLE_AT_ONCE = re.compile(r"^SCAN (wallets|entries|operations)|Seq Scan|Hash|Merge")


def steps_on(connection, statement, parameters):
    """The steps of a plan as this very connection makes it."""
    if connection.dialect.name == "sqlite":
        asked = f"EXPLAIN QUERY PLAN {statement}"
        return [row.detail for row in connection.exec_driver_sql(asked, parameters)]
    asked = f"EXPLAIN (FORMAT JSON) {statement}"
    (plan,) = connection.exec_driver_sql(asked, parameters).scalar_one()
    return list(steps(plan["Plan"]))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_reversals_are_looked_for_where_there_is_one(store, writer):
    """Most wallets have none, and then no entry of a page is asked for its own."""
    wallet = create_wallet(writer)
    for _ in range(3):
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "1"))

    def looks():
        with heard(store) as sent:
            entries = list_entries(store, wallet, 50, None)
        with store.reading.connect() as connection:
            asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {sent[0][0]}"
            (plan,) = connection.exec_driver_sql(asked, sent[0][1]).scalar_one()
        return entries, sum(loops(plan["Plan"]))

    entries, before = looks()
    undo = reversal_of(entries[0], new_operation_id())
    writer.submit(Submission((undo,), wallet))
    entries, after = looks()
    assert [bool(each.reversed_by) for each in entries] == [False, True, False, False]
    assert (before, after) == (1, 1 + len(entries))


def test_a_page_of_a_long_history_is_not_planned_each_time(postgresql_url):
    """PostgreSQL keeps the plan, because it knows how few rows are wanted."""
    store = Store(make_url(postgresql_url), Limits(readers=1))
    try:
        wallet = a_long_history(Writer(store, freeze, now_us))
        with store.transaction() as connection:
            connection.exec_driver_sql("ANALYZE entries")
        for before in range(1001, 1021):
            assert len(list_entries(store, wallet, 50, before)) == 50
        ((kept, made),) = store.reader.rows(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%FROM entries%LIMIT 50%'"
        )
    finally:
        store.close()
    # The driver prepares it, and the server decides, after five executions each.
    assert (kept, made) == (10, 5)


def loops(plan):
    """How often each step of a plan looked for reversals."""
    if plan.get("Alias", "").startswith("reversals"):
        yield plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from loops(part)


def test_a_missing_index_would_be_noticed(store, writer, plans):
    """Looking for a name, which no index has, is a scan."""
    create_wallet(writer)

    def work():
        store.reader.rows("SELECT id FROM wallets WHERE name = 'x'")
        store.reader.rows("SELECT id FROM wallets ORDER BY name")

    assert len(bad(plans(work))) >= 2
