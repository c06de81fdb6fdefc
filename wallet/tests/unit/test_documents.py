"""The documents say what the code does."""

import re
from pathlib import Path
from pkgutil import resolve_name

from wallet.cli import main
from wallet.config import SETTINGS, Secret

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
INVARIANTS = (ROOT / "docs/invariants.md").read_text()


def test_every_setting_is_documented():
    """Name, default, meaning and secrecy, in the order of the code."""
    rows = re.findall(r"^\| `WALLET_(\w+)`( \*)? \| (.*?)\s*\| (.+) \|$", README, re.M)
    told = [
        (name, star, default.strip("`"), meaning)
        for name, star, default, meaning in rows
    ]
    assert told == [
        (
            name,
            " *" if isinstance(setting, Secret) else "",
            setting.default,
            setting.meaning,
        )
        for name, setting in SETTINGS.items()
    ]


#: The rows of the table, below its two lines of head.
ROWS = len(re.findall(r"^\|", INVARIANTS, re.M)) - 2


def test_every_invariant_names_a_test_that_exists():
    """A renamed test is renamed in the table too."""
    named = re.findall(r"`(test_\w+)` \|$", INVARIANTS, re.M)
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    missing = [
        name
        for name in named
        if not any(f"def {name}(" in source for source in sources)
    ]
    assert (missing, len(named)) == ([], ROWS)


def test_every_invariant_names_guards_that_exist():
    """What was renamed or moved is renamed in the table too."""
    rows = re.findall(r"^\| [^|`]+ \| ([^|]*`[^|]*) \|", INVARIANTS, re.M)
    named = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]
    assert len(rows) == ROWS
    for name in named:
        assert resolve_name(f"wallet.{name}"), name


def test_every_command_is_documented():
    """The table of commands has them all."""
    documented = set(re.findall(r"^\| `wallet (\w+)", README, re.M))
    assert documented == set(main.commands)
