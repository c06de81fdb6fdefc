"""The address of a database."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from psycopg.pq import Conninfo
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

#: Several hosts, as PostgreSQL's own programs take them; an @ ends the user.
_SEVERAL: Final = re.compile(
    r"(postgresql(?:\+psycopg)?://(?:[^@]*@|(?!.*@)))([^/?@]*,[^/?@]*)((?:[/?].*)?)"
)
_HOST: Final = re.compile(r"(?:\[([^\]]+)\]|([^:]*))(?::(\d*))?")


def read_address(text: str, password: str, default: Path) -> URL:
    """Read the address of a database; without one it is a file.

    :param password: replaces the one in the address.
    :raises ValueError: the message says what is wrong with it.
    """
    if not text:
        return URL.create("sqlite", database=str(default))
    several = _SEVERAL.fullmatch(text)
    if several is not None:
        text = several[1] + several[3]
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError(
            "cannot be read: write it like postgresql://user@host/database or"
            " sqlite:////path/to/wallet.db"
        ) from error
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        _refuse_unknown(url)
        url = _with_hosts(url, several and several[2])
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


def _with_hosts(url: URL, named: str | None) -> URL:
    """Write several hosts and their ports in one way.

    :param named: those of the address itself, not of its parameters.
    """
    query = {
        name: each if isinstance(each, str) else ",".join(each)
        for name, each in url.query.items()
    }
    hosts = (named or query.get("host", "")).split(",")
    if len(hosts) == 1:
        return url
    names, ports = zip(*map(_host_and_port, hosts), strict=True)
    if not any(ports):
        ports = tuple(query.get("port", "").split(","))
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ValueError("must have one port for all hosts, or one for each")
    query["host"] = ",".join(names)
    if any(ports):
        query["port"] = ",".join(ports)
    # The others are standbys.
    query.setdefault("target_session_attrs", "read-write")
    return url.set(query=query)


def _host_and_port(text: str) -> tuple[str, str]:
    found = _HOST.fullmatch(unquote(text))
    if found is None:
        raise ValueError(f"has a host that cannot be read: {text}")
    return found[1] or found[2], found[3] or ""


def place(url: URL) -> str:
    """Say where a database is, without what opens it."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite at {url.database}"
    hosts = str(url.host or url.query.get("host") or "the local socket").split(",")
    ports = str(url.port or url.query.get("port") or "").split(",")
    ports += [""] * (len(hosts) - len(ports))
    named = (
        f"{host}:{port}" if port else host
        for host, port in zip(hosts, ports, strict=True)
    )
    return f"PostgreSQL at {', '.join(named)}/{url.database}"
