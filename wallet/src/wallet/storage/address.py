"""The address of a database."""

from pathlib import Path

from psycopg.pq import Conninfo
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


def read_address(text: str, password: str, default: Path) -> URL:
    """Read the address of a database; without one it is a file.

    :param password: replaces the one in the address.
    :raises ValueError: the message says what is wrong with it.
    """
    if not text:
        return URL.create("sqlite", database=str(default))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError(
            "cannot be read: write it like postgresql://user@host/database or"
            " sqlite:////path/to/wallet.db"
        ) from error
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        _refuse_unknown(url)
        url = url.set(drivername="postgresql+psycopg")
        return url.set(password=password) if password else url
    if url.drivername != "sqlite":
        raise ValueError("must begin with postgresql:// or sqlite://")
    if url.query:
        raise ValueError("must have no parameters after a ? for SQLite")
    if not url.database or url.database == ":memory:":
        raise ValueError("must name a file, such as sqlite:////path/to/wallet.db")
    return url.set(database=str(Path(url.database).absolute()))


def _refuse_unknown(url: URL) -> None:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for name, value in url.query.items():
        if name not in known:
            raise ValueError(f"has a parameter that PostgreSQL does not know: {name}")
        # Several hosts are tried in their order.
        if not isinstance(value, str) and name not in ("host", "port"):
            raise ValueError(f"has the parameter {name} more than once")


def place(url: URL) -> str:
    """Say where a database is, without what opens it."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite at {url.database}"
    host = url.host or url.query.get("host") or "the local socket"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL at {host}{port}/{url.database}"
