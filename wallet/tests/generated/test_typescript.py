"""A client in TypeScript: types by openapi-typescript, calls by openapi-fetch."""

import os
import shutil
from pathlib import Path

import pytest

from ..conftest import IN_CI
from ..servers import Server
from .conftest import HERE, TOKEN, read, run

NPM = shutil.which("npm")


@pytest.mark.skipif(
    NPM is None and not IN_CI, reason="there is no npm: install Node.js"
)
def test_generated_types_fit_a_deposit_and_a_refusal(
    server: Server, description: Path, tmp_path: Path
):
    """They compile strictly, and what was compiled runs."""
    assert NPM is not None, "there is no npm"
    folder = tmp_path / "typescript"
    shutil.copytree(HERE / "typescript", folder)
    path = f"{folder}/node_modules/.bin:{os.environ['PATH']}"

    def call(*command: str | Path) -> str:
        return run(*command, cwd=folder, PATH=path)

    call(NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    call("openapi-typescript", description, "--output", "wallet.d.ts")
    call("tsc")
    told = call("node", "made/use_client.js", f"http://127.0.0.1:{server.port}", TOKEN)
    read(told).must_be_true(server)
