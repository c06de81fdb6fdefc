"""How the stages follow from one another."""

import ast
import shutil
import subprocess
import sys

import pytest
from stages import ROOT

# What each stage may change in the one before it; everything else is the same file.
CHANGED = {
    2: {"templates/base.html"},
    3: {"server.py", "templates/index.html", "static/style.css"},
    4: {
        "server.py",
        "templates/index.html",
        "templates/_rows.html",
        "static/style.css",
    },
    5: {"server.py", "templates/index.html", "static/style.css"},
}
ADDED = {
    2: {"static/style.css", "static/logo.svg", "static/profile.svg"},
    3: set(),
    4: set(),
    5: {"static/balances.js"},
}
HEADINGS = ["What this stage adds", "Run it", "Try it", "Not yet"]


def files(stage):
    """Return a stage's files, README left out, as lines by path."""
    folder = ROOT / f"stage-{stage}"
    made = {"instance", "__pycache__"}
    return {
        path.relative_to(folder).as_posix(): path.read_text().splitlines()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "README.md" and not made & {*path.parts}
    }


@pytest.mark.parametrize("stage", CHANGED)
def test_a_stage_changes_no_file_but_those_of_its_feature(stage):
    """A drive-by change would hide the feature's own."""
    before, after = files(stage - 1), files(stage)

    assert after.keys() - before.keys() == ADDED[stage]
    assert before.keys() - after.keys() == set()
    assert {name for name in before if before[name] != after[name]} == CHANGED[stage]


@pytest.mark.skipif(shutil.which("git") is None, reason="git counts the lines")
@pytest.mark.parametrize("stage", CHANGED)
def test_a_stage_adds_and_hardly_deletes(stage, tmp_path):
    """Deletions stay at or below a twentieth of the insertions."""
    for number in (stage - 1, stage):
        for name, lines in files(number).items():
            path = tmp_path / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
    command = ["git", "diff", "--no-index", "--numstat", str(stage - 1), str(stage)]
    counted = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    rows = [line.split("\t") for line in counted.stdout.splitlines()]
    inserted = sum(int(row[0]) for row in rows)
    deleted = sum(int(row[1]) for row in rows)

    assert counted.returncode == 1
    assert inserted > 40
    assert deleted * 20 <= inserted


@pytest.mark.parametrize("stage", range(1, 6))
def test_a_program_stays_small(stage):
    """At most 230 lines that are not blank, and no function above fifteen."""
    source = (ROOT / f"stage-{stage}" / "server.py").read_text()
    functions = [
        n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)
    ]
    lengths = {f.name: f.end_lineno - f.lineno + 1 for f in functions}

    assert sum(1 for line in source.splitlines() if line.strip()) <= 230
    assert {name: n for name, n in lengths.items() if n > 15} == {}


@pytest.mark.parametrize("stage", range(1, 6))
def test_a_program_imports_nothing_of_the_repository(stage):
    """Its folder and the installed packages are all that it needs."""
    source = (ROOT / f"stage-{stage}" / "server.py").read_text()
    tree = ast.parse(source)
    modules = {n.module.split(".")[0] for n in ast.walk(tree) if hasattr(n, "module")}
    modules |= {
        name.name
        for n in ast.walk(tree)
        if isinstance(n, ast.Import)
        for name in n.names
    }

    assert modules - sys.stdlib_module_names <= {"flask", "requests", "xstatic"}


@pytest.mark.parametrize("stage", range(1, 6))
def test_no_file_but_the_readme_names_its_stage(stage):
    """A number inside would change with every step."""
    for name, lines in files(stage).items():
        assert "stage" not in "\n".join(lines).lower(), name


@pytest.mark.parametrize("stage", range(1, 6))
def test_every_readme_has_the_same_headings(stage):
    """The five read alike, and each fits on a screen."""
    lines = (ROOT / f"stage-{stage}" / "README.md").read_text().splitlines()

    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= 30


def test_the_published_steps_are_fresh():
    """``make steps`` writes them; a stale page would show code that is not there."""
    command = [sys.executable, "docs/steps.py"]
    fresh = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (ROOT / "docs" / "steps.md").read_text() == fresh.stdout
