"""The image: small, and without tools."""

import json
from typing import Any

import pytest

from . import project

MB = 1_000_000
TOOLS = ("pip", "pip3", "gcc", "cc", "make", "git", "pytest")
MODULES = ("pip", "setuptools", "pytest", "hypothesis")

#: Run inside, once for all, because each container takes a second.
LOOK = """
import importlib.util, json, os, shutil, subprocess, sys
def said(*words):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.run(words, text=True, **pipes).stdout
def can_write(path):
    try:
        open(path, "x")
    except OSError:
        return False
    return True
names = sys.argv[1:]
find = ("find", "/", "-xdev", "-not", "-path", "/proc/*")
unwanted = (
    *("(", "-path", "*/wallet/tests", "-o", "-name", "conftest.py"),
    *("-o", "-path", "*/deploy/secrets", "-o", "-path", "*/.cache/pip"),
    *("-o", "-name", "requirements*.lock", ")"),
)
print(json.dumps({
    "user": os.getuid(),
    "version": said("wallet", "--version"),
    "tools": [each for each in (*names, "python") if shutil.which(each)],
    "modules": [each for each in (*names, "wallet") if importlib.util.find_spec(each)],
    "left": said(*find, *unwanted),
    "own": said(*find, "-user", "10001"),
    "written": can_write("/opt/wallet/x"),
}))
"""


def test_the_image_adds_at_most_75_mb_to_its_base(image, images):
    """Uncompressed, as the engine counts."""
    added = _inspect(image)["Size"] - _inspect(images["BASE_IMAGE"])["Size"]
    assert 0 < added <= 75 * MB


@pytest.fixture(scope="module")
def inside(image: str) -> dict[str, Any]:
    """What a container of the image finds in itself."""
    command = ["docker", "run", "--rm", "--read-only", "--cap-drop=ALL", image]
    look = project.run([*command, "python", "-c", LOOK, *TOOLS, *MODULES])
    assert look.returncode == 0, look.stderr
    return json.loads(look.stdout)


def test_the_image_runs_as_a_fixed_user(image, inside):
    """Not as root, and with a number that file permissions can rely on."""
    assert _inspect(image)["Config"]["User"] == "10001:10001"
    assert inside["user"] == 10001


def test_the_image_says_what_it_is(image, inside):
    """By the labels of the Open Container Initiative."""
    labels = _inspect(image)["Config"]["Labels"]
    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.title"] == "wallet"
    assert labels[f"{prefix}.description"]
    assert labels[f"{prefix}.version"] == inside["version"].split()[-1]


def test_the_image_is_stopped_and_watched_as_it_says(image):
    """By SIGTERM, and with Python."""
    config = _inspect(image)["Config"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python"]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_image_has_no_tool(inside, tool):
    """What only builds or tests is not there."""
    assert tool not in inside["tools"]
    assert "python" in inside["tools"]


@pytest.mark.parametrize("module", MODULES)
def test_the_image_has_no_module_of_a_tool(inside, module):
    """Nor can it be imported."""
    assert module not in inside["modules"]
    assert "wallet" in inside["modules"]


def test_the_image_holds_no_tests_secrets_or_caches(inside):
    """Only the wallet and what it needs."""
    assert inside["left"] == ""


def test_no_part_of_the_image_can_be_changed(inside):
    """Its user owns nothing, and cannot write outside /tmp."""
    assert inside["own"] == ""
    assert inside["written"] is False


def _inspect(image: str) -> dict[str, Any]:
    (found,) = json.loads(project.run(["docker", "image", "inspect", image]).stdout)
    return found
