"""Names and notes that steer the direction of letters, and what clocks show."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.clock import shown_in
from wallet.pages.wording import balanced, clock, isolated

BEGINS, ENDS = "\u2066\u2067\u2068", "\u2069"
#: Letters both ways, and every mark of the algorithm that orders them.
MARKS = "a\u05d0 \u202a\u202b\u202c\u202d\u202e" + BEGINS + ENDS + "\u2029\u200f"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada & Bob", "Ada & Bob"),
        ("\u05d0\u05d1 1", "\u05d0\u05d1 1"),
        ("\u202eAda", "\u202eAda"),
        ("\u2069Ada\u2069", "Ada"),
        ("\u2067Ada", "\u2067Ada\u2069"),
        ("\u2069\u2067Ada\u2069\u2069\u2068", "\u2067Ada\u2069\u2068\u2069"),
        ("Ada\u2029Bob\u00e9", "Ada Bob\u00e9"),
    ],
)
def test_text_ends_what_it_begins(text, shown):
    """And ends nothing that others began."""
    assert balanced(text) == shown


@given(st.text(MARKS))
def test_isolated_text_is_one_isolate(text):
    """It ends at its end and nowhere before; letters stay as they were."""
    whole = isolated(balanced(text))
    depth, depths = 0, []
    for letter in whole:
        depth += (letter in BEGINS) - (letter == ENDS)
        depths.append(depth)
    if not whole.isascii():
        assert (depths[0], depths[-1]) == (1, 0)
        assert 0 not in depths[:-1]
        assert "\u2029" not in whole
    kept = str.maketrans({"\u2029": " "} | dict.fromkeys(BEGINS + ENDS))
    assert whole.translate(kept) == text.translate(kept)


@pytest.mark.parametrize(
    ("zone", "moment", "shown"),
    [
        ("Europe/Berlin", "2026-10-24T23:59", "01:59"),
        ("Europe/Berlin", "2026-10-25T00:00", "02:00 UTC+02:00"),
        ("Europe/Berlin", "2026-10-25T00:59", "02:59 UTC+02:00"),
        ("Europe/Berlin", "2026-10-25T01:00", "02:00 UTC+01:00"),
        ("Europe/Berlin", "2026-10-25T02:00", "03:00"),
        ("Europe/Berlin", "2026-03-29T01:00", "03:00"),
        ("Europe/London", "2026-10-25T01:30", "01:30 UTC"),
        ("America/St_Johns", "2026-11-01T05:00", "01:30 UTC-03:30"),
        ("Australia/Lord_Howe", "2026-04-04T15:15", "01:45 UTC+10:30"),
        ("Africa/Johannesburg", "2026-10-25T00:00", "02:00"),
    ],
)
def test_a_time_that_clocks_show_twice_has_its_offset(zone, moment, shown):
    """And no other has one."""
    at_us = round(datetime.fromisoformat(f"{moment}Z").timestamp() * 1_000_000)
    assert clock(shown_in(ZoneInfo(zone), at_us)) == shown
