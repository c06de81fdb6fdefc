"""The shape of the code, held by tests."""

import ast
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
