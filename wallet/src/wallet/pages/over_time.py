"""A wallet's balance over a range of time: its chart, and what is said about it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ..clock import now_us
from ..history.course import Course, Worth, begin_of, read_course
from ..history.periods import MINUTES, Step, split_finely
from ..history.series import Point, end_of
from ..ledger.outcomes import WalletState
from ..prices.rates import Quote
from ..web.problems import malformed
from ..web.service import current_service
from . import naming
from .chart import Chart, Panel, Value, draw_chart, draw_panel
from .wording import minute, money, worth_column

RANGES: Final = ("day", "month", "year", "all")

#: So many entries are drawn one by one; of more, so many periods.
_MOST: Final = 200
_DAY_US: Final = 24 * 60 * 60 * 1_000_000
_LENGTHS: Final = {"day": _DAY_US, "month": 30 * _DAY_US, "year": 365 * _DAY_US}
_HEIGHT, _LOWER_HEIGHT = 180, 90


@dataclass(frozen=True)
class BalanceOverTime:
    """What a wallet's chart shows.

    :param step: how long its periods are, if it is a number in minutes.
    """

    range: str
    step: Step | int
    currency: str
    course: Course

    @property
    def points(self) -> list[Point]:
        """What was held, from the beginning to the end."""
        return self.course.points

    @property
    def span(self) -> tuple[int, int]:
        """The first moment, and the last."""
        return self.points[0].from_us, self.points[-1].to_us

    @property
    def from_to(self) -> str:
        """Tell what time is shown."""
        return naming.span(*self.span)

    @cached_property
    def chart(self) -> Chart:
        """The balance, and below it the value if one is known at all."""
        balances = [self._balance(point) for point in self.points]
        panels = [draw_panel(self.currency, balances, self.span, _HEIGHT, 5)]
        quoted = [(each, each.quote) for each in self.course.worths if each.quote]
        if quoted:
            currency, worths = quoted[0][1].currency, [_worth(*each) for each in quoted]
            panels.append(draw_panel(currency, worths, self.span, _LOWER_HEIGHT, 3))
        return draw_chart(self.span, panels, current_service().settings.time_zone)

    @property
    def every(self) -> str:
        """Name the periods of the lower panel, and of both if entries are many."""
        return naming.each(self.step)

    @property
    def sentences(self) -> list[str]:
        """What is said below the chart."""
        balance, *worth = self.chart.panels
        said = [_extremes(balance)]
        if balance.spread:
            said.append(f"Thin lines show the low and high of {self.every}.")
        if worth and worth[0].gaps:
            said.append("The value has gaps, shaded, where no price was known.")
        elif not worth and worth_column(self.currency):
            said.append("No bitcoin price was known then, so no value is drawn.")
        return said

    def describe(self, panel: Panel) -> str:
        """Tell a panel in words, for people who cannot see it."""
        first, last = panel.values[0], panel.values[-1]
        told = (
            f"From {money(first.opening, panel.currency)}"
            f" to {money(last.closing, panel.currency)}. {_extremes(panel)}"
        )
        if panel is self.chart.panels[0]:
            return told
        entries = " and after each entry" if self.course.by_entry else ""
        return f"Seen once {self.every}{entries}. {told}"

    def when(self, at_us: int) -> str:
        """Write a time as finely as the steps are."""
        fine = self.course.by_entry or self.step in (Step.HOUR, *MINUTES)
        return minute(at_us) if fine else minute(at_us)[:10]

    def _balance(self, point: Point) -> Value:
        closing, low, high = (
            money(minor, self.currency)
            for minor in (point.closing_minor, point.low_minor, point.high_minor)
        )
        if self.course.by_entry:
            when = f"on {naming.moment(point.from_us)}"
            told = f"From {naming.moment(point.from_us)}: {closing}"
        else:
            when = naming.within(self.step, point.from_us, point.to_us)
            told = f"{when[0].upper()}{when[1:]}: {closing}"
            if low != high:
                told += f" at the end, lowest {low}, highest {high}"
        return Value(
            point.from_us,
            point.to_us,
            point.opening_minor,
            point.closing_minor,
            point.low_minor,
            point.high_minor,
            when,
            told,
        )


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
    """Read what was held in a range, a day or a month if none is named.

    There is nothing to show of a wallet without entries.
    """
    if wallet.version == 0:
        return None
    service = current_service()
    begin_us = begin_of(service.store, wallet)
    # Some time has passed since the last entry, if it came in this very moment, too.
    end_us = end_of(wallet, now_us()) + 1
    name = asked or ("day" if end_us - begin_us <= _DAY_US else "month")
    start_us = max(begin_us, end_us - _LENGTHS.get(name, end_us - begin_us))
    zone = service.settings.time_zone
    step, bounds = split_finely(start_us, end_us, tuple(Step), zone, _MOST)
    # An entry of the first moment counts from the start; before it, nothing is told.
    bounds[0], bounds[-1] = max(bounds[0], begin_us) + 1, end_us
    course = read_course(service.store, wallet, bounds, _MOST)
    return BalanceOverTime(name, step, wallet.currency, course)


def _worth(worth: Worth, quote: Quote) -> Value:
    moment = naming.moment(worth.at_us)
    when = f"on {moment}"
    told = f"On {moment}: {money(quote.value_minor, quote.currency)}"
    minor = quote.value_minor
    return Value(worth.from_us, worth.to_us, minor, minor, minor, minor, when, told)


def _extremes(panel: Panel) -> str:
    """Tell the lowest and the highest of a panel, and when each came first."""
    low, high = panel.lowest, panel.highest
    return (
        f"Lowest {money(low.low, panel.currency)} {low.when},"
        f" highest {money(high.high, panel.currency)} {high.when}."
    )
