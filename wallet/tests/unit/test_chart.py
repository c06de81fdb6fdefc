"""Where the lines, marks and labels of a chart stand."""

import re
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.ledger.money import CURRENCIES, LARGEST_MINOR
from wallet.pages.axes import choose_ticks, label, mark_times
from wallet.pages.chart import ACROSS, Value, draw_chart, draw_panel

SAST = ZoneInfo("Africa/Johannesburg")
HEIGHT, MOST = 180, 5
NOVEMBER = datetime(2026, 11, 21, 5, tzinfo=SAST)
minors = st.integers(-LARGEST_MINOR, LARGEST_MINOR) | st.integers(-999, 999)
values = st.lists(minors, min_size=4, max_size=4).map(
    lambda four: Value(four[0], four[3], min(four), max(four))
)
series = st.lists(values | st.none(), min_size=1, max_size=40).filter(any)
currencies = st.sampled_from(sorted(CURRENCIES))


def flat(*closings):
    """Values that do not move within their periods."""
    return [None if c is None else Value(c, c, c, c) for c in closings]


def numbers(path):
    """The places across and the heights of a path, in its order."""
    found = re.findall(r"([MHV])([0-9.]+)(?: ([0-9.]+))?", path)
    places = [float(one) for letter, one, _ in found if letter in "MH"]
    heights = [float(two or one) for letter, one, two in found if letter in "MV"]
    assert re.sub(r"[MHV][0-9.]+( [0-9.]+)?|Z", "", path) == ""
    return places, heights


@given(currencies, series)
def test_everything_stands_inside_the_frame(currency, values):
    """Lines, areas, what was held within a period, gaps, and the marks."""
    panel = draw_panel(currency, values, HEIGHT, MOST)
    for path in (panel.line, panel.area, panel.spread, panel.gaps):
        places, heights = numbers(path)
        assert all(0 <= place <= ACROSS for place in places)
        assert all(0 <= height <= HEIGHT for height in heights)
    assert all(0 <= mark.at <= HEIGHT for mark in panel.marks)


@given(currencies, series)
def test_the_steps_of_the_line_are_the_closings(currency, values):
    """Each period has its height over its whole width; a gap has none."""
    panel = draw_panel(currency, values, HEIGHT, MOST)
    step, ticks = choose_ticks(
        min(v.low for v in panel.known),
        max(v.high for v in panel.known),
        CURRENCIES[currency],
        MOST,
    )
    top = max(ticks[-1], ticks[0] + step)
    expected = []
    for place, value in enumerate(values):
        if value is None:
            continue
        height = (top - value.closing) * HEIGHT * 100 // (top - ticks[0]) / 100
        before = values[place - 1] if place else None
        start = f"M{place * ACROSS / len(values):.2f} " if before is None else "V"
        expected.append((start[0], height, (place + 1) * ACROSS / len(values)))
    found = re.findall(r"([MV])(?:[0-9.]+ )?([0-9.]+)H([0-9.]+)", panel.line)
    assert [(letter, float(height)) for letter, height, _ in found] == [
        (letter, height) for letter, height, _ in expected
    ]
    for (_, _, across), (_, _, end) in zip(found, expected, strict=True):
        assert abs(float(across) - end) < 0.01
    assert panel.values == values


@given(minors, minors, st.sampled_from([0, 2, 3, 8]), st.integers(2, 6))
def test_ticks_are_few_and_round_and_hold_the_range(one, other, exponent, most):
    """Equal steps of 1, 2 or 5 times a power of ten."""
    low, high = sorted((one, other))
    step, ticks = choose_ticks(low, high, exponent, most)
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert 1 <= len(ticks) <= most + 1
    assert all(b - a == step for a, b in pairwise(ticks))
    assert all(tick % step == 0 for tick in ticks)
    assert ticks[0] <= low <= high <= ticks[-1] + (0 if len(ticks) > 1 else step)


@given(minors, minors, currencies)
def test_labels_of_ticks_are_exact(one, other, currency):
    """Shortened or not, they say the very number, and no two say the same."""
    low, high = sorted((one, other))
    step, ticks = choose_ticks(low, high, CURRENCIES[currency], MOST)
    units = {"": 0, "m": 6, "bn": 9, "tn": 12}
    texts = label(ticks, step, currency)
    assert len(set(texts)) == len(ticks)
    for tick, text in zip(ticks, texts, strict=True):
        number, _, unit = text.partition(" ")
        whole, _, decimals = number.replace("\u00a0", "").partition(".")
        power = CURRENCIES[currency] + units[unit] - len(decimals)
        assert int(whole + decimals) * 10**power == tick


