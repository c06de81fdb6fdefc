"""A plain model of what a chart may say, and a reader of what it says."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wallet.prices.rates import MAX_AGE_US, Rate, quote
from wallet.storage.queries import find_wallet, list_entries
from wallet.storage.store import Store

from .browsing import text_of

SAST = ZoneInfo("Africa/Johannesburg")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60 * 1_000_000
_CELL = re.compile(r"<td>(.*?)</td>", re.S)
_ROW = re.compile(r'<tr>\s*<th scope="row"><time datetime="([^"]+)">(.*?)</tr>', re.S)
_SAID = re.compile(r"Lowest (\S+ [^.]+\.\d+) (.+?), highest (\S+ [^.]+\.\d+) (.+?)\.")


@dataclass
class Journal:
    """The entries and prices, looked through one by one."""

    store: Store
    wallet: str

    def __post_init__(self) -> None:
        state = find_wallet(self.store, self.wallet)
        assert state is not None
        entries = list_entries(self.store, self.wallet, 500, None)[::-1]
        self.held = [(each.at_us, each.balance_minor) for each in entries]
        self.begins_us = min(state.created_at_us, self.held[0][0])
        sql = text("SELECT at_us, price FROM rates ORDER BY at_us")
        with self.store.reading.connect() as connection:
            self.prices = [
                (at, Decimal(price)) for at, price in connection.execute(sql)
            ]

    def at(self, at_us: int) -> int:
        """What is held at a moment, its entries included."""
        return ([0] + [minor for time, minor in self.held if time <= at_us])[-1]

    def within(self, from_us: int, to_us: int) -> list[int]:
        """All that is held at any moment from one until before another."""
        inside = [minor for time, minor in self.held if from_us < time < to_us]
        return [self.at(from_us), *inside]

    def worths(self, from_us: int, to_us: int) -> set[int]:
        """All that it is worth within, just before a moment and at it."""
        changes = [time for time, _ in self.held]
        for time, _ in self.prices:
            changes += [time, time + MAX_AGE_US + 1]
        found = set()
        for at_us in [from_us, *(each for each in changes if from_us < each < to_us)]:
            known = [
                Rate(price, time)
                for time, price in self.prices
                if at_us - MAX_AGE_US <= time <= at_us
            ]
            for minor in (self.at(at_us), self.at(at_us - 1)) if known else ():
                worth = quote(minor, "ZAR", known[-1])
                assert worth
                found.add(worth.value_minor)
        return found


def minor(amount: str) -> int:
    """Read an amount as the pages write it."""
    plain = amount.replace("\u2212", "-").replace("R", "").replace("BTC", "")
    return int(re.sub(r"[ .\u00a0]", "", plain))


def us(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def period(words: str) -> tuple[int, int]:
    """Tell the time that words such as ``in the week of 23 Nov`` stand for."""
    words = words[0].lower() + words[1:]
    year = datetime.now(SAST).year
    if found := re.fullmatch(r"in the (\d{4})s", words):
        return _years(int(found[1]), 10)
    if found := re.fullmatch(r"in (\d{4})", words):
        return _years(int(found[1]), 1)
    if found := re.fullmatch(r"in (\w{3} \d{4})", words):
        first = datetime.strptime(found[1], "%b %Y").replace(tzinfo=SAST)
        return us(first), us((first + timedelta(days=32)).replace(day=1))
    found = re.fullmatch(
        r"(?:on|from|in the week of) (\d+ \w{3}(?: \d{4})?)"
        r"(?: at (\S+)| between (\S+) and (\S+))?",
        words,
    )
    assert found, words
    day = found[1] if len(found[1]) > 6 else f"{found[1]} {year}"
    midnight = us(datetime.strptime(day, "%d %b %Y").replace(tzinfo=SAST))

    def at(clock: str) -> int:
        hours, minutes = clock.split(":")
        return midnight + (int(hours) * 60 + int(minutes)) * MINUTE

    if found[2]:
        return at(found[2]), at(found[2]) + MINUTE
    if found[3]:
        end_us = at(found[4])
        return at(found[3]), end_us if end_us > midnight else at("24:00")
    return midnight, midnight + (7 if "week" in words else 1) * 24 * 60 * MINUTE


def _years(first: int, count: int) -> tuple[int, int]:
    start, end = (datetime(year, 1, 1, tzinfo=SAST) for year in (first, first + count))
    return us(start), us(end)


def check_chart(page: str, journal: Journal, present_us: int) -> None:
    """Hold each statement of a page's chart against the journal."""
    chart = page.partition('<section id="chart"')[2].partition("</section>")[0]
    times, rows = _table(chart)
    start_us, end_us = times[0], present_us + 2
    assert start_us >= journal.begins_us
    ends = [*times[1:], end_us]
    every = journal.within(start_us, end_us)

    by_entry = "Balance after each entry" in chart
    if by_entry:
        assert [row[0] for row in rows] == every
        assert times[1:] == [time for time, _ in journal.held if time > start_us]
    else:
        for place, (from_us, to_us) in enumerate(zip(times, ends, strict=True)):
            # What a period opens with counts, though an entry may come at once.
            inside = journal.within(from_us - bool(place), to_us)
            opening, low, high, closing = rows[place][:4]
            assert (opening, closing) == (inside[0], inside[-1])
            assert (low, high) == (min(inside), max(inside))

    balance, *worth = chart.split("<figure>")[1:]
    (low, low_at, high, high_at) = _said(balance)
    assert (low, high) == (min(every), max(every))
    said = text_of(chart.rpartition("</figure>")[2]).replace("\u00a0", " ")
    assert _said(said) == (low, low_at, high, high_at)
    for amount, when in ((low, low_at), (high, high_at)):
        from_us, to_us = period(when)
        assert amount in journal.within(max(from_us, start_us), min(to_us, end_us)), (
            when
        )
    ends_with = re.search(r"From (.+?) to (.+?\.\d+)\.", balance)
    assert ends_with
    assert [minor(each) for each in ends_with.groups()] == [every[0], every[-1]]

    for told, from_us, to_us in zip(_told(balance), times, ends, strict=True):
        when, _, amounts = told.partition(": ")
        named_us, until_us = period(when)
        assert named_us <= max(from_us, start_us) < until_us
        assert by_entry or until_us >= min(to_us, end_us)
        found = [minor(each) for each in re.findall(r"\S?R [\d ]+\.\d\d", amounts)]
        row = rows[times.index(from_us)]
        if not by_entry:
            _, low, high, closing = row[:4]
            assert found == ([closing] if low == high else [closing, low, high])
    for panel in worth:
        low, low_at, high, high_at = _said(panel)
        for told in [*_told(panel), f"{low_at}: {low}", f"{high_at}: {high}"]:
            when, _, amount = told.partition(": ")
            from_us, to_us = period(when)
            assert minor(amount) in journal.worths(from_us, min(to_us, end_us)), told


def _table(chart: str) -> tuple[list[int], list[list[int]]]:
    body = chart.partition("<tbody>")[2]
    times, rows = [], []
    for time, row in _ROW.findall(body):
        times.append(us(datetime.fromisoformat(time)))
        cells = [text_of(cell).strip() for cell in _CELL.findall(row)]
        rows.append([minor(cell) for cell in cells if cell.lstrip("\u2212")[0] == "R"])
    return times, rows


def _told(panel: str) -> list[str]:
    return [
        text_of(told).replace("\u00a0", " ")
        for told in re.findall(r"<rect[^>]*><title>(.*?)</title>", panel)
    ]


def _said(words: str) -> tuple[int, str, int, str]:
    found = _SAID.search(words.replace("\u00a0", " "))
    assert found, words
    low, low_at, high, high_at = found.groups()
    return minor(low), low_at, minor(high), high_at
