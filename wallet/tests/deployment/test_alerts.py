"""The alerts, as Prometheus' own program for that judges them."""

import json
import shutil

import pytest

from . import project

CONFIGURATION = project.ROOT / "deploy" / "prometheus"
CASES = sorted((project.ROOT / "tests" / "deployment").glob("*.test.yml"))


@pytest.fixture(scope="module")
def promtool(request: pytest.FixtureRequest) -> list[str]:
    """The program that comes with Prometheus: from this machine, or from its image."""
    if shutil.which("promtool"):
        return ["promtool"]
    image = request.getfixturevalue("images")["PROMETHEUS_IMAGE"]
    mounts = [f"--volume={path}:{path}:ro" for path in (CONFIGURATION, *CASES)]
    command = ["docker", "run", "--rm", "--interactive", "--entrypoint=promtool"]
    return [*command, *mounts, image]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        # The secret that it names is there only where Compose mounts it.
        (("config", "--syntax-only", f"{CONFIGURATION}/prometheus.yml"), "is valid"),
        (("rules", f"{CONFIGURATION}/alerts.yml"), "11 rules found"),
    ],
)
def test_prometheus_accepts_its_configuration(promtool, words, said):
    """With all rules."""
    result = project.run([*promtool, "check", *words])
    assert result.returncode == 0, result.stdout + result.stderr
    assert said in result.stdout


def test_prometheus_understands_every_question_of_the_dashboard(promtool):
    """Each as a rule of its own, for the time that a picture of an hour would take."""
    path = project.ROOT / "deploy" / "grafana" / "dashboards" / "wallet.json"
    asked = [
        target["expr"].replace("$__rate_interval", "20s")
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]
    rules = [{"record": f"asked:{n}", "expr": each} for n, each in enumerate(asked)]
    given = json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})
    result = project.run([*promtool, "check", "rules"], input=given)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(asked)} rules found" in result.stdout


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.name)
def test_the_alerts_fire_when_they_should_and_only_then(promtool, cases):
    """Each case tells what was counted, and which alerts follow from it."""
    result = project.run([*promtool, "test", "rules", str(cases)])
    assert result.returncode == 0, result.stdout + result.stderr
