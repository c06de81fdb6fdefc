"""The targets: ratios within one run, and how each is reckoned."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .cases import Case
from .results import Result

Round = Mapping[str, Result]
Reckon = Callable[..., float]


@dataclass(frozen=True, slots=True)
class Spread:
    """A median over the rounds, with the least and the most."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """What is compared with what.

    :param needs: the cases from which it is reckoned, in the order of ``reckon``.
    """

    title: str
    needs: tuple[str, ...]
    reckon: Reckon

    def spread(self, rounds: Sequence[Round]) -> Spread | None:
        """Reckon it in each round that has all it needs."""
        found = [
            self.reckon(*(each[name] for name in self.needs))
            for each in rounds
            if all(name in each for name in self.needs)
        ]
        return spread(found) if found else None


@dataclass(frozen=True, slots=True)
class Target(Ratio):
    """A ratio that is to be reached.

    :param at_least: the ratio is to be so large; if not, so small.
    """

    limit: float
    at_least: bool = True
    unit: str = ""

    def met(self, found: Spread) -> bool:
        """Tell whether the median reaches it."""
        compare = operator.ge if self.at_least else operator.le
        return bool(compare(found.median, self.limit))

    @property
    def bound(self) -> str:
        """Write down what is to be reached."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"


def spread(values: Sequence[float]) -> Spread:
    """Take the median, the least and the most."""
    return Spread(median(values), min(values), max(values))


def quotient(above: Result, below: Result) -> float:
    """Compare two rates."""
    return _over(above.values["rate"], below.values["rate"])


def tails(above: Result, below: Result) -> float:
    """Compare how far the slowest requests are from those in the middle."""
    return _over(_tail(above), _tail(below))


def alone(one: Result, commit: Result, bare: Result) -> float:
    """Compare the time of a lone request with that of the two things it must do."""
    taken, *least = (_over(1, each.values["rate"]) for each in (one, commit, bare))
    return _over(taken, sum(least))


def largest(memory: Result) -> float:
    """Take what the largest worker holds in the end."""
    return memory.values["rss_mb"]


def grown(memory: Result) -> float:
    """Compare what workers hold at the end with what they held after a quarter."""
    return _over(memory.values["rss_mb"], memory.values["rss_quarter_mb"])


def _tail(result: Result) -> float:
    return _over(result.values["p99_ms"], result.values["p50_ms"])


def _over(above: float, below: float) -> float:
    # A machine that stood still for a moment must not cost the whole run.
    return above / below if below else math.inf


def _name(load: str, on: str, connections: int = 64) -> str:
    return str(Case(load, on, connections))


def _shown(on: str) -> str:
    return {
        "postgresql-2": "PostgreSQL, two workers",
        "postgresql-1": "PostgreSQL, one worker",
        "sqlite-1": "SQLite, one worker",
    }[on]


def _against_limits() -> list[Target]:
    deposits, hot = _name("deposits", "postgresql-2"), _name("hot", "postgresql-2")
    bare, tpcb = _name("post", "bare-2"), _name("tpcb", "postgresql", 32)
    tpcb_hot = _name("tpcb-hot", "postgresql", 32)
    one = (_name("hot", "postgresql-1"), _name("deposits", "postgresql-1"))
    lite = (_name("deposits", "sqlite-1"), _name("post", "bare-1"))
    return [
        Target(
            "deposits ÷ bare Flask POST, PostgreSQL, two workers",
            (deposits, bare),
            quotient,
            0.5,
        ),
        Target(
            "deposits ÷ pgbench TPC-B, scale 10, two workers",
            (deposits, tpcb),
            quotient,
            1.5,
        ),
        Target(
            "one hot wallet ÷ deposits, PostgreSQL, two workers",
            (hot, deposits),
            quotient,
            0.75,
        ),
        Target("one hot wallet ÷ deposits, PostgreSQL, one worker", one, quotient, 0.9),
        Target(
            "one hot wallet ÷ pgbench TPC-B, scale 1, two workers",
            (hot, tpcb_hot),
            quotient,
            3,
        ),
        Target("deposits ÷ bare Flask POST, SQLite, one worker", lite, quotient, 0.45),
    ]


