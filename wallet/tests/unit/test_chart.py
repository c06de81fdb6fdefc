"""Where the lines, marks and labels of a chart stand."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
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
fours = st.lists(minors, min_size=4, max_size=4)
lengths = st.integers(0, 9)
series = st.lists(st.tuples(lengths, fours | st.none()), min_size=1, max_size=40)
series = series.filter(lambda given: any(four and length for length, four in given))
currencies = st.sampled_from(sorted(CURRENCIES))


def follow(given):
    """Values that follow each other, so long each, and the time of them all."""
    values, end = [], 0
    for length, four in given:
        start, end = end, end + length
        if four:
            ends = four[0], four[3], min(four), max(four)
            values.append(Value(start, end, *ends, told=f"from {start}"))
    return values, (0, end)


def flat(*closings):
    """Equally long values that do not move within."""
    return follow([(1, None if c is None else [c] * 4) for c in closings])


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
    panel = draw_panel(currency, *follow(values), HEIGHT, MOST)
    for path in (panel.line, panel.area, panel.spread, panel.gaps):
        places, heights = numbers(path)
        assert all(0 <= place <= ACROSS for place in places)
        assert all(0 <= height <= HEIGHT for height in heights)
    assert all(0 <= mark.at <= HEIGHT for mark in panel.marks)
    for place in panel.places:
        assert 0 <= float(place.left) <= ACROSS
        assert float(place.left) + float(place.width) <= ACROSS + 0.01


@given(currencies, series)
def test_the_steps_of_the_line_are_the_closings(currency, values):
    """Each value has its height over its whole time; a gap has none."""
    values, (_, end) = follow(values)
    panel = draw_panel(currency, values, (0, end), HEIGHT, MOST)
    low, high = min(v.low for v in values), max(v.high for v in values)
    step, ticks = choose_ticks(low, high, CURRENCIES[currency], MOST)
    top = max(ticks[-1], ticks[0] + step)
    found = re.findall(r"(M[0-9.]+ |V)([0-9.]+)H([0-9.]+)", panel.line)
    for value, before, (start, height, across) in zip(
        values, [None, *values], found, strict=False
    ):
        down = (top - value.closing) * HEIGHT * 100 // (top - ticks[0]) / 100
        assert float(height) == pytest.approx(down, rel=1e-5)
        assert float(across) == pytest.approx(value.to_us * ACROSS / end, abs=0.01)
        assert (start == "V") == (bool(before) and before.to_us == value.from_us)
        if start != "V":
            left = value.from_us * ACROSS / end
            assert float(start[1:]) == pytest.approx(left, abs=0.01)
    assert len(found) == len(values)


@given(currencies, series)
def test_under_the_pointer_is_what_was_held_then(currency, values):
    """Each value is told over its own time, and nothing in a gap."""
    values, (_, end) = follow(values)
    panel = draw_panel(currency, values, (0, end), HEIGHT, MOST)
    assert [place.told for place in panel.places] == [value.told for value in values]
    for place, value in zip(panel.places, values, strict=True):
        left, length = value.from_us, value.to_us - value.from_us
        assert float(place.left) == pytest.approx(left * ACROSS / end, abs=0.01)
        assert float(place.width) == pytest.approx(length * ACROSS / end, abs=0.01)
    assert panel.lowest.low == min(value.low for value in values)
    assert panel.highest.high == max(value.high for value in values)


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
    units = {"": 0, "M": 6, "B": 9, "T": 12}
    texts = label(ticks, step, currency)
    assert len(set(texts)) == len(ticks)
    for tick, text in zip(ticks, texts, strict=True):
        unit = text[-1] if text[-1] in units else ""
        number = text.removesuffix(unit).replace("\u2212", "-")
        whole, _, decimals = number.replace("\u00a0", "").partition(".")
        power = CURRENCIES[currency] + units[unit] - len(decimals)
        assert int(whole + decimals) * 10**power == tick


@pytest.mark.parametrize(
    ("low", "high", "currency", "texts"),
    [
        (0, 0, "ZAR", ["0"]),
        (100, 100, "ZAR", ["0", "0.5", "1.0", "1.5"]),
        (-5000, 120000, "ZAR", ["\u2212500", "0", "500", "1 000", "1 500"]),
        (
            -1005,
            -1001,
            "JPY",
            ["\u22121 005", "\u22121 004", "\u22121 003", "\u22121 002", "\u22121 001"],
        ),
        (-300, -300, "JPY", ["\u2212300", "\u2212200", "\u2212100", "0"]),
        (
            10**9,
            10**9 + 2000,
            "ZAR",
            [f"10 000 0{n}" for n in ("00", "05", 10, 15, 20, 25)],
        ),
        (0, LARGEST_MINOR, "ZAR", ["0", *(f"{n}0 000T" for n in (2, 4, 6, 8, 10))]),
        (0, 25 * 10**7, "ZAR", ["0", "1M", "2M", "3M"]),
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
    panel = draw_panel("ZAR", *flat(0, 90, None, 50), 100, 5)
    assert panel.line == "M0 100H250V10H500M750 50H1000"
    assert panel.area == "M0 100H250V10H500V100H0ZM750 50H1000V100H750Z"
    assert panel.gaps == "M500 0H750V100H500Z"
    assert panel.spread == ""


def test_below_zero_the_area_hangs_from_the_zero_line():
    """And the line of zero is known as such."""
    panel = draw_panel("ZAR", *flat(90, -100), 100, 5)
    assert panel.area == "M0 5H500V100H1000V50H0Z"
    assert [mark.at for mark in panel.marks if mark.zero] == [50]


def test_without_a_zero_there_is_no_area():
    """It would be read as an amount."""
    panel = draw_panel("ZAR", *flat(100_000, 100_100), 100, 5)
    assert panel.area == ""
    assert not any(mark.zero for mark in panel.marks)


def test_what_a_line_hides_is_drawn_upright():
    """A day that ends as it began, with more in between; not a day that only rose."""
    values = [Value(0, 2, 50, 50, 0, 90), Value(2, 4, 50, 80, 50, 80)]
    panel = draw_panel("ZAR", values, (0, 4), 100, 5)
    assert panel.spread == "M250 100V10"


def us(time):
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001
    st.integers(1, 10**15) | st.integers(10**6, 10**11),
    st.sampled_from(["Africa/Johannesburg", "Asia/Kathmandu", "America/New_York"]),
    st.sampled_from([90, 120, 256, 556]),
)
def test_labels_of_times_never_touch(first, length_us, name, room):
    """On a small phone and on a desk; and those that stand fit."""
    start_us = us(first.replace(tzinfo=UTC))
    marks = mark_times((start_us, start_us + length_us), ZoneInfo(name), room)
    edges = [
        (mark.at * room / 100 - len(mark.text) * 3.5, len(mark.text) * 7)
        for mark in marks
    ]
    for (left, width), (right, _) in pairwise(edges):
        assert left + width + 9.9 <= right
    assert all(left + width <= room + 0.1 for left, width in edges)


@pytest.mark.parametrize(
    ("length", "room", "texts"),
    [
        (timedelta(minutes=7), 250, "04:55 05:00 05:05 05:10 05:15"),
        (timedelta(hours=3), 250, "02:00 03:00 04:00 05:00"),
        (timedelta(hours=23), 250, "06:00,12:00,18:00,21 Nov"),
        (timedelta(days=31), 250, "26 Oct,2 Nov,9 Nov,16 Nov"),
        (timedelta(days=365), 250, "2026 Apr Jul Oct"),
        (timedelta(days=3000), 250, "2020 2022 2024 2026"),
    ],
)
def test_times_are_marked_where_something_begins(length, room, texts):
    """A minute, an hour, a day, a week, a quarter, a year; nothing before the start."""
    span = us(NOVEMBER - length), us(NOVEMBER + timedelta(minutes=20))
    marks = mark_times(span, SAST, room)
    assert [mark.text for mark in marks] == texts.split("," if "," in texts else " ")


def test_a_mark_stands_at_its_time():
    """An hour that begins a quarter into the chart is a quarter from the left."""
    start_us, hour_us = us(NOVEMBER.replace(minute=45)), 3_600_000_000
    marks = mark_times((start_us, start_us + hour_us), SAST, 556)
    assert [(m.at, m.text) for m in marks][3] == (25.0, "06:00")


def test_panels_above_each_other_have_one_gutter():
    """It holds the longest label of either."""
    panels = [
        draw_panel("ZAR", *flat(0, 10**13), 180, 5),
        draw_panel("BTC", *flat(None, 1), 90, 3),
    ]
    span = us(NOVEMBER), us(NOVEMBER + timedelta(hours=1, minutes=20))
    chart = draw_chart(span, panels, SAST)
    longest = max(len(mark.text) for panel in panels for mark in panel.marks)
    assert longest == len("0.00000001")
    assert chart.gutter == longest * 7 + 10
    assert [m.text for m in chart.narrow] == ["05:00", "05:30", "06:00"]
