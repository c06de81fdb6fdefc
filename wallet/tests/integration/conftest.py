"""An application, a store and a writer on each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from wallet import create_app
from wallet.api.answers import freeze
from wallet.clock import now_us
from wallet.storage.connections import Limits
from wallet.storage.store import Store
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import Wallets

OPERATOR = "operator-token-of-the-tests"
METRICS = "metrics-token-1234"
SECRET = "s" * 32


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with its tables and no rows."""
    store = Store(make_url(database_url), Limits())
    yield store
    store.close()


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    """A writer on the empty store."""
    writer = Writer(store, freeze, now_us)
    yield writer
    writer.stop()


@pytest.fixture
def app(database_url: str, tmp_path: Path):
    """A local application, which asks for no credentials."""
    app = create_app({"DATABASE_URL": database_url, "HOME": str(tmp_path)})
    yield app
    service_of(app).close()


@pytest.fixture
def shared_app(database_url: str, tmp_path: Path):
    """An application with an operator token."""
    app = create_app(
        {
            "DATABASE_URL": database_url,
            "HOME": str(tmp_path),
            "SECRET_KEY": SECRET,
            "OPERATOR_TOKEN": OPERATOR,
            "METRICS_TOKEN": METRICS,
        }
    )
    yield app
    service_of(app).close()


@pytest.fixture
def local(app) -> Wallets:
    """Calls to the local application."""
    return Wallets(app.test_client())


@pytest.fixture
def operator(shared_app) -> Wallets:
    """Calls to the shared application with the operator's token."""
    return Wallets(shared_app.test_client(), OPERATOR)


@pytest.fixture
def stranger(shared_app) -> Wallets:
    """Calls to the shared application without credentials."""
    return Wallets(shared_app.test_client())