def _on_each(on: str, bare: str, engine: str) -> list[Target]:
    deposits, shown = _name("deposits", on), _shown(on)
    batches = _name("batches", on, 4)
    lone = (
        _name("deposits", on, 1),
        _name("commit", engine, 1),
        _name("post", bare, 1),
    )
    memory = (f"memory {on}",)
    return [
        Target(
            f"transfers ÷ deposits, {shown}",
            (_name("transfers", on), deposits),
            quotient,
            0.8,
        ),
        Target(
            f"with an idempotency key ÷ without, {shown}",
            (_name("keyed", on), deposits),
            quotient,
            0.85,
        ),
        Target(
            f"balance read ÷ bare Flask GET, {shown}",
            (_name("balance", on), _name("get", bare)),
            quotient,
            0.65,
        ),
        Target(
            f"operations in batches of 1,000 ÷ single deposits, {shown}",
            (batches, deposits),
            quotient,
            10,
        ),
        Target(
            f"operations in batches of 1,000 ÷ the loop in-process, {shown}",
            (batches, _name("bulk", engine, 1)),
            quotient,
            0.5,
        ),
        Target(
            f"p99 ÷ p50 of deposits ÷ the same of bare Flask, {shown}",
            (deposits, _name("post", bare)),
            tails,
            2,
            at_least=False,
        ),
        Target(
            f"time on one connection ÷ a commit and a bare request, {shown}",
            lone,
            alone,
            2,
            at_least=False,
        ),
        Target(f"memory of a worker, {shown}", memory, largest, 120, False, unit=" MB"),
        Target(
            f"memory after a minute ÷ after a quarter of it, {shown}",
            memory,
            grown,
            1.05,
            at_least=False,
        ),
    ]


def _floors(on: str, bare: str) -> list[Ratio]:
    handed, row = _name("handed", bare), _name("row", bare)
    pairs = {
        "bare Flask POST, handed to a thread and back ÷ bare Flask POST": (
            handed,
            _name("post", bare),
        ),
        "deposits ÷ bare Flask POST, handed to a thread and back": (
            _name("deposits", on),
            handed,
        ),
        "bare Flask GET that looks up a wallet ÷ bare Flask GET": (
            row,
            _name("get", bare),
        ),
        "balance read ÷ bare Flask GET that looks up a wallet": (
            _name("balance", on),
            row,
        ),
    }
    return [
        Ratio(f"{title}, {_shown(on)}", needs, quotient)
        for title, needs in pairs.items()
    ]


#: What grows, what is measured of it, and to what sizes.
GROWTH: Final = {
    "entries": (("hot", "balance", "pages"), (1_000, 100_000, 1_000_000)),
    "wallets": (("deposits", "balance"), (1_000, 1_000_000)),
}


def _of_growth(on: str) -> list[Target]:
    return [
        Target(
            f"{load}: {most:,} {grown} ÷ {least:,}, {_shown(on)}",
            (_name(load, f"{on}:{most}-{grown}"), _name(load, f"{on}:{least}-{grown}")),
            quotient,
            0.9,
        )
        for grown, (loads, (least, *_, most)) in GROWTH.items()
        for load in loads
    ]


_BOTH: Final = (
    ("postgresql-2", "bare-2", "postgresql"),
    ("sqlite-1", "bare-1", "sqlite"),
)
TARGETS: Final = (
    *_against_limits(),
    *(target for names in _BOTH for target in _on_each(*names)),
    *(target for on, *_ in _BOTH for target in _of_growth(on)),
)
#: What bare Flask keeps when it does one more thing, and the wallet beside that.
FLOORS: Final = tuple(floor for on, bare, _ in _BOTH for floor in _floors(on, bare))
