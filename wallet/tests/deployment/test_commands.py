"""make up and its companions, from the first start to the last."""

import faulthandler
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..actions import until
from ..clients import BROKEN, Client
from . import project
from .outside import Outside
from .stack import WELL, Stack
from .test_edge import PAGES

#: None of these is part of the project, and some are large.
NOT_COPIED = shutil.ignore_patterns(
    ".*cache", ".venv", "instance", "secrets", ".hyp*", "backups"
)


class Machine(Stack):
    """A whole copy of the project, and what someone types in it."""

    def make(self, target: str, answer: str = ""):
        command = ["make", "--silent", target]
        return project.run(command, input=answer, **self._options())


@pytest.fixture
def machine(images: dict[str, str], tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing was started yet."""
    faulthandler.cancel_dump_traceback_later()
    name = f"wallet-test-{uuid.uuid4().hex[:12]}"
    rate = {"RATE_AVERAGE": "1", "RATE_BURST": "40"}
    chosen = rate | {"WALLET_IMAGE": f"{name}:wallet", "WALLET_REPLICAS": "2"}
    folder = tmp_path / "wallet"
    shutil.copytree(project.ROOT, folder, ignore=NOT_COPIED)
    machine = Machine(folder, images | chosen)
    try:
        yield machine
    finally:
        machine.destroy()
        project.run(["docker", "image", "rm", "--force", f"{name}:wallet"])
        assert machine.left_over() == ""


def test_the_commands_do_what_they_say(machine):
    """Up around, up, down, up again, and destroyed after a yes."""
    first = machine.make("up_traefik")
    assert first.returncode == 0, first.stderr
    assert "make credentials" in first.stdout
    around = WELL - Counter([("wallet", "healthy"), ("db", "healthy")])
    assert machine.states() == around
    machine.secrets = secrets = project.secrets_of(machine.folder)
    for host, (path, words) in PAGES.items():
        until(lambda at=(host, path): _stranger(machine, *at) == 401, each_s=0.1)
        assert words in machine.visit(host, path).data
    assert _stranger(machine, "wallet", "/status") == 404

    second = machine.make("up")
    assert second.returncode == 0, second.stderr
    assert "Secrets are new" not in second.stdout
    everything = WELL + Counter([("wallet", "healthy")])
    assert machine.states() == everything
    assert "healthy" in machine.make("ps").stdout
    until(lambda: machine.serves(2), each_s=0.1)
    assert machine.visit("wallet", "/status").json["status"] == "ok"
    wallet = machine.create()
    assert machine.deposit(wallet, "3.00").status == 201

    # One client cannot take the whole wallet, and is told so.
    statuses = {_stranger(machine, "wallet", "/status") for _ in range(80)}
    assert statuses == {200, 429}

    assert machine.make("down").returncode == 0
    assert machine.compose("ps", "--all", "--quiet").stdout == ""
    assert machine.make("up").returncode == 0
    assert project.secrets_of(machine.folder) == secrets
    assert machine.balance(wallet) == "3.00"

    # A secret key is retired without a pause, and what it has signed goes on.
    with machine.client() as client:
        key = client.post(f"/v1/wallets/{wallet}/keys").json["key"]
    kept = machine.folder / "deploy" / "secrets"
    (kept / "secret_key_fallbacks").write_text(secrets["secret_key"])
    (kept / "secret_key").unlink()
    before = {one["Id"] for one in machine.containers("wallet")}
    rolled = machine.make("rollout")
    assert rolled.returncode == 0, rolled.stderr
    after = {one["Id"] for one in machine.containers("wallet")}
    assert (len(after), after & before) == (2, set())
    assert project.secrets_of(machine.folder)["secret_key"] != secrets["secret_key"]
    secrets = project.secrets_of(machine.folder)
    for address in machine.addresses():
        with Client(address, 8000, key) as client:
            assert client.get(f"/v1/wallets/{wallet}").json["balance"] == "3.00"

    assert machine.make("destroy", "no\n").returncode != 0
    assert machine.states() == everything
    assert machine.make("destroy", "yes\n").returncode == 0
    assert machine.left_over() == ""
    assert project.secrets_of(machine.folder) == secrets


def _stranger(machine: Machine, host: str, path: str) -> int | None:
    try:
        with Outside(host, machine.https, machine.certificate) as client:
            return client.get(path).status
    except BROKEN:
        return None
