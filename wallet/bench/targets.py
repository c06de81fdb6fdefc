"""The targets: ratios within one round, so that the machine's own speed cancels out."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Final

from . import cases
from .cases import SERVERS, TITLES, Case
from .results import Result


@dataclass(frozen=True, slots=True)
class Spread:
    """A median over the rounds, with the least and the most."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio that is to be reached.

    :param needs: the names of the cases from which ``reckon`` takes it, in order.
    :param at_least: the ratio is to be so large; if not, so small.
    """

    title: str
    needs: tuple[str, ...]
    reckon: Callable[..., float]
    limit: float
    at_least: bool = True
    unit: str = ""

    def spread(self, rounds: Sequence[Mapping[str, Result]]) -> Spread | None:
        """Reckon it in each round that has all it needs."""
        return spread(
            self.reckon(*(each[name] for name in self.needs))
            for each in rounds
            if all(name in each for name in self.needs)
        )

    def is_met(self, ratio: Spread) -> bool:
        """Tell whether the median reaches the limit."""
        if self.at_least:
            return ratio.median >= self.limit
        return ratio.median <= self.limit

    @property
    def bound(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"


def spread(values: Iterator[float] | Sequence[float]) -> Spread | None:
    """Take the median, the least and the most, if there is any value."""
    each = list(values)
    return Spread(median(each), min(each), max(each)) if each else None


def quotient(above: Result, below: Result) -> float:
    """Compare two rates."""
    return _over(above.values["rate"], below.values["rate"])


def tail(result: Result) -> float:
    """Compare the slowest requests with those in the middle."""
    return _over(result.values["p99_ms"], result.values["p50_ms"])


def tails(above: Result, below: Result) -> float:
    """Compare how far the slowest requests are from those in the middle."""
    return _over(tail(above), tail(below))


def largest(memory: Result) -> float:
    """Take what the largest worker holds in the end, in MB."""
    return memory.values["rss_mb"]


def growth(memory: Result) -> float:
    """Compare what workers hold at the end with what they held after a quarter."""
    return _over(memory.values["rss_mb"], memory.values["rss_quarter_mb"])


def _over(above: float, below: float) -> float:
    # A machine that stood still for a moment must not cost the whole run.
    return above / below if below else math.inf


_PG, _PG_1, _LITE = "postgresql-2", "postgresql-1", "sqlite-1"
#: The load above, the load below, and the least ratio of their rates on each server.
_RATES: Final = (
    ("deposits", "post", {_PG: 0.4, _LITE: 0.42}),
    ("deposits", "tpcb", {_PG: 1.5}),
    ("hot", "deposits", {_PG: 0.75, _PG_1: 0.9}),
    ("hot", "tpcb-hot", {_PG: 3}),
    ("transfers", "deposits", {_PG: 0.8, _LITE: 0.8}),
    ("keyed", "deposits", {_PG: 0.85, _LITE: 0.85}),
    ("balance", "get", {_PG: 0.45, _LITE: 0.45}),
    ("batches", "deposits", {_PG: 9, _LITE: 9}),
)
#: How many times the rate of a plain wallet.
_INSTEAD: Final = {"deposits": 2.5, "hot": 5}


def _case(load: str, on: str) -> str:
    if load in cases.PGBENCH:
        return str(Case(load, "postgresql", cases.PGBENCH_CONNECTIONS))
    if load == "batches":
        return str(Case(load, on, cases.BATCH_CONNECTIONS))
    return str(
        Case(load, f"bare-{SERVERS[on].workers}" if load in cases.BARE_LOADS else on)
    )


def _targets() -> Iterator[Target]:
    for above, below, limits in _RATES:
        for on, limit in limits.items():
            title = f"{TITLES[above]} ÷ {TITLES[below]}, {SERVERS[on].title}"
            yield Target(title, (_case(above, on), _case(below, on)), quotient, limit)
    for on, (load, limit) in product(cases.MAIN, _INSTEAD.items()):
        case = Case(load, on)
        title = f"{TITLES[load]} ÷ the same of a plain wallet, {SERVERS[on].title}"
        yield Target(title, (str(case), str(case.instead)), quotient, limit)
    for on, load in product(cases.MAIN, ("balance", "history")):
        title = f"p99 ÷ p50, {TITLES[load]}, {SERVERS[on].title}"
        yield Target(title, (_case(load, on),), tail, 5, at_least=False)
    for on in cases.MAIN:
        server, memory = SERVERS[on].title, (f"memory {on}",)
        title = f"p99 ÷ p50 of deposits ÷ the same of bare Flask, {server}"
        both = (_case("deposits", on), _case("post", on))
        yield Target(title, both, tails, 2, at_least=False)
        yield Target(
            f"memory of a worker, {server}", memory, largest, 120, False, " MB"
        )
        title = f"memory after a minute ÷ after a quarter of it, {server}"
        yield Target(title, memory, growth, 1.05, at_least=False)
        for what, (loads, (least, *_, most)) in cases.GROWTH.items():
            for load in loads:
                title = f"{TITLES[load]}: {most:,} {what} ÷ {least:,}, {server}"
                sizes = (Case(load, f"{on}:{size}-{what}") for size in (most, least))
                needs = tuple(map(str, sizes))
                yield Target(title, needs, quotient, 0.9)


TARGETS: Final = tuple(_targets())
