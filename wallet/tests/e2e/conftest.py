"""Servers that end with their test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..servers import Server

OPERATOR = "operator-token-of-the-tests"
#: How often a server is killed, on each engine: `KILLS=20` looks longer.
KILLS = int(os.environ.get("KILLS", "2"))
SHARED = {"SECRET_KEY": "s" * 32, "OPERATOR_TOKEN": OPERATOR}


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make servers with an operator token, each with a home of its own."""
    servers: list[Server] = []

    def make(database_url: str, **settings: str) -> Server:
        home = tmp_path / f"server-{len(servers)}"
        home.mkdir()
        servers.append(Server(home, DATABASE_URL=database_url, **SHARED | settings))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def server(make_server: Callable[..., Server], database_url: str) -> Server:
    """A running server with an operator token, on each engine in turn."""
    return make_server(database_url).start()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Server]:
    """A server without any setting, which is not running yet."""
    server = Server(tmp_path)
    yield server
    server.kill()
