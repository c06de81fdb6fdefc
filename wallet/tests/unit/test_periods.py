"""Local periods as instants."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from wallet.clock import find_zone, shown_in, system_zone
from wallet.history.periods import (
    MOST_PERIODS,
    Step,
    TooManyPeriods,
    instant,
    split,
    split_coarsely,
)

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR


def at(*parts, zone=UTC):
    """The instant at which the clocks of a zone show a time for the first time."""
    return instant(datetime(*parts), zone)  # noqa: DTZ001  the zone stands beside it


def hours(bounds):
    return [(end - start) / HOUR for start, end in pairwise(bounds)]


@pytest.mark.parametrize(
    ("name", "day", "length"),
    [
        ("Africa/Johannesburg", (2026, 3, 29), 24),
        ("Europe/Berlin", (2026, 3, 29), 23),
        ("Europe/Berlin", (2026, 10, 25), 25),
        ("America/New_York", (2026, 3, 8), 23),
        ("America/New_York", (2026, 11, 1), 25),
        ("Asia/Kathmandu", (2026, 3, 29), 24),
        ("Australia/Lord_Howe", (2026, 10, 4), 23.5),
        ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
        # Midnight is left out here, and comes twice there.
        ("America/Sao_Paulo", (2018, 11, 4), 23),
        ("America/Havana", (2025, 11, 2), 25),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(name, day, length):
    """From one midnight to the next; the days around it touch it."""
    zone = find_zone(name)
    noon = at(*day, 12, zone=zone)
    bounds = split(noon, noon + 1, Step.DAY, zone)
    assert hours(bounds) == [length]
    assert bounds[0] == at(*day, zone=zone)
    around = split(noon - DAY, noon + DAY, Step.DAY, zone)
    assert around[1:-1] == bounds


def test_a_day_that_a_zone_left_out_is_no_period():
    """Samoa went from the 29th to the 31st of December 2011."""
    zone = find_zone("Pacific/Apia")
    bounds = split(at(2011, 12, 29), at(2012, 1, 1), Step.DAY, zone)
    assert hours(bounds) == [24] * len(hours(bounds))
    dates = [datetime.fromtimestamp(each / 1e6, zone).day for each in bounds]
    assert dates == [28, 29, 31, 1, 2]


def test_an_hour_that_is_shown_twice_is_two():
    """A day of 25 hours has 25 of them, one of 23 has 23."""
    zone = find_zone("Europe/Berlin")
    for day, count in (((2026, 10, 25), 25), ((2026, 3, 29), 23)):
        start = at(*day, zone=zone)
        bounds = split(start, start + count * HOUR, Step.HOUR, zone)
        assert hours(bounds) == [1] * count


def test_hours_are_full_where_clocks_change_by_half_of_one():
    """The hour that is shown one and a half times has ninety minutes."""
    zone = find_zone("Australia/Lord_Howe")
    start = at(2026, 4, 5, zone=zone)
    assert hours(split(start, start + 4 * HOUR, Step.HOUR, zone)) == [1, 1.5, 1, 1]
    start = at(2026, 10, 4, zone=zone)
    assert hours(split(start, start + 4 * HOUR, Step.HOUR, zone)) == [1, 1, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("step", "first", "last"),
    [
        (Step.HOUR, (2026, 11, 18, 14), (2026, 12, 1, 0)),
        (Step.DAY, (2026, 11, 18), (2026, 12, 1)),
        (Step.WEEK, (2026, 11, 16), (2026, 12, 7)),
        (Step.MONTH, (2026, 11, 1), (2026, 12, 1)),
        (Step.YEAR, (2026, 1, 1), (2027, 1, 1)),
        (Step.DECADE, (2020, 1, 1), (2030, 1, 1)),
    ],
)
def test_periods_are_whole(step, first, last):
    """From the one that holds the start to the one that holds the last moment."""
    zone = find_zone("Africa/Johannesburg")
    start, end = at(2026, 11, 18, 14, 30, zone=zone), at(2026, 12, 1, zone=zone)
    bounds = split(start, end, step, zone)
    assert (bounds[0], bounds[-1]) == (at(*first, zone=zone), at(*last, zone=zone))
    longer = split(start, end + 1, step, zone)
    # Only those of an hour, a day or a month end with November.
    ends = step in (Step.HOUR, Step.DAY, Step.MONTH)
    assert len(longer) == len(bounds) + ends
    assert split(bounds[0], bounds[1], step, zone) == bounds[:2]


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.DECADE])
def test_there_is_a_bound_on_periods(step):
    """A thousand are told, one more is not, and very many are not even counted."""
    start = at(2026, 1, 1, zone=UTC)
    length = {Step.HOUR: HOUR, Step.DAY: DAY, Step.WEEK: 7 * DAY}.get(step)
    calendar = at(2109, 5, 1) if step is Step.MONTH else at(3026, 1, 1)
    end = calendar if length is None else start + MOST_PERIODS * length
    if step is Step.WEEK:
        start, end = start - 3 * DAY, end - 3 * DAY
    assert len(split(start, end, step, UTC)) == MOST_PERIODS + 1
    with pytest.raises(TooManyPeriods):
        split(start, end + 1, step, UTC)
    with pytest.raises(TooManyPeriods):
        split(at(1900, 1, 1), at(9999, 1, 1), step, UTC)
    assert len(split(start, start + HOUR, step, UTC, most=1)) == 2
    with pytest.raises(TooManyPeriods):
        split(start, end, step, UTC, most=MOST_PERIODS - 1)


@pytest.mark.parametrize("name", ["Etc/GMT-14", "UTC", "Etc/GMT+12"])
def test_decades_reach_from_the_first_zone_to_the_end_of_the_calendar(name):
    """So a step is found for any two moments that can be written."""
    zone = find_zone(name)
    start, end = at(1900, 1, 1), at(9999, 12, 31, 23, 59, 59)
    step, bounds = split_coarsely(start, end, tuple(Step), zone, 366)
    assert step is Step.DECADE
    assert bounds[0] <= start < bounds[1]
    assert bounds[-2] < end <= bounds[-1]
    for fewer in range(1, 4):
        step, _ = split_coarsely(
            at(2026, 1, fewer), at(2026, 1, 4), tuple(Step), UTC, 48
        )
        assert step is (Step.DAY if fewer == 1 else Step.HOUR)


@pytest.mark.parametrize("name", ["Etc/GMT-14", "Etc/GMT+12", "Asia/Tokyo"])
def test_nothing_overflows_at_the_edge_of_the_calendar(name):
    """The first and the last moment that can be written, in zones far apart."""
    zone = find_zone(name)
    for shown in (datetime(1, 1, 1, tzinfo=zone), datetime(9999, 12, 31, tzinfo=zone)):
        assert abs(instant(shown, zone) - instant(shown, UTC)) < DAY


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "/", "UTC ", "utc", "Europe", "Europe/", "/Europe/Berlin"),
        *("../../etc/passwd", "Europe/../UTC", "UTC\0", "\ud800", "x" * 5000),
        *("zone.tab", "tzdata.zi", "localtime", "posixrules", "+02:00", "SAST"),
    ],
)
def test_what_is_no_zone_is_found_nowhere(name):
    """Names are looked up in a list, and never become a path."""
    assert find_zone(name) is None


@pytest.mark.parametrize(
    ("name", "at_us", "text"),
    [
        ("Africa/Johannesburg", 0, "1970-01-01 02:00:00.000000 SAST"),
        ("UTC", 1_798_754_399_999_999, "2026-12-31 21:59:59.999999 UTC"),
        ("Europe/Berlin", 1_792_889_999_000_000, "2026-10-25 02:59:59.000000 CEST"),
        ("Europe/Berlin", 1_792_890_000_000_000, "2026-10-25 02:00:00.000000 CET"),
    ],
)
def test_a_moment_is_shown_as_the_clocks_of_a_zone_show_it(name, at_us, text):
    """To the last digit, and through a change of the clocks."""
    assert f"{shown_in(find_zone(name), at_us):%Y-%m-%d %H:%M:%S.%f %Z}" == text


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (":Asia/Tokyo", "Asia/Tokyo"),
        ("", "UTC"),
        ("CET-1CEST", "UTC"),
        ("/etc/localtime", "UTC"),
    ],
)
def test_the_zone_of_a_machine_is_the_one_that_it_names(monkeypatch, name, zone):
    """Where it names none that is known, times are those of UTC."""
    monkeypatch.setenv("TZ", name)
    assert system_zone().key == zone


def test_a_machine_without_a_word_about_it_is_asked_by_its_link(monkeypatch):
    """What it links to tells the same time, or has no name."""
    monkeypatch.delenv("TZ", raising=False)
    linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    assert system_zone().key in {linked, "UTC"}


def test_every_zone_that_is_listed_is_there():
    """A listed zone can be read, wherever the service runs."""
    for name in ("UTC", "Africa/Johannesburg", "America/Argentina/Ushuaia"):
        zone = find_zone(name)
        assert instant(datetime(2026, 1, 1), zone) - at(2026, 1, 1) == -int(  # noqa: DTZ001
            datetime(2026, 1, 1, tzinfo=zone).utcoffset() / timedelta(microseconds=1)
        )
