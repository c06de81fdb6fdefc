"""What the tests of the deployment stand on."""

import faulthandler
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import IN_CI
from . import project
from .project import run
from .stack import Stack, reachable


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder is left to ``make test_deployment``."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.docker)


#: The images that others make, by their variables; each can be chosen from outside.
IMAGES = {
    "POSTGRES_IMAGE": "db",
    "PROMETHEUS_IMAGE": "prometheus",
    "SOCKET_PROXY_IMAGE": "socket-proxy",
    "TRAEFIK_IMAGE": "traefik",
    "WHOAMI_IMAGE": "whoami",
}
CHOSEN = {
    name: os.environ[name] for name in ("BASE_IMAGE", *IMAGES) if name in os.environ
}


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


@pytest.fixture(scope="session")
def images(engine: None) -> dict[str, str]:
    """The images that others made, by the names of their variables."""
    # Fetching takes longer than one test may.
    faulthandler.cancel_dump_traceback_later()
    services = project.render(*project.BOTH, **CHOSEN)["services"]
    wanted = {name: services[service]["image"] for name, service in IMAGES.items()}
    wanted["BASE_IMAGE"] = services["wallet"]["build"]["args"]["BASE_IMAGE"]
    for image in wanted.values():
        here = run(["docker", "image", "inspect", image]).returncode == 0
        # Only where everything has to be there, something large may be fetched.
        if not here and not (IN_CI and run(["docker", "pull", image]).returncode == 0):
            missing(f"the image {image} is not here: docker pull fetches it")
    return wanted


@pytest.fixture(scope="session")
def image(images: dict[str, str]) -> Iterator[str]:
    """The wallet's image, built for these tests and removed after them."""
    faulthandler.cancel_dump_traceback_later()
    name = f"wallet-test:{uuid.uuid4().hex[:12]}"
    base = f"BASE_IMAGE={images['BASE_IMAGE']}"
    command = ["docker", "build", "--build-arg", base, "--target", "final"]
    built = run([*command, "--tag", name, str(project.ROOT)])
    assert built.returncode == 0, built.stderr
    yield name
    run(["docker", "image", "rm", "--force", name])


@pytest.fixture(scope="session")
def running(
    image: str, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A deployment of its own, gone after the tests with all its data."""
    if not reachable():
        missing("containers cannot be called by their addresses here")
    faulthandler.cancel_dump_traceback_later()
    folder = project.copy(tmp_path_factory.mktemp("deployment"))
    # As a checkout under umask 077 is, which has to start, too.
    project.run(["chmod", "-R", "go=", str(folder / "deploy")])
    project.make_secrets(folder)
    stack = Stack(folder, {"WALLET_IMAGE": image, **images})
    stack.secrets = project.secrets_of(folder)
    try:
        yield stack
    finally:
        stack.destroy()
        assert stack.left_over() == ""


@pytest.fixture
def stack(running: Stack) -> Stack:
    """The deployment with one wallet, up and healthy."""
    running.up()
    return running


def missing(reason: str) -> None:
    """Skip, unless everything has to be there."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
