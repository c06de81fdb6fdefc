"""make up and its companions, from the first start to the last.

Placeholders take the places of Traefik, the socket proxy and whoami, so what is shown
is that their containers start with the rights, ports and secrets that the files give
them, and not what Traefik does.
"""

import faulthandler
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..clients import Client
from ..servers import free_port
from . import project
from .stack import Stack

#: None of these is part of the project, and some are large.
NOT_COPIED = shutil.ignore_patterns(".*cache", ".venv", "instance", "secrets", ".hyp*")


class Machine(Stack):
    """A whole copy of the project, and the two ports that it publishes."""

    def __init__(self, folder: Path, images: dict[str, str]) -> None:
        self.http, self.https = free_port(), free_port()
        ports = {"HTTP_PORT": str(self.http), "HTTPS_PORT": str(self.https)}
        super().__init__(folder, images | ports)

    def make(self, target: str, answer: str = ""):
        command = ["make", "--silent", target]
        return project.run(command, input=answer, **self._options())

    def states(self) -> dict[str, str]:
        """How each service is; one without a health check runs or does not."""
        states = {}
        for one in self.containers():
            health = one["State"].get("Health", {}).get("Status")
            service = one["Config"]["Labels"]["com.docker.compose.service"]
            states[service] = health or one["State"]["Status"]
        return states


@pytest.fixture
def machine(images: dict[str, str], tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing was started yet."""
    faulthandler.cancel_dump_traceback_later()
    name = f"wallet-test-{uuid.uuid4().hex[:12]}"
    context = project.ROOT / "tests" / "deployment" / "placeholder"
    base = f"BASE_IMAGE={images['BASE_IMAGE']}"
    command = ["docker", "build", "--build-arg", base, "--tag", f"{name}:placeholder"]
    built = project.run([*command, str(context)])
    assert built.returncode == 0, built.stderr
    variables = ("TRAEFIK_IMAGE", "SOCKET_PROXY_IMAGE", "WHOAMI_IMAGE")
    chosen = dict.fromkeys(variables, f"{name}:placeholder")
    chosen |= {"WALLET_IMAGE": f"{name}:wallet"}
    folder = tmp_path / "wallet"
    shutil.copytree(project.ROOT, folder, ignore=NOT_COPIED)
    machine = Machine(folder, images | chosen)
    try:
        yield machine
    finally:
        machine.destroy()
        tags = (f"{name}:placeholder", f"{name}:wallet")
        project.run(["docker", "image", "rm", "--force", *tags])
        assert machine.left_over() == ""


def test_the_commands_do_what_they_say(machine):
    """Up around, up, down, up again, and destroyed after a yes."""
    first = machine.make("up_traefik")
    assert first.returncode == 0, first.stderr
    assert "make credentials" in first.stdout
    around = {"traefik": "healthy", "socket-proxy": "healthy"}
    around |= {"prometheus": "healthy", "whoami": "running"}
    assert machine.states() == around
    assert _answers(machine.http)
    assert _answers(machine.https)
    secrets = project.secrets_of(machine.folder)

    second = machine.make("up")
    assert second.returncode == 0, second.stderr
    assert "Secrets are new" not in second.stdout
    everything = around | {"wallet": "healthy", "db": "healthy"}
    assert machine.states() == everything
    assert "healthy" in machine.make("ps").stdout
    machine.secrets = secrets
    wallet = machine.create()
    assert machine.deposit(wallet, "3.00").status == 201

    assert machine.make("down").returncode == 0
    assert machine.compose("ps", "--all", "--quiet").stdout == ""
    assert machine.make("up").returncode == 0
    assert project.secrets_of(machine.folder) == secrets
    assert machine.balance(wallet) == "3.00"

    assert machine.make("destroy", "no\n").returncode != 0
    assert machine.states() == everything
    assert machine.make("destroy", "yes\n").returncode == 0
    assert machine.left_over() == ""
    assert project.secrets_of(machine.folder) == secrets


def _answers(port: int) -> bool:
    with Client("127.0.0.1", port) as client:
        return client.get("/").data == b"here"
