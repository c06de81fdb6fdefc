"""What is hostile to a pattern takes no longer than its length.

A search that begins anew at every character of such a text, and looks to its end, would
take minutes for 128 KiB and hours for 1 MiB. The bound tells that from any machine.
"""

import pkgutil
import re
import signal
from contextlib import contextmanager
from functools import partial
from importlib import import_module

import pytest

import wallet
from wallet.imports.cells import Line, Unreadable
from wallet.imports.sides import find_side
from wallet.imports.statement import read_statement
from wallet.ledger.money import AmountError
from wallet.pages.forms import read_typed
from wallet.web.body import LARGEST_BODY
from wallet.web.fields import (
    Amount,
    Floor,
    WalletId,
    check,
    read_idempotency_key,
    read_if_match,
)
from wallet.web.problems import Problem

#: Of the processor; what is tested here takes a second at most.
BOUND_S = 20


@contextmanager
def bound():
    """End what takes longer."""

    def end(*_about):
        raise TimeoutError(f"It takes more than {BOUND_S} s of the processor.")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, BOUND_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def patterns():
    """Every pattern that a module of the wallet keeps, by its name."""
    for module in pkgutil.walk_packages(wallet.__path__, "wallet."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        for name, kept in vars(import_module(module.name)).items():
            each = kept.values() if isinstance(kept, dict) else [kept]
            for pattern in each:
                if isinstance(pattern, re.Pattern):
                    yield f"{module.name}.{name}", pattern


PATTERNS = {pattern: name for name, pattern in patterns()}
UNITS = (
    *("(", "(a", "a", "1", ".", "a.", "1.", ":", "[", ";", '"', "\\", "w_"),
    *(" ", "\t", "\n", "\r", "\u2028", ", ", " '", "1,000", "1 000", "zar "),
    *("T1:00", " 1:00:00.1", ".0000000a", "total ", "w_" + "0" * 32 + ".1"),
    *(" - at `$", "contains unknown field `", "\ud800"),
)


@pytest.mark.parametrize("pattern", PATTERNS, ids=list(PATTERNS.values()))
def test_no_pattern_looks_to_the_end_from_everywhere(pattern):
    """Whether it is to fit all of a text or whatever is in it."""
    with bound():
        for unit in UNITS:
            text = unit * (2**17 // len(unit)) + "x\n!"
            pattern.fullmatch(text)
            pattern.sub("", text)


HEAD = "Date,Amount,Note\n"
MOVED = "2026-01-01,1,x\n"
#: What stands before and after what is repeated until the file is full, and what the
#: file is refused for, if it is not read.
FILES = {
    "open brackets": ("", "(", f"\n{HEAD}{MOVED}", None),
    "columns": ("Date,Amount", ",(", f"\n{MOVED}", "has more than 200 columns"),
    "seconds": (f"{HEAD}T1:00:00.", "1", "x,1,x\n", None),
    "blanks": (f"{HEAD}2026-01-01,1,x", " \t", "x\n", None),
    "digits": (f"{HEAD}2026-01-01,", "1", ",x\n", None),
    "lines": (HEAD, "some words\n", MOVED, "has more than 10000 lines"),
}


@pytest.mark.parametrize("parts", FILES.values(), ids=FILES)
def test_a_hostile_statement_is_read_or_refused_at_once(parts):
    """Of the largest size that is taken."""
    before, unit, after, fault = parts
    room = LARGEST_BODY - len(before) - len(after)
    text = before + unit * (room // len(unit)) + after
    with bound():
        if fault is None:
            statement = read_statement(text.encode(), "ZAR")
            assert len(statement.rows) + len(statement.refused) == 1
        else:
            with pytest.raises(Unreadable, match=fault):
                read_statement(text.encode(), "ZAR")


def test_to_find_the_side_takes_no_longer_than_the_lines_have_cells():
    """However many columns are named above them."""
    head = Line(1, ["Date", "Amount"] + ["x"] * 200_000)
    dated = [Line(n, ["2026-01-01", "1", "x"]) for n in range(20_000)]
    with bound():
        assert find_side(head, dated, {"date": 0, "amount": 1}) == {}


READERS = (
    read_idempotency_key,
    read_if_match,
    *(partial(check, kind=kind, field="x") for kind in (WalletId, Amount, Floor)),
    *(partial(read_typed, currency=currency) for currency in ("ZAR", "BTC")),
)


@pytest.mark.parametrize("unit", UNITS[:-1])
def test_a_hostile_field_is_refused_at_once(unit):
    """A header, a parameter, a member or what was typed."""
    text = unit * (LARGEST_BODY // len(unit)) + "!"
    with bound():
        for read in READERS:
            with pytest.raises((Problem, AmountError)):
                read(text)
