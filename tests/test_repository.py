"""What a newcomer finds in and around the stages."""

import ast
import re
import struct
import subprocess
import sys

import pytest
from stages import ROOT

STAGES = range(1, 6)
LINES_MAX = {1: 26, 2: 26, 3: 108, 4: 151, 5: 168}
HEADINGS = ["What this stage adds", "Run it", "Try it", "Not yet"]
PACKAGES = {"flask", "requests", "werkzeug", "xstatic"}

README = (ROOT / "README.md").read_text()


def test_the_readme_starts_with_two_commands():
    """One runs the page, one passes the tests."""
    [first] = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[:1]

    assert [line.split("#")[0].strip() for line in first.splitlines()] == [
        "make run",
        "make test",
    ]


def test_every_link_of_the_readme_leads_somewhere():
    """Pictures, folders and pages are in the repository."""
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", README)
    paths = {first or second for first, second in links}

    assert len(paths) >= 12
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_the_readme_shows_each_stage(stage):
    """A line and a screenshot, as wide as a desk's screen."""
    picture = ROOT / "docs" / "screenshots" / f"stage-{stage}.png"
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])

    assert f"[{stage}](stage-{stage})" in README
    assert picture.name in README
    assert (width, height >= 800) == (1280, True)


def test_make_targets_that_the_readme_names_are_there():
    """A command that does not exist is worse than none."""
    named = set(re.findall(r"make ([a-z_]+)", README))
    makefile = (ROOT / "Makefile").read_text()
    [passed_on] = re.findall(r"^WALLET := (.*)$", makefile, re.MULTILINE)
    targets = {*re.findall(r"^([a-z_]+):", makefile, re.MULTILINE), *passed_on.split()}

    assert {"run", "test", "diff", "wallet", "up"} <= named
    assert named - targets == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_has_both_bounds(name):
    """A lower one that was tested and an upper one at the next breaking release."""
    lines = (ROOT / name).read_text().splitlines()
    packages = [line for line in lines if line and line[0] not in "#-"]

    assert len(packages) >= 2
    assert [p for p in packages if not re.fullmatch(r"\S+>=[\d.]+,<[\d.]+", p)] == []


def test_every_package_of_an_installation_has_one_version():
    """What is released tomorrow changes nothing until ``make lock`` is run."""
    constraints = (ROOT / "constraints.txt").read_text().splitlines()

    assert len(constraints) >= 30
    assert [c for c in constraints if not re.match(r"\S+==[\w.]+( ;|$)", c)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_each_list_is_held_by_the_constraints(name):
    """So it is without make, too."""
    assert (ROOT / name).read_text().startswith("-c constraints.txt\n")


def test_no_secret_and_no_copy_of_jquery_is_in_the_repository():
    """Secrets are made at run time, and jQuery comes by package."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    stages = [path for path in ROOT.glob("stage-*/**/*") if path.is_file()]

    assert "instance/" in ignored
    assert [p for p in stages if "jquery" in p.name.lower()] == []


def code_lines(path):
    return [line for line in path.read_text().splitlines() if line.strip()]


def program(stage):
    return ROOT / f"stage-{stage}" / "server.py"


@pytest.mark.parametrize("stage", STAGES)
def test_a_program_stays_small(stage):
    """Whoever adds to it finds something to take away."""
    assert len(code_lines(program(stage))) <= LINES_MAX[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_function_fits_into_fifteen_lines(stage):
    """One that does not does two things."""
    tree = ast.parse(program(stage).read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    long = [f.name for f in functions if f.end_lineno - f.lineno >= 15]

    assert functions != []
    assert long == []


def test_the_script_stays_small():
    """It shows what the server says, and decides nothing."""
    assert len(code_lines(ROOT / "stage-5" / "static" / "balances.js")) <= 45


@pytest.mark.parametrize("stage", STAGES)
def test_a_program_imports_nothing_of_the_repository(stage):
    """Its folder and the installed packages are all that it needs."""
    imports = re.findall(r"^(?:from|import) (\w+)", program(stage).read_text(), re.M)

    assert set(imports) - sys.stdlib_module_names <= PACKAGES


@pytest.mark.parametrize("stage", STAGES)
def test_every_stages_readme_has_the_same_headings(stage):
    """The five read alike, and each fits on a screen."""
    lines = (ROOT / f"stage-{stage}" / "README.md").read_text().splitlines()

    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= 30


def test_make_diff_shows_a_step():
    """And ends well, though there are differences."""
    command = ["make", "--silent", "diff", "STAGE=4"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "+import requests" in shown.stdout.splitlines()
    assert "/instance/" not in shown.stdout
