"""What is set aside: when each hold counted, and for how much.

A hold counts from its ``created_at`` until just before its ``expires_at``: both are
times of the servers, whose clock is that of the clients. Captures are entries, which
have an order and times. Only a release has neither; it happens while it is asked for.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from .readings import moment

#: What is lost when a moment is written in whole microseconds.
ROUNDED_S = 1e-5
#: How long after its decision a commit may be seen, at the most.
LATE_S = 15
_NOTHING = Decimal(0)


@dataclass
class Hold:
    """A hold as it was read last, and what clients learned of it before.

    :param seen_by: the first moment at which somebody had seen it.
    :param released: between which moments it was let go, if it was.
    """

    row: dict[str, Any]
    #: What was paid out of it, and whether that was to keep it open.
    entries: list[dict[str, Any]] = field(default_factory=list)
    keep_open: list[bool] = field(default_factory=list)
    seen_by: float = math.inf
    released: tuple[float, float] = (math.inf, math.inf)

    @cached_property
    def created(self) -> float:
        return moment(self.row["created_at"])

    @cached_property
    def expires(self) -> float:
        return moment(self.row["expires_at"])

    @cached_property
    def amount(self) -> Decimal:
        return Decimal(self.row["amount"])

    @cached_property
    def steps(self) -> list[tuple[int, Decimal, bool]]:
        """The version of each capture, the sum up to it, and whether it ended it."""
        total, steps = _NOTHING, []
        for entry, stays in zip(self.entries, self.keep_open, strict=True):
            total -= Decimal(entry["amount"])
            ends = total >= self.amount or not stays
            steps.append((entry["version"], total, ends))
        return steps

    def captured(self, version: int) -> Decimal:
        """Return what had been paid out of it at a version of its wallet."""
        return max(
            (sum_ for at, sum_, _ in self.steps if at <= version), default=_NOTHING
        )

    def remaining(self, version: int) -> Decimal:
        """Return what counted of it at a version, had it not ended otherwise."""
        if any(ends and at <= version for at, _, ends in self.steps):
            return _NOTHING
        return self.amount - self.captured(version)

    @cached_property
    def until(self) -> float:
        """The moment from which on it surely counts for nothing."""
        steps = zip(self.entries, self.steps, strict=True)
        ended = [moment(entry["at"]) for entry, step in steps if step[2]]
        return min([self.expires, self.released[1], *ended])

    def may_count(self, began: float, ended: float) -> bool:
        """Whether it can have counted at some moment between two."""
        return (
            self.created <= ended + ROUNDED_S
            and self.released[1] >= began
            and self.expires > began - ROUNDED_S
        )

    def must_count(self, began: float, ended: float) -> bool:
        """Whether it counted at each moment between two."""
        return (
            self.seen_by < began
            and self.released[0] > ended
            and self.expires > ended + ROUNDED_S
        )

    def surely_counted(self, at: float) -> bool:
        """Whether a decision of a moment that a server told had to count it."""
        return self.created < at < self.expires and self.released[0] > at


@dataclass
class Holds:
    """All holds of all wallets."""

    by_id: dict[str, Hold] = field(default_factory=dict)
    by_note: dict[str, list[Hold]] = field(default_factory=lambda: defaultdict(list))
    _by_second: dict[tuple[str, int], list[Hold]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, hold: Hold) -> None:
        self.by_id[hold.row["id"]] = hold
        self.by_note[hold.row["note"]].append(hold)

    def sort(self, end: float) -> None:
        """Prepare for questions about moments, of which none is after the end."""
        for hold in self.by_id.values():
            # A capture counts by its version, which may be read a little later.
            last = min(hold.until + LATE_S, hold.expires, end) + 1
            for second in range(int(hold.created) - 1, int(last) + 1):
                self._by_second[hold.row["wallet"], second].append(hold)

    def around(self, wallet: str, began: float, ended: float) -> Iterable[Hold]:
        """Return each hold that can have counted between two moments."""
        found = {}
        for second in range(int(began), int(ended) + 1):
            for hold in self._by_second.get((wallet, second), ()):
                found[hold.row["id"]] = hold
        return found.values()

    def possible(
        self, wallet: str, version: int, began: float, ended: float
    ) -> set[Decimal]:
        """Return the sums that a wallet can have held at a version."""
        sums = {_NOTHING}
        for hold in self.around(wallet, began, ended):
            left = hold.remaining(version)
            if not left or not hold.may_count(began, ended):
                continue
            with_it = {each + left for each in sums}
            sums = with_it if hold.must_count(began, ended) else sums | with_it
        return sums

    def most(self, wallet: str, version: int, began: float, ended: float) -> Decimal:
        """Return the most that a wallet can have held at a version."""
        return sum(
            (
                hold.remaining(version)
                for hold in self.around(wallet, began, ended)
                if hold.may_count(began, ended)
            ),
            _NOTHING,
        )

    def least(self, wallet: str, version: int, at: float) -> Decimal:
        """Return the least that a decision of a moment had to count."""
        return sum(
            (
                hold.remaining(version)
                for hold in self.around(wallet, at, at)
                if hold.surely_counted(at)
            ),
            _NOTHING,
        )
