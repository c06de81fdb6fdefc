"""What a newcomer finds around the stages."""

import re
import struct

import pytest
from stages import ROOT

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


@pytest.mark.parametrize("stage", range(1, 6))
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

    assert len(packages) >= 3
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
