"""A server, and what it says of its interface: all that a maker of clients is given."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ..clients import Client
from ..servers import Server

TOKEN = "operator-token-1234567"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is here asks the indexes of packages, so it runs when it is asked for."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.fresh)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server with an operator token, on SQLite."""
    settings = {"SECRET_KEY": "s" * 32, "OPERATOR_TOKEN": TOKEN}
    server = Server(tmp_path, **settings).start()
    yield server
    server.kill()


@pytest.fixture
def description(server: Server, tmp_path: Path) -> Path:
    """A file with the description that the server gives to strangers."""
    with Client("127.0.0.1", server.port) as client:
        answer = client.get("/openapi.json")
    assert answer.status == 200
    path = tmp_path / "openapi.json"
    path.write_bytes(answer.data)
    return path


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program that must succeed, and return what it says."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Seen:
    """What a generated client tells of a deposit, and of a withdrawal of too much."""

    wallet: str
    deposit: dict[str, Any]
    refusal: dict[str, Any]

    def must_be_true(self, server: Server) -> None:
        """Hold it against what the server says of the same wallet."""
        assert self.deposit["kind"] == "deposit"
        assert self.deposit["balance"] == "125.50"
        assert self.refusal["type"] == "/problems/insufficient-funds"
        assert self.refusal["status"] == 422
        assert self.refusal["detail"].startswith("Nothing was moved")
        with server.client() as client:
            answer = client.get(f"/v1/wallets/{self.wallet}/entries")
        assert answer.status == 200
        (entry,) = answer.json["entries"]
        assert entry["operation"] == self.deposit["operation"]
        assert entry["at"] == self.deposit["at"]
        assert entry["note"] == "salary"


def read(told: str) -> Seen:
    """Read what a client printed."""
    return Seen(**json.loads(told))
