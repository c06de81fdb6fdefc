"""What make says and asks, with a docker that only notes how it was called."""

import os
import shutil
from pathlib import Path

import pytest

from . import project

ALL = "-f docker-compose.traefik.yml -f docker-compose.yml"

TARGETS = (
    "unit_test_docker",
    "up_traefik",
    "up",
    "up_ha",
    "rollout",
    "down",
    "destroy",
)

#: What the deployment needs of a machine beside docker.
COMMANDS = (
    *("cat", "chmod", "dirname", "ln", "mkdir", "openssl", "paste", "rm", "sed", "sh"),
    "sort",
)

NOTING = """#!/bin/sh
echo "$*" >>"$NOTES"
case "$1 $2" in
  "info "*) exit "${ENGINE:-0}" ;;
  "compose version") exit "${PLUGIN:-0}" ;;
esac
"""


class Deployment:
    """A copy of the deployment, and a folder with the commands that it finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = project.copy(folder)
        self.commands = folder / "commands"
        self.commands.mkdir()
        self.notes = folder / "notes"
        self.notes.touch()
        for name in COMMANDS:
            found = shutil.which(name)
            if found is not None:
                (self.commands / name).symlink_to(found)

    def with_docker(self) -> "Deployment":
        docker = self.commands / "docker"
        docker.write_text(NOTING)
        docker.chmod(0o755)
        return self

    def make(self, *words: str, answer: str = "", **more: str):
        command = [shutil.which("make") or "make", "--silent", *words]
        given = {"PATH": str(self.commands), "NOTES": str(self.notes), **more}
        return project.run(command, cwd=self.folder, input=answer, env=given)

    @property
    def calls(self) -> list[str]:
        checks = ("info", "compose version")
        lines = self.notes.read_text().splitlines()
        return [line for line in lines if line not in checks]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A deployment on a machine without Docker."""
    return Deployment(tmp_path)


@pytest.mark.parametrize("target", [*TARGETS, "logs", "ps"])
def test_without_docker_one_sentence_says_so(deployment, target):
    """Nothing else happens."""
    result = deployment.make(target)
    assert result.returncode != 0
    assert result.stdout == (
        "Docker is missing: install Docker Engine or Docker Desktop.\n"
    )
    assert not (deployment.folder / "deploy" / "secrets").exists()


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        ("ENGINE", "Docker does not answer:"),
        ("PLUGIN", "Docker Compose v2 is missing:"),
    ],
)
def test_without_an_engine_or_its_plugin_one_sentence_says_so(
    deployment, lacking, sentence
):
    """Docker is there, and that is not enough."""
    result = deployment.with_docker().make("up", **{lacking: "1"})
    assert result.returncode != 0
    assert result.stdout.startswith(sentence)
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "call", "with_secrets"),
    [
        ("up", f"{ALL} up --detach --build --wait", True),
        ("up_ha", f"{ALL} -f docker-compose.ha.yml up --detach --build --wait", True),
        ("up_traefik", "-f docker-compose.traefik.yml up --detach --wait", True),
        # No volume goes.
        ("down", f"{ALL} down", False),
        ("logs", f"{ALL} logs --follow --tail 100", False),
    ],
)
def test_a_target_calls_compose(deployment, target, call, with_secrets):
    """Secrets are made before anything starts."""
    result = deployment.with_docker().make(target)
    assert result.returncode == 0, result.stderr
    assert deployment.calls == [f"compose {call}"]
    secrets = deployment.folder / "deploy" / "secrets" / "traefik_users"
    assert secrets.exists() is with_secrets


def test_destroy_removes_the_data_after_a_yes(deployment):
    """The question names what goes."""
    result = deployment.with_docker().make("destroy", answer="yes\n")
    assert "every wallet" in result.stdout
    assert deployment.calls == [f"compose {ALL} down --volumes"]


@pytest.mark.parametrize("answer", ["", "\n", "no\n", "y\n"])
def test_destroy_without_a_yes_removes_nothing(deployment, answer):
    """Anything else is a no."""
    result = deployment.with_docker().make("destroy", answer=answer)
    assert "Nothing was removed." in result.stdout
    assert deployment.calls == []


def test_the_tests_are_built_and_run_on_the_base_that_is_named(deployment):
    """Both targets are built, and the tests' image is run and removed."""
    named = deployment.with_docker().make("unit_test_docker", BASE_IMAGE="base:1")
    assert named.returncode == 0, named.stderr
    assert deployment.calls == [
        "build --build-arg BASE_IMAGE=base:1 --target final --tag wallet:local .",
        "build --build-arg BASE_IMAGE=base:1 --target test --tag wallet-test:local .",
        "run --rm --env CI=true wallet-test:local",
    ]


def test_the_tests_need_no_base_to_be_named(deployment):
    """The image has its own default."""
    deployment.with_docker().make("unit_test_docker")
    assert deployment.calls[0] == "build --target final --tag wallet:local ."


def test_every_target_is_in_the_help(deployment):
    """With a line of its own."""
    text = (deployment.folder / "Makefile").read_text()
    told = deployment.make("help", PATH=os.environ["PATH"]).stdout
    for target in TARGETS:
        assert f"\n{target}:" in text
        assert f"  {target}: " in told
