"""How the databases find their rows: by an index, whatever the size of the tables."""

import re

import pytest
from sqlalchemy import event

from wallet import reading
from wallet.commands import CreateWallet
from wallet.commands import Kind
from wallet.commands import Principal
from wallet.commands import Submission
from wallet.engines import is_sqlite
from wallet.ids import new_wallet_id

from ..actions import a_submission
from ..actions import create_wallet


@pytest.fixture
def plans(store, writer):
    """Do something, and learn how each of its look-ups is carried out."""

    def plans(work):
        sent = []

        def note(_connection, _cursor, statement, parameters, *_rest):
            if statement.startswith("SELECT"):
                sent.append((statement, parameters))

        for engine in (store.writing, store.reading):
            event.listen(engine, "before_cursor_execute", note)
        work()
        for engine in (store.writing, store.reading):
            event.remove(engine, "before_cursor_execute", note)
        assert sent
        return [(each[0], explain(store, *each)) for each in sent]

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
    r"^SCAN (wallets|entries|operations)|^USE TEMP B-TREE|^Seq Scan|Sort"
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
    "operation": lambda store, wallet: reading.find_operation(
        store, wallet, Principal.OPERATOR, "k"
    ),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_neither_scans_nor_sorts(store, writer, plans, name):
    """One seek in an index, and from there in its order."""
    wallet = create_wallet(writer)
    found = plans(lambda: READS[name](store, wallet))
    assert bad(found) == []
    assert bad(found, BY_INDEX)


def test_the_money_path_looks_up_by_index(writer, plans):
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
    for statement, step in bad(found):
        assert "ORDER BY wallets.id" in statement, (statement, step)
    assert len(found) == 5
    assert all(bad([each], BY_INDEX) for each in found)


def test_a_missing_index_would_be_noticed(store, writer, plans):
    """Looking for a name, which no index has, is a scan."""
    create_wallet(writer)

    def work():
        with store.reading.connect() as connection:
            connection.exec_driver_sql("SELECT id FROM wallets WHERE name = 'x'")
            connection.exec_driver_sql("SELECT id FROM wallets ORDER BY name")

    assert len(bad(plans(work))) >= 2