@pytest.mark.parametrize(
    ("low", "high", "currency", "texts"),
    [
        (0, 0, "ZAR", ["0"]),
        (100, 100, "ZAR", ["0", "0.5", "1.0", "1.5"]),
        (-5000, 120000, "ZAR", ["-500", "0", "500", "1 000", "1 500"]),
        (-1005, -1001, "JPY", ["-1 005", "-1 004", "-1 003", "-1 002", "-1 001"]),
        (-300, -300, "JPY", ["-300", "-200", "-100", "0"]),
        (
            10**9,
            10**9 + 2000,
            "ZAR",
            [f"10 000 0{n}" for n in ("00", "05", 10, 15, 20, 25)],
        ),
        (0, LARGEST_MINOR, "ZAR", ["0", *(f"{n}0 000 tn" for n in (2, 4, 6, 8, 10))]),
        (0, 25 * 10**7, "ZAR", ["0", "1 m", "2 m", "3 m"]),
        (0, 4 * 10**6, "BTC", ["0", "0.01", "0.02", "0.03", "0.04", "0.05"]),
        (0, 1_250_000, "ZAR", ["0", "5 000", "10 000", "15 000"]),
    ],
)
def test_an_axis_reads_well(low, high, currency, texts):
    """Zero is there, unless the balance moved by little; millions are short."""
    step, ticks = choose_ticks(low, high, CURRENCIES[currency], MOST)
    found = [text.replace("\u00a0", " ") for text in label(ticks, step, currency)]
    assert found == texts


def test_a_gap_is_shaded_and_has_no_height():
    """The line ends before it and begins anew after it."""
    panel = draw_panel("ZAR", flat(0, 90, None, 50), 100, 5)
    assert panel.line == "M0 100H250V10H500M750 50H1000"
    assert panel.area == "M0 100H250V10H500V100H0ZM750 50H1000V100H750Z"
    assert panel.gaps == "M500 0H750V100H500Z"
    assert panel.spread == ""


def test_below_zero_the_area_hangs_from_the_zero_line():
    """And the line of zero is known as such."""
    panel = draw_panel("ZAR", flat(90, -100), 100, 5)
    assert panel.area == "M0 5H500V100H1000V50H0Z"
    assert [mark.at for mark in panel.marks if mark.zero] == [50]


def test_without_a_zero_there_is_no_area():
    """It would be read as an amount."""
    panel = draw_panel("ZAR", flat(100_000, 100_100), 100, 5)
    assert panel.area == ""
    assert not any(mark.zero for mark in panel.marks)


def test_what_a_line_hides_is_drawn_upright():
    """A day that ends as it began, with more in between; not a day that only rose."""
    panel = draw_panel("ZAR", [Value(50, 50, 0, 90), Value(50, 80, 50, 80)], 100, 5)
    assert panel.spread == "M250 100V10"


steps = st.sampled_from([1, 24, 24 * 7]).map(lambda hours: timedelta(hours=hours))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001
    steps,
    st.integers(1, 366),
    st.sampled_from([90, 120, 256, 556]),
)
def test_labels_of_times_never_touch(first, step, places, room):
    """On a small phone and on a desk; and those that stand fit."""
    start = first.replace(minute=0, second=0, microsecond=0)
    starts = [start + n * step for n in range(places)]
    marks = mark_times(starts, room)
    edges = [
        (mark.at * room / 100 - len(mark.text) * 3.5, len(mark.text) * 7)
        for mark in marks
    ]
    for (left, width), (right, _) in pairwise(edges):
        assert left + width + 9.9 <= right
    assert all(left + width <= room + 0.1 for left, width in edges)


@pytest.mark.parametrize(
    ("step", "places", "room", "texts"),
    [
        ("hour", 24, 250, "06:00 12:00 18:00 21 Nov"),
        ("hour", 1, 250, "05:00"),
        ("day", 31, 250, "26 Oct,2 Nov,9 Nov,16 Nov"),
        ("week", 53, 250, "2026 Apr Jul Oct"),
        ("month", 100, 250, "2020 2022 2024 2026"),
    ],
)
def test_times_are_marked_where_something_begins(step, places, room, texts):
    """A day, a week, a quarter, a year."""
    starts = [NOVEMBER - timedelta(hours=n) for n in range(places)]
    if step != "hour":
        length = {"day": 1, "week": 7, "month": 31}[step]
        today = NOVEMBER.replace(hour=0)
        today -= timedelta(days=today.weekday() if step == "week" else 0)
        starts = [today - timedelta(days=length * n) for n in range(places)]
    if step == "month":
        months = [2026 * 12 + 10 - n for n in range(places)]
        starts = [datetime(n // 12, n % 12 + 1, 1, tzinfo=SAST) for n in months]
    found = [mark.text for mark in mark_times(starts[::-1], room)]
    joined = "," if "," in texts else " "
    assert joined.join(found) == texts


def test_panels_above_each_other_have_one_gutter():
    """It holds the longest label of either."""
    starts = list(accumulate([NOVEMBER, timedelta(hours=1)]))
    panels = [
        draw_panel("ZAR", flat(0, 10**13), 180, 5),
        draw_panel("BTC", flat(None, 1), 90, 3),
    ]
    chart = draw_chart(starts, panels)
    longest = max(len(mark.text) for panel in panels for mark in panel.marks)
    assert longest == len("0.00000001")
    assert chart.gutter == longest * 7 + 10
    assert [mark.text for mark in chart.wide] == ["05:00", "06:00"]
