"""The locks name everything, so no new release can change an installation."""

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^(\S+)==\S+ ", re.MULTILINE)


def locked(name):
    """The packages of a lock, each with its extras."""
    pins = map(Requirement, PIN.findall((ROOT / name).read_text()))
    return {canonical(pin.name): pin.extras for pin in pins}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_package_is_locked_with_the_extras_that_others_ask_for(name):
    """Without them the pip of Python 3.11 takes the newest release, and refuses it."""
    pins = locked(name)
    asked = {
        (canonical(wanted.name), extra)
        for package in distributions()
        if canonical(package.name) in pins or package.name == "wallet"
        for wanted in map(Requirement, package.requires or [])
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        for extra in wanted.extras
    }
    assert ("psycopg", "binary") in asked
    assert [each for each in asked if each[1] not in pins[each[0]]] == []
