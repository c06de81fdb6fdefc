"""A client in Python, made by openapi-python-client."""

import os
import sys
from pathlib import Path

from ..servers import Server
from .conftest import HERE, TOKEN, read, run

USE = HERE / "use_client.py"


def test_a_generated_client_deposits_and_understands_a_refusal(
    server: Server, description: Path, tmp_path: Path
):
    """The maker warns of nothing, and a checker of types finds no fault in the use."""
    tools, client = tmp_path / "venv" / "bin", tmp_path / "client"
    client.mkdir()
    path = f"{tools}:{os.environ['PATH']}"

    def call(*command: str | Path) -> str:
        return run(*command, cwd=client, PATH=path, PYTHONPATH=str(client))

    call(sys.executable, "-m", "venv", tools.parent)
    quietly = ("--quiet", "--disable-pip-version-check", "--require-hashes")
    call(tools / "pip", "install", *quietly, "-r", HERE / "requirements.lock")
    # It does not know CSV, and sends it as it is once it is told so.
    strictly = ("--overwrite", "--fail-on-warning", "--config", HERE / "maker.yml")
    maker, given = tools / "openapi-python-client", ("--path", description)
    call(maker, "generate", *given, "--output-path", client, *strictly)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache")
    call(*mypy, "--python-executable", tools / "python", USE)
    told = call(tools / "python", USE, f"http://127.0.0.1:{server.port}", TOKEN)
    read(told).must_be_true(server)
