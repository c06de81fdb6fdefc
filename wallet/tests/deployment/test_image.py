"""The image: small, without tools, and the tests are green inside it."""

import faulthandler
import json
import re
import uuid
from typing import Any

import pytest

from . import project

MB = 1_000_000


def test_make_unit_test_docker_is_green(images):
    """The image builds, and the unit and integration tests pass in it."""
    # A whole suite takes longer than one test may.
    faulthandler.cancel_dump_traceback_later()
    mine = uuid.uuid4().hex[:12]
    tags = {"WALLET_IMAGE": f"wallet:{mine}", "TEST_IMAGE": f"wallet-test:{mine}"}
    chosen = {"BASE_IMAGE": images["BASE_IMAGE"], **tags}
    command = ["make", "-C", str(project.ROOT), "unit_test_docker"]
    try:
        result = project.run(command + [f"{n}={value}" for n, value in chosen.items()])
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
        assert re.search(r"=+ \d+ passed.* in ", result.stdout)
        assert not re.search(r"failed|skipped|error", result.stdout.splitlines()[-1])
    finally:
        project.run(["docker", "image", "rm", "--force", *tags.values()])


def test_the_image_adds_at_most_75_mb_to_its_base(image, images):
    """Uncompressed, as the engine counts."""
    added = _inspect(image)["Size"] - _inspect(images["BASE_IMAGE"])["Size"]
    assert 0 < added <= 75 * MB


def test_the_image_runs_as_a_fixed_user(image):
    """Not as root, and with a number that file permissions can rely on."""
    assert _inspect(image)["Config"]["User"] == "10001:10001"
    assert _in(image, "id", "-u").strip() == "10001"


def test_the_image_says_what_it_is(image):
    """By the labels of the Open Container Initiative."""
    labels = _inspect(image)["Config"]["Labels"]
    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.title"] == "wallet"
    assert labels[f"{prefix}.description"]
    shown = _in(image, "wallet", "--version")
    assert labels[f"{prefix}.version"] == shown.split()[-1]


def test_the_image_is_stopped_and_watched_as_it_says(image):
    """By SIGTERM, and with Python."""
    config = _inspect(image)["Config"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python"]


@pytest.mark.parametrize("tool", ["pip", "pip3", "gcc", "cc", "make", "git", "pytest"])
def test_the_image_has_no_tool(image, tool):
    """What only builds or tests is not there."""
    script = f"command -v {tool} || echo none"
    assert _in(image, "sh", "-c", script).strip() == "none"


@pytest.mark.parametrize("module", ["pip", "setuptools", "pytest", "hypothesis"])
def test_the_image_has_no_module_of_a_tool(image, module):
    """Nor can it be imported."""
    script = f"import importlib.util as u; print(u.find_spec('{module}'))"
    assert _in(image, "python", "-c", script).strip() == "None"


def test_the_image_holds_no_tests_secrets_or_caches(image):
    """Only the wallet and what it needs."""
    script = (
        "find / -xdev \\( -path '*/wallet/tests' -o -name conftest.py"
        " -o -path '*/deploy/secrets' -o -path '*/.cache/pip'"
        " -o -name 'requirements*.lock' \\) -not -path '/proc/*' 2>/dev/null || true"
    )
    assert _in(image, "sh", "-c", script) == ""


def test_no_part_of_the_image_can_be_changed(image):
    """Its user owns nothing, and cannot write outside /tmp."""
    script = (
        "find / -xdev -user 10001 -not -path '/proc/*' 2>/dev/null;"
        " touch /opt/wallet/x 2>/dev/null && echo written; true"
    )
    assert _in(image, "sh", "-c", script) == ""


def _inspect(image: str) -> dict[str, Any]:
    (found,) = json.loads(project.run(["docker", "image", "inspect", image]).stdout)
    return found


def _in(image: str, *words: str) -> str:
    command = ["docker", "run", "--rm", "--read-only", "--cap-drop=ALL", image]
    result = project.run([*command, *words])
    assert result.returncode == 0, result.stderr
    return result.stdout
