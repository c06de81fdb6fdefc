"""A third engine for the tests: Citus, where ``WALLET_TEST_CITUS_URL`` names one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import psycopg
import pytest
from sqlalchemy import URL, make_url

from wallet.storage.connections import Limits
from wallet.storage.opening import open_store

from .actions import until

GIVEN = os.environ.get("WALLET_TEST_CITUS_URL")
MISSING = "there is no Citus: name its coordinator in WALLET_TEST_CITUS_URL"
#: A wallet on each of two machines is all that a test needs; each shard takes time.
SHARDS = 4

_NODES = """
SELECT groupid, nodename, nodeport FROM pg_dist_node
WHERE noderole = 'primary' ORDER BY groupid
"""

#: It holds the rules on each machine, so that nobody writes past them from one.
_FORGED = "who forges must go to each machine"

#: What tests, or all tests of a module, say of PostgreSQL, and Citus does otherwise.
OTHERWISE = {
    "test_plans": "machines make their own plans, which it shows in part only",
    "test_rates_of_many_moments_take_one_statement_that_seeks": "the plan differs",
    "test_a_forgery_is_found_and_named": _FORGED,
    "test_a_transfer_with_one_side_is_found": _FORGED,
    "test_a_rewritten_history_is_found_only_with_a_head": _FORGED,
    "test_a_wallet_that_is_gone_is_found_with_a_head": _FORGED,
    "test_the_sums_of_a_currency_are_compared": _FORGED,
    "test_a_reversal_fits_what_it_undoes": _FORGED,
    "test_both_sides_of_a_transfer_fit_together": _FORGED,
    "test_a_forged_span_is_found_and_named": _FORGED,
    "test_highs_and_lows_are_right_where_spans_are_missing": _FORGED,
    "test_the_migration_sums_up_what_is_there_already": (
        "what is spread was migrated before"
    ),
    "test_the_migrations_make_the_tables_that_the_code_knows": (
        "keys of creations have a table of their own"
    ),
    "test_a_batch_costs_few_statements_whatever_its_size": (
        "each wallet takes a few statements"
    ),
    "test_wallets_are_locked_in_one_order_before_keys_are_read": (
        "each wallet is locked by a statement of its own"
    ),
    "test_a_long_history_is_told_by_its_spans": "no plan shows how much was read",
    "test_what_is_no_place_for_a_copy_is_refused_and_left_as_it_is": (
        "what is spread is refused by another sentence"
    ),
    "test_old_keys_are_answered_from_the_copy_with_the_same_bytes": (
        "WALLET_DISTRIBUTED is not for the copy in SQLite"
    ),
}


class Cluster:
    """A coordinator and its workers, on each of which a database is made."""

    def __init__(self, coordinator: str) -> None:
        self.coordinator = make_url(coordinator).set(drivername="postgresql")
        with _session(self.coordinator) as session:
            nodes = session.execute(_NODES).fetchall()
        self.workers = [
            self.coordinator.set(host=host, port=port)
            for group, host, port in nodes
            if group
        ]

    @property
    def machines(self) -> list[URL]:
        return [*self.workers, self.coordinator]

    def new(self, template: str = "template1") -> Iterator[str]:
        """Make a database on every machine, and drop it afterwards."""
        name = f"wallet_{uuid.uuid4().hex}"
        for machine in self.machines:
            self._run(machine, f"CREATE DATABASE {name} TEMPLATE {template}")
        setting = f"ALTER DATABASE {name} SET citus.shard_count = {SHARDS}"
        self._run(self.coordinator, setting)
        try:
            if template == "template1":
                self._join(name)
            url = self.coordinator.set(drivername="postgresql+psycopg", database=name)
            yield url.render_as_string(hide_password=False)
        finally:
            # The machines go on asking each other, even while clients are thrown out.
            self.close(name)
            for machine in self.machines[::-1]:
                until(partial(self._drop, machine, name), within_s=60, each_s=0.1)

    def close(self, name: str) -> None:
        """Keep everybody out of a database, so that it can be copied or dropped."""
        for machine in self.machines:
            self._run(machine, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            self._run(machine, f"{end} WHERE datname = '{name}'")

    def _join(self, name: str) -> None:
        for machine in self.machines:
            self._run(machine.set(database=name), "CREATE EXTENSION citus")
        own = self.coordinator.set(database=name)
        asks = ["citus_set_coordinator_host", *["citus_add_node"] * len(self.workers)]
        for ask, machine in zip(asks, [own, *self.workers], strict=True):
            self._run(own, f"SELECT {ask}('{machine.host}', {machine.port})")

    def _drop(self, machine: URL, name: str) -> bool:
        with suppress(psycopg.errors.ObjectInUse):
            self._run(machine, f"DROP DATABASE {name} WITH (FORCE)")
            return True
        return False

    def _run(self, machine: URL, statement: str) -> None:
        with _session(machine) as session:
            session.execute(statement.encode())


@pytest.fixture(scope="session")
def citus() -> Cluster:
    """The machines on which databases may be made."""
    if GIVEN is None:
        pytest.skip(MISSING)
    return Cluster(GIVEN)


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever a test opens be spread, without a word of it in the test."""
    monkeypatch.setenv("WALLET_DISTRIBUTED", "1")
    *others, _ = Limits.__init__.__defaults__ or ()
    monkeypatch.setattr(Limits.__init__, "__defaults__", (*others, True))


@pytest.fixture(scope="session")
def joined_database(citus: Cluster) -> Iterator[str]:
    """A database of all machines without tables, for tests to copy."""
    for url in citus.new():
        name = str(make_url(url).database)
        citus.close(name)
        yield name


@pytest.fixture(scope="session")
def spread_database(citus: Cluster, joined_database: str) -> Iterator[str]:
    """A database with its tables spread, for tests to copy."""
    for url in citus.new(joined_database):
        open_store(make_url(url), Limits(distributed=True)).close()
        name = str(make_url(url).database)
        citus.close(name)
        yield name


@pytest.fixture
def citus_url(citus: Cluster, spread_database: str, distributed: None) -> Iterator[str]:
    """The address of a database with tables and no rows in Citus."""
    yield from citus.new(spread_database)


@pytest.fixture
def empty_citus_url(
    citus: Cluster, joined_database: str, distributed: None
) -> Iterator[str]:
    """The address of a database without tables in Citus."""
    yield from citus.new(joined_database)


def _session(machine: URL) -> psycopg.Connection[tuple[object, ...]]:
    address = machine.render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True)
