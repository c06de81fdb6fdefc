"""A wallet's balance over a range of time: its chart, and what is said about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ..clock import now_us
from ..history.periods import Step, split, split_coarsely
from ..history.series import Point, end_of, read_series
from ..ledger.outcomes import WalletState
from ..web.problems import malformed
from ..web.service import current_service
from .chart import Chart, Panel, Value, draw_chart, draw_panel
from .wording import COLUMNS, local_time, minute, money

RANGES: Final = ("day", "month", "year", "all")

#: For the whole history the finest step is taken that makes no more points than this.
_MOST_POINTS: Final = 366
_HOUR_US: Final = 60 * 60 * 1_000_000
_DAY_US: Final = 24 * _HOUR_US
#: With the period that has just begun: 24 hours, 31 days, 53 weeks.
_STEPS: Final = {
    "day": (Step.HOUR, 23 * _HOUR_US),
    "month": (Step.DAY, 30 * _DAY_US),
    "year": (Step.WEEK, 52 * 7 * _DAY_US),
}
_HEIGHT, _LOWER_HEIGHT = 180, 90


@dataclass(frozen=True)
class BalanceOverTime:
    """The points of a wallet's chart."""

    range: str
    step: Step
    currency: str
    points: list[Point]

    @cached_property
    def chart(self) -> Chart:
        """The balance, and below it the value if one is known at all."""
        starts = [local_time(point.from_us) for point in self.points]
        balances = [
            Value(p.opening_minor, p.closing_minor, p.low_minor, p.high_minor)
            for p in self.points
        ]
        panels = [draw_panel(self.currency, balances, _HEIGHT, 5)]
        if self.value_currency:
            values = [_value(point) for point in self.points]
            panels.append(draw_panel(self.value_currency, values, _LOWER_HEIGHT, 3))
        return draw_chart(starts, panels)

    @property
    def one(self) -> str:
        """Name one step."""
        return f"{'an' if self.step is Step.HOUR else 'a'} {self.step}"

    @property
    def from_(self) -> str:
        """Tell when the first point starts."""
        return self.when(self.points[0].from_us)

    @property
    def to(self) -> str:
        """Tell the last moment of the last point."""
        return self.when(self.points[-1].to_us - 1)

    @property
    def value_currency(self) -> str | None:
        """What the balance was worth something in, at any of the points."""
        quotes = (point.quote for point in self.points)
        return next((quote.currency for quote in quotes if quote), None)

    @property
    def gaps(self) -> bool:
        """Whether some points have a value and others none."""
        return bool(self.value_currency) and not all(p.quote for p in self.points)

    @property
    def sentences(self) -> list[str]:
        """What is said below the chart."""
        panel = self.chart.panels[0]
        (low, low_at), (high, high_at) = self.extremes(panel)
        said = [
            f"Lowest {money(low, self.currency)} ({low_at}),"
            f" highest {money(high, self.currency)} ({high_at})."
        ]
        if panel.spread:
            said.append(f"Thin upright lines tell what was held within {self.one}.")
        if self.gaps:
            said.append("The value has gaps, shaded, where no price was known.")
        elif self.currency in COLUMNS and not self.value_currency:
            said.append("No bitcoin price was known then, so no value is drawn.")
        return said

    def when(self, at_us: int) -> str:
        """Write a time as finely as the steps are."""
        return minute(at_us) if self.step is Step.HOUR else minute(at_us)[:10]

    def extremes(self, panel: Panel) -> tuple[tuple[int, str], tuple[int, str]]:
        """Tell the lowest and the highest value, and in which step each came first."""
        known = [
            (value, self.when(point.from_us))
            for value, point in zip(panel.values, self.points, strict=True)
            if value is not None
        ]
        low, low_at = min(known, key=lambda each: each[0].low)
        high, high_at = max(known, key=lambda each: each[0].high)
        return (low.low, low_at), (high.high, high_at)


def take_range(query: dict[str, list[str]]) -> str | None:
    """Take the range that is asked for out of a query.

    :raises Problem: it is given twice, or there is no such range.
    """
    given = query.pop("range", None)
    if given is None:
        return None
    if len(given) != 1 or given[0] not in RANGES:
        raise malformed("range", f"must be one of {', '.join(RANGES)}")
    return given[0]


def over_time(wallet: WalletState, asked: str | None) -> BalanceOverTime | None:
    """Read the points of a range, a day or a month if none is named.

    There is nothing to show of a wallet without entries.
    """
    if wallet.version == 0:
        return None
    end_us = end_of(wallet, now_us())
    age_us = end_us - wallet.created_at_us
    name = asked or ("day" if age_us <= _DAY_US else "month")
    step, bounds = _periods(name, wallet.created_at_us, end_us)
    points = read_series(current_service().store, wallet, bounds, end_us)
    return BalanceOverTime(name, step, wallet.currency, points)


def _periods(name: str, created_us: int, end_us: int) -> tuple[Step, Sequence[int]]:
    zone = current_service().settings.time_zone
    if name in _STEPS:
        step, length_us = _STEPS[name]
        return step, split(max(created_us, end_us - length_us), end_us, step, zone)
    return split_coarsely(created_us, end_us, tuple(Step), zone, _MOST_POINTS)


def _value(point: Point) -> Value | None:
    if point.quote is None:
        return None
    worth = point.quote.value_minor
    return Value(worth, worth, worth, worth)
