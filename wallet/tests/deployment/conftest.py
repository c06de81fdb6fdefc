"""What the tests of the deployment stand on."""

import shutil

import pytest

from ..conftest import IN_CI
from .project import run


@pytest.fixture(scope="session")
def compose() -> None:
    """Compose v2, which can read the files without an engine."""
    if shutil.which("docker") is None:
        missing("docker is not installed")
    if run(["docker", "compose", "version"]).returncode != 0:
        missing("the Docker Compose plugin is not installed")


@pytest.fixture(scope="session")
def engine(compose: None) -> None:
    """A Docker engine that answers."""
    if run(["docker", "info"]).returncode != 0:
        missing("no Docker engine answers")


def missing(reason: str) -> None:
    """Skip, unless everything has to be there."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
