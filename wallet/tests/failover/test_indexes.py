"""Indexes that differ from their tables, found by the extension amcheck.

The PostgreSQL of the other tests does not bring it; this one does.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit.replay import Fault
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.config import read_settings
from wallet.ledger.commands import Kind
from wallet.storage.connections import Limits
from wallet.storage.opening import open_store
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import a_submission, create_wallet
from .cluster import PASSWORD, Cluster


class Place(NamedTuple):
    """A store that belongs to an ordinary role, and a superuser beside it."""

    store: Store
    run: Callable[..., object]
    deposit: Callable[[str], object]

    def verify(self) -> int:
        """Tell how many entries are as they must be."""
        return verify(self.store, freeze=freeze).entries


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Place]:
    """A database of its own, with a wallet."""
    name, leader = f"wallet_{uuid.uuid4().hex[:8]}", cluster.wait_for_leader()
    leader.run(f"CREATE DATABASE {name} OWNER wallet")
    superuser = {"user": "postgres", "password": PASSWORD, "dbname": name}
    url = read_settings({"DATABASE_URL": cluster.url(name, direct=True)}).database_url
    store = open_store(make_url(url), Limits())
    writer = Writer(store, freeze, now_us)
    wallet = create_wallet(writer)

    def deposit(key: str) -> object:
        return writer.submit(a_submission(wallet, Kind.DEPOSIT, "5", key=key))

    try:
        with psycopg.connect(
            host="127.0.0.1", port=leader.port, autocommit=True, **superuser
        ) as session:
            deposit("first")
            yield Place(store, session.execute, deposit)
    finally:
        writer.stop()
        store.close()
        leader.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("schema", ["public", '"Ours: 100%s"'])
def test_an_index_that_lacks_a_row_is_found(place: Place, schema: str) -> None:
    """With such an index of keys a repeated key would move money again."""
    ready = "UPDATE pg_index SET indisready = {} WHERE indexrelid = {}::regclass"
    place.run(ready.format("false", "'operations_by_key'"))
    place.deposit("second")
    place.run(ready.format("true", "'operations_by_key'"))
    assert place.verify() == 2
    if schema != "public":
        place.run(f"CREATE SCHEMA {schema}".replace("%", "%%"), ())
    place.run(f"CREATE EXTENSION amcheck SCHEMA {schema}")
    # An ordinary role may not use it, and is told of nothing.
    assert place.verify() == 2
    place.run(f"GRANT USAGE ON SCHEMA {schema} TO wallet")
    place.run(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO wallet")
    with pytest.raises(Fault, match=r"damaged: .*operations.* lacks matching index"):
        place.verify()
    place.run("REINDEX INDEX operations_by_key")
    assert place.verify() == 2


def test_indexes_of_others_are_none_of_ours(place: Place) -> None:
    """They may be of a kind that cannot be compared, be damaged, or not be built."""
    place.run("CREATE EXTENSION amcheck")
    place.run("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO wallet")
    place.run("CREATE TABLE shapes (id integer, place point)")
    place.run("CREATE INDEX shapes_by_id ON shapes (id)")
    place.run("CREATE INDEX shapes_by_place ON shapes USING gist (place)")
    place.run("CREATE INDEX names ON wallets USING hash (name)")
    place.run("CREATE INDEX unbuilt ON wallets (name)")
    invalid = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = {}::regclass"
    place.run(invalid.format("'unbuilt'"))
    ready = "UPDATE pg_index SET indisready = {} WHERE indexrelid = {}::regclass"
    place.run(ready.format("false", "'shapes_by_id'"))
    place.run("INSERT INTO shapes VALUES (1, '(1,1)')")
    place.run(ready.format("true", "'shapes_by_id'"))
    assert place.verify() == 1
