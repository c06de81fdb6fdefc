"""Forms of single banks are read, and what has two readings is refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.imports.amounts import find_mark, read_amount
from wallet.imports.cells import Unreadable
from wallet.imports.dates import DateForm, find_order, read_date
from wallet.imports.statement import read_statement

TEXT = "Date\tAmount\tNote\r\n01.11.2026\t1 500,00\tKöln\r\n04.11.26\t-5,00\tx\r\n"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_text_of_a_spreadsheet_is_read(codec):
    """Separated by tabs, with the mark of its encoding at its beginning."""
    mark = "" if codec == "utf-16" else "\ufeff"
    statement = read_statement((mark + TEXT).encode(codec), "ZAR")
    assert statement.refused == []
    found = [(str(row.date), row.minor, row.note) for row in statement.rows]
    assert found == [("2026-11-01", 150_000, "Köln"), ("2026-11-04", -500, "x")]
    assert statement.form.encoding == "UTF-16"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_named(codec):
    """Its zeros would be blanks between letters."""
    with pytest.raises(Unreadable, match=r"UTF-16 or .*: it looks like UTF-16 with"):
        read_statement(TEXT.encode(codec), "ZAR")


def test_half_a_letter_of_utf_16_is_no_text():
    """It is refused as any other text that is none."""
    with pytest.raises(Unreadable, match="must be text in UTF-8, UTF-16 or Windows"):
        read_statement(TEXT.encode("utf-16")[:-1], "ZAR")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        *(
            ("1. Mai 2026", 1),
            ("1. Mai 26", 1),
            ("1. Mai. 2026", 1),
            ("01.Mai.2026", 1),
        ),
        *(("Fri, 1 May 2026", 1), ("Sat 02 May 2026", 2), ("Sunday May 3, 2026", 3)),
    ],
)
def test_a_month_with_a_name_is_read(text, day):
    """In German and English, with the day of the week or without it."""
    found = read_date(text, DateForm.DAY_FIRST)
    assert found is not None
    assert found[0] == date(2026, 5, day)


@pytest.mark.parametrize(
    "months",
    [
        "Januar Februar März April Mai Juni Juli August September Oktober November"
        " Dezember",
        "JAN FEB MÄR APR MAI JUN JUL AUG SEP OKT NOV DEZ",
    ],
)
def test_german_months_are_known(months):
    """Long and short."""
    read = [read_date(f"7. {each} 2026", DateForm.DAY_FIRST) for each in months.split()]
    assert read == [(date(2026, n, 7), DateForm.NAMED) for n in range(1, 13)]


@pytest.mark.parametrize("text", ["Mon 01 Nov 2026", "Sat 1/11/2026", "Foo 1 Nov 2026"])
def test_a_day_of_the_week_that_is_another_makes_it_no_date(text):
    """One of the two is wrong."""
    assert read_date(text, DateForm.DAY_FIRST) is None


@pytest.mark.parametrize(
    "texts",
    [
        *(["04.11.26"], ["26/11/04", "26/11/05"], ["26-11-01", "26-11-30"]),
        *(["25/11/01", "26/11/01"], ["04.11.26", "05.11.26", "05.11.26"]),
    ],
)
def test_a_year_that_may_be_first_or_last_is_no_statement(texts):
    """The file must show it: by its calendar, or by three dates that are closer."""
    with pytest.raises(Unreadable, match=f"“{texts[0]}”, whose year may be"):
        find_order(texts)


@pytest.mark.parametrize(
    "texts",
    [
        *(["04.11.26", "05.11.26", "06.11.26"], ["4/11/26"], ["03/31/26"]),
        *(["26.11.26"], ["04/11/26", "03/11/2026"]),
    ],
)
def test_a_year_that_can_only_be_last_is_read(texts):
    """One that would be the same date either way, too."""
    order, _ = find_order(texts)
    assert all(read_date(each, order) for each in texts)


@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 1)),
    st.lists(st.integers(1, 28), min_size=1, max_size=6),
    st.sampled_from(["%d/%m/%y", "%d.%m.%y", "%y-%m-%d", "%y/%m/%d"]),
)
def test_years_of_two_digits_are_read_rightly_or_refused(month, days, form):
    """Of the movements of one month, in order."""
    dates = [month.replace(day=day) for day in sorted(days)]
    texts = [each.strftime(form) for each in dates]
    try:
        order, _ = find_order(texts)
    except Unreadable:
        return
    found = [read_date(each, order) for each in texts]
    assert [each and each[0] for each in found] == dates


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        *(("500.00", 500), ("-1,500.0", -1500), ("1,234", 1234), ("500.000", None)),
        *(("500.01", None), (".00", None), ("500.", None), ("0.00", 0)),
    ],
)
def test_whole_amounts_may_have_zeros_where_a_currency_has_no_decimals(text, minor):
    """Three of them would be a thousand."""
    assert read_amount(text, "JPY", ".") == minor
    assert find_mark(["500,00", "1.500"], "JPY") == ","
