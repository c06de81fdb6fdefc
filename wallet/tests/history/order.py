"""An order of events in which each happened within the time that clients saw."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

Name = Any


@dataclass
class Window:
    """When an event happened at the earliest and at the latest, and who says so."""

    earliest: float = -math.inf
    latest: float = math.inf
    says_earliest: str = "nobody"
    says_latest: str = "nobody"


class Order:
    """Events with a window each, of which some come before others.

    There is an order of all events that explains what clients saw if and only if no
    event comes before itself, and no window is empty once each event is at least as
    late as those before it.
    """

    def __init__(self) -> None:
        self.windows: dict[Name, Window] = {}
        self._after: dict[Name, list[Name]] = defaultdict(list)

    def not_before(self, event: Name, moment: float, who: object) -> None:
        window = self.windows.setdefault(event, Window())
        if moment > window.earliest:
            window.earliest, window.says_earliest = moment, str(who)

    def not_after(self, event: Name, moment: float, who: object) -> None:
        window = self.windows.setdefault(event, Window())
        if moment < window.latest:
            window.latest, window.says_latest = moment, str(who)

    def put(self, event: Name, after: Name) -> None:
        """Say that an event comes after another one."""
        if event != after:
            self.windows.setdefault(event, Window())
            self.windows.setdefault(after, Window())
            self._after[after].append(event)

    def narrow(self) -> tuple[list[str], list[Name]]:
        """Narrow every window by its neighbours'.

        :return: what cannot be, and the events that come before themselves.
        """
        line, circle = self._line()
        for event in line:
            window = self.windows[event]
            for later in self._after[event]:
                self.not_before(later, window.earliest, window.says_earliest)
        for event in reversed(line):
            window = self.windows[event]
            for later in self._after[event]:
                other = self.windows[later]
                self.not_after(event, other.latest, other.says_latest)
        impossible = [
            f"{event}: {window.says_latest} saw it before {window.says_earliest} began"
            for event, window in self.windows.items()
            if window.earliest > window.latest
        ]
        return impossible, circle

    def _line(self) -> tuple[list[Name], list[Name]]:
        waits_for = dict.fromkeys(self.windows, 0)
        for later in self._after.values():
            for event in later:
                waits_for[event] += 1
        free = [event for event, count in waits_for.items() if not count]
        line = []
        while free:
            event = free.pop()
            line.append(event)
            for later in self._after[event]:
                waits_for[later] -= 1
                if not waits_for[later]:
                    free.append(later)
        return line, [event for event, count in waits_for.items() if count]
