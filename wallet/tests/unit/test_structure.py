"""The shape of the code, held by tests."""

import ast
import re
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "wallet"
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_fits_on_a_few_screens(path):
    """No module has more than 250 lines, and no function more than 40."""
    text = path.read_text()
    assert len(text.splitlines()) <= 250
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 40
    ]
    assert long == []


def test_importing_the_package_opens_nothing():
    """The package itself imports neither the framework nor the database."""
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert {node.module for node in top} <= {"collections.abc", "typing"}


def floors():
    """Read the drawing from the ground up: the rooms of each floor."""
    document = (SOURCE.parents[1] / "docs" / "architecture.md").read_text()
    drawing = document.split("```")[1].strip().splitlines()
    return [re.split(r"  +", line)[0].split(" · ") for line in reversed(drawing)]


def test_the_drawing_has_every_room():
    """A room that is added gets its floor."""
    rooms = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in MODULES}
    drawn = [room for rooms in floors() for room in rooms]
    assert sorted(drawn) == sorted(rooms - {"__init__", "__main__"})


def test_nothing_looks_up():
    """A room imports from the floors below it, and the rules from nowhere else."""
    floor_of = {room: n for n, rooms in enumerate(floors()) for room in rooms}
    wrong = []
    for path in MODULES:
        here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if here.startswith("__"):
            continue
        for there in _imported_rooms(path):
            if here == "ledger" and there is None:
                wrong.append((path.name, "a framework"))
            elif there not in (None, here) and floor_of[there] >= floor_of[here]:
                wrong.append((f"{here}/{path.name}", there))
    assert wrong == []


def _imported_rooms(path):
    """Yield the room of each import, ``None`` for a package that others made."""
    package = ".".join(("wallet", *path.relative_to(SOURCE).parts[:-1]))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: -node.level + 1 or None] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *inside = name.split(".")
            if top != "wallet":
                if top not in sys.stdlib_module_names:
                    yield None
            elif inside and not inside[0].startswith("_") and inside[0] != "create_app":
                yield inside[0]
