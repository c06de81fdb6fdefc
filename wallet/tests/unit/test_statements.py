"""What banks hand out is read exactly, in every form that is recognised."""

import csv
import io
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wallet.imports.amounts import find_mark, read_amount
from wallet.imports.cells import Unreadable, tidy
from wallet.imports.columns import read_header
from wallet.imports.dates import DateForm, find_order, read_date
from wallet.imports.statement import read_statement
from wallet.ledger.money import CURRENCIES, format_amount

from ..chance import examples


def read(text, currency="ZAR"):
    return read_statement(text.encode(), currency)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        *(("1234.56", 123456), ("-1 234.56", -123456), ("1,234.56-", -123456)),
        *(("R 1,234.56", 123456), ("(12.00)", -1200), ("R1 234.5", 123450)),
        *(("-R 5.00", -500), ("R -5.00", -500), ("ZAR 5", 500), ("5.00 ZAR", 500)),
        *(("5.00 R", 500), ("-5.00R", -500), ("5.00 r-", -500), ("R 5 Dr", -500)),
        *(("+7.00", 700), ("7.00+", 700), (".50", 50), ("-.50", -50), ("0012", 1200)),
        *(("12.00 Dr", -1200), ("12.00Cr", 1200), ("\u22125", -500), ("(R 5)", -500)),
        *(("1'234.00", 123400), ("R 1 234 567", 123456700), ("0.00", 0)),
        *(("1.234", None), ("1,23.00", None), ("$5", None), ("EUR 5", None)),
        *(("--5", None), ("-5-", None), ("(-5)", None), ("(5", None), ("5)", None)),
        *(("", None), ("-", None), ("R", None), ("5 6", None), ("five", None)),
        *(("\u0665", None), ("9" * 30, None), ("1e3", None), ("0,123.00", None)),
    ],
)
def test_an_amount_is_read_exactly_or_not_at_all(text, minor):
    """With a point before its decimals; a comma is told apart by the whole file."""
    assert read_amount(text, "ZAR", ".") == minor
    turned = text.translate(str.maketrans(".,", ",."))
    assert read_amount(turned, "ZAR", ",") == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("-12,34 €", "EUR"), ("-12,34 US$", "USD"), ("-12,34 £", "GBP")],
)
def test_a_symbol_may_stand_behind_an_amount(text, currency):
    """As its code may."""
    assert read_amount(text, currency, ",") == -1234
    assert read_amount(text, "ZAR", ",") is None


def test_the_mark_of_decimals_is_that_of_the_file():
    """One amount that can be read in one way only decides for all."""
    assert find_mark(["1.234", "5"], "ZAR") == ","
    assert find_mark(["1,234", "5"], "ZAR") == "."
    assert find_mark(["1,234", "1,5"], "BTC") == ","
    assert find_mark(["1,234", "0.5"], "KWD") == "."
    assert find_mark(["5"], "ZAR") == "."


@pytest.mark.parametrize("texts", [["12", "1,500"], ["1.234"], ["1,234", "ten"]])
@pytest.mark.parametrize("currency", ["KWD", "BTC"])
def test_an_amount_that_could_be_a_thousandth_of_itself_is_no_statement(
    texts, currency
):
    """In currencies of three decimals and more, if no other amount decides."""
    with pytest.raises(Unreadable, match="can be read in two ways"):
        find_mark(texts, currency)
    assert find_mark([*texts, "0.5"], currency) == "."


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-03", "2026/11/03", "2026/11/3", "20261103", "2026.11.03"),
        *("03/11/2026", "3-11-2026", "03.11.2026", "3 Nov 2026", "03Nov2026"),
        *("3-NOV-2026", "3 November 2026", "03/11/2026 14:05", "2026-11-03T14:05:09Z"),
        *("2026-11-03 10:00 AM", "3 Nov 2026 1:05:09pm", "2026-11-03 10:11:12+02:00"),
        *("2026-11-03T10:11:12.5-0530", "03 Nov 26", "3/11/26", "03.11.26"),
        *("Nov 3, 2026", "november 3 2026", "Tue 03 Nov 2026", "Tuesday, Nov 3, 2026"),
        *("3. November 2026", "03.Nov.2026"),
    ],
)
def test_a_date_is_read_in_every_form(text):
    """The time beside it is left out."""
    found = read_date(text, DateForm.DAY_FIRST)
    assert found is not None
    assert found[0] == date(2026, 11, 3)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2026-02-30",
            "31/11/2026",
            "20261301",
            "3 Foo 2026",
            "Mon 3 Nov 2026",
            "Total",
        ),
        *("2026-11/03", "1/2026", "", "12345678901", "0001-01-01", "3 Nov"),
    ],
)
def test_what_is_no_date_is_not_taken_for_one(text):
    """Nor what is outside the calendar."""
    assert read_date(text, DateForm.DAY_FIRST) is None


@pytest.mark.parametrize(
    ("texts", "form", "certain"),
    [
        (["01/02/2026", "13/02/2026"], DateForm.DAY_FIRST, True),
        (["01/02/2026", "02/13/2026"], DateForm.MONTH_FIRST, True),
        (["01/02/2026", "02/01/2026", "01/03/2026"], DateForm.DAY_FIRST, False),
        (["01/11/2026", "01/12/2026", "02/03/2026"], DateForm.MONTH_FIRST, True),
        (["03/04/2026"], DateForm.DAY_FIRST, False),
        (["04/04/2026", "2026-01-01"], DateForm.DAY_FIRST, True),
    ],
)
def test_the_whole_file_says_which_number_is_the_day(texts, form, certain):
    """By the calendar, else by the order; what it leaves open is as in South Africa."""
    assert find_order(texts) == (form, certain)


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        (["Date", "AMOUNT"], {"date": 0, "amount": 1}),
        (
            ["Nr", "Posting Date", "Transaction Date", "Money In (R)", "Money Out (R)"],
            {"date": 1, "in": 3, "out": 4},
        ),
        (
            [
                "Reference",
                "Description",
                "Value Date",
                "Debit Amount",
                "Fee",
                "Balance",
            ],
            {"note": 1, "date": 2, "out": 3, "fee": 4, "balance": 5},
        ),
        (["Date", "Balance"], None),
        (["Amount", "Note"], None),
    ],
)
def test_columns_are_known_by_the_names_that_banks_give_them(cells, columns):
    """The best of several is taken; without a date and an amount it is no heading."""
    assert read_header(cells, "ZAR") == columns


def test_a_balance_that_does_not_follow_names_the_line():
    """So an amount that is read wrongly is noticed."""
    statement = read(
        "Date,Amount,Balance\n2026-01-01,5,5\n2026-01-02,7,13\n2026-01-03,1,14\n"
    )
    assert [row.minor for row in statement.rows] == [500, 100]
    (odd,) = statement.refused
    said = "its balance is 13.00, but the balance and the amounts before it make it"
    assert odd == (3, f"{said} 12.00")


def test_a_balance_that_cannot_be_read_names_the_line():
    """Else nothing would check the amount beside it; a line of no amount has none."""
    statement = read(
        "Date,Amount,Balance\n2026-01-01,5,5 OD\n2026-01-02,0,?\n2026-01-03,5,10\n"
    )
    assert statement.refused == [(2, "“5 OD” is no balance in ZAR")]
    assert [row.line for row in statement.rows] == [4]


@pytest.mark.parametrize(
    "line",
    [
        "31/13/2026,-500,Transfer of balance to savings",
        "2026-01-05 around noon,-500,Carried goods",
        ",-500,Groceries",
        "pending,-500,Shop",
        "yesterday,5.00,Closing-down sale",
    ],
)
def test_a_movement_whose_date_cannot_be_read_is_refused(line):
    """Whatever its note speaks of."""
    statement = read(f"Date,Amount,Note\n2026-01-01,5,x\n{line}\n")
    assert [line for line, _ in statement.refused] == [3]
    assert statement.skipped == []


@pytest.mark.parametrize(
    "line",
    [
        "Total,-500,",
        "Closing balance 31/01/2026,-500,",
        ",-500,Brought forward",
        "SUM,-500,",
        "Subtotaal,-500,",
        "Eindsaldo,-500,",
    ],
)
def test_a_sum_of_movements_is_skipped(line):
    """It is said where the date would be, or anywhere if nothing is."""
    statement = read(f"Date,Amount,Note\n2026-01-01,5,x\n{line}\n")
    assert statement.refused == []
    assert statement.skipped == [(3, "is no movement: it has no date")]


def test_headings_that_are_repeated_are_skipped():
    """As at the top of each page; they are words alone."""
    text = "Date,Amount,Note\n2026-01-01,5,x\n"
    statement = read(text * 2)
    assert statement.refused == []
    assert statement.skipped == [(3, "is no movement: it has no date")]
    assert [row.line for row in statement.rows] == [2, 4]


@pytest.mark.parametrize(
    "again",
    [
        *("Date,Debit,Credit,Description", "Date,Description,Credit,Debit"),
        "Date,Description,Debit (USD),Credit (USD)",
    ],
)
def test_headings_of_other_columns_further_down_are_refused(again):
    """In another language they may be the same."""
    text = "Date,Description,Debit,Credit\n2026-01-01,a,5,\n{}\n2026-01-02,b,5,\n"
    statement = read(text.format(again))
    assert (3, "names other columns than line 1") in statement.refused
    same = read(text.format("Datum,Beskrywing,Debiet,Krediet"))
    assert same.refused == []
    assert [line for line, _ in same.skipped] == [3]


def test_a_file_has_two_hundred_columns_at_most():
    """Whether or not they have names."""
    text = "Date,Amount" + ",x" * 190 + "," * 8 + "\n2026-01-01,5\n"
    assert len(read(text).rows) == 1
    with pytest.raises(Unreadable, match="has more than 200 columns"):
        read(text.replace("\n", ",\n", 1))


def test_a_heading_that_is_too_long_names_no_column():
    """It is not even read."""
    for length, known in ((100, True), (101, False)):
        heading = f"Amount ({'x' * (length - 9)})"
        assert len(heading) == length
        assert bool(read_header(["Date", heading], "ZAR")) is known


def test_balances_tell_the_order_where_dates_do_not():
    """Of one day, the newest first."""
    head, rows = "Date,Amount,Balance", ["2026-01-01,5,5", "2026-01-01,2,7"]
    for lines in (rows, rows[::-1]):
        statement = read("\n".join([head, *lines]))
        assert ([r.minor for r in statement.rows], statement.refused) == (
            [500, 200],
            [],
        )


def test_a_fee_of_its_own_is_taken_out_as_well():
    """Whether or not the column has a minus."""
    for fee in ("7.50", "-7.50"):
        (row,) = read(f"Date,Money In,Money Out,Fee\n2026-01-01,,-100.00,{fee}\n").rows
        assert row.minor == -10_750


def test_numbers_of_lines_are_those_of_an_editor():
    """A note may go over two of them, and some may be empty."""
    text = 'x\n\nDate,Amount,Note\n\n2026-01-01,1,"a\nb"\n2026-01-02,2,c\n'
    rows = read(text).rows
    assert [(row.line, row.note) for row in rows] == [(5, "a b"), (7, "c")]


def test_a_text_that_is_too_long_refuses_its_line():
    """It is never cut."""
    statement = read(
        f"Date,Amount,Note,Payee\n2026-01-01,1,{'n' * 501},\n"
        f"2026-01-01,1,,{'p' * 201}\n2026-01-01,1,{'n' * 500},\n"
    )
    assert [line for line, _ in statement.refused] == [2, 3]
    assert len(statement.rows) == 1


def test_a_text_of_any_length_refuses_nothing_but_its_line():
    """Beyond what a reader of CSV takes by itself, too."""
    statement = read(f"Date,Amount,Note\n2026-01-01,1,{'n' * 140_000}\n")
    assert statement.refused == [(2, "its note has more than 500 characters")]


def test_an_amount_that_no_balance_can_be_refuses_its_line():
    """Also if only its fee makes it so."""
    largest = "92233720368547758.07"
    statement = read(
        f"Date,Amount,Fee\n2026-01-01,-{largest},0.01\n2026-01-01,-{largest},\n"
    )
    why = "its amount is larger than a balance can ever be"
    assert statement.refused == [(2, why)]
    assert [row.minor for row in statement.rows] == [1 - 2**63]


def test_a_quote_that_does_not_end_is_no_statement():
    """It would hide all lines that follow."""
    with pytest.raises(Unreadable, match="in quotes"):
        read('Date,Amount,Note\n2026-01-01,1,"x\n2026-01-02,1,y\n')


WORDS = st.text(
    st.characters(categories=("L", "N", "P", "S"), include_characters=" "), max_size=12
)
ROWS = st.lists(
    st.tuples(
        st.dates(date(2020, 1, 1), date(2026, 10, 31)),
        st.integers(-(10**9), 10**9).filter(bool),
        WORDS.map(tidy),
        WORDS.map(tidy),
    ),
    max_size=8,
)
#: So that the order of days and months, and that of lines, can be told.
LAST = (date(2026, 11, 28), 50, "", "")
DATES = {
    "%Y-%m-%d": DateForm.YEAR_FIRST,
    "%Y/%m/%d": DateForm.YEAR_FIRST,
    "%Y%m%d": DateForm.YEAR_FIRST,
    "%d/%m/%Y": DateForm.DAY_FIRST,
    "%m/%d/%Y": DateForm.MONTH_FIRST,
    "%d %b %Y": DateForm.NAMED,
    "%d %b %y": DateForm.NAMED,
    "%a %d %B %Y": DateForm.NAMED,
    "%d. %B %Y": DateForm.NAMED,
    "%b %d, %Y": DateForm.NAME_FIRST,
    "%Y-%m-%dT10:11:12+02:00": DateForm.YEAR_FIRST,
}
HEADS = {
    "date": ["Date", "Transaction Date", "POSTING DATE", "Buchungstag"],
    "note": ["Note", "Description", "Details"],
    "payee": ["Payee", "Beneficiary"],
    "amount": ["Amount", "amount (net)"],
    "in": ["In", "Credit", "Money In", "Gutschrift"],
    "out": ["Out", "Debit", "Money Out", "Belastung"],
    "balance": ["Balance", "Saldo", "Running Bal."],
    "currency": ["Currency", "Währung"],
}
SIGNS = ["-{}", "{}-", "({})", "-{unit}{}", "{unit}-{}", "{} Dr"]


@st.composite
def written(draw):
    """Draw movements, and a file of them in one of the forms."""
    currency = draw(st.sampled_from(["ZAR", "JPY", "KWD"]))
    rows = [*sorted(draw(ROWS), key=lambda row: row[0]), LAST]
    mark, groups = draw(
        st.sampled_from([(".", ","), (",", "."), (".", " "), (",", " ")])
    )
    form, sign = draw(st.sampled_from(list(DATES))), draw(st.sampled_from(SIGNS))
    unit = draw(st.sampled_from(["", f"{currency} ", f"{currency}"]))
    group = draw(st.sampled_from(["", groups]))
    zeros = "" if CURRENCIES[currency] else draw(st.sampled_from(["", f"{mark}00"]))

    def amount(minor):
        plain = format_amount(abs(minor), CURRENCIES[currency])
        whole, _, decimals = plain.partition(".")
        shown = f"{int(whole):,}".replace(",", group)
        shown += mark + decimals if decimals else zeros
        if minor < 0:
            return sign.format(shown, unit=unit)
        return f"{unit}{shown}"

    one = draw(st.booleans())
    roles = ["date", "note", "payee", *(["amount"] if one else ["in", "out"])]
    roles += draw(st.sampled_from([[], ["balance"], ["currency", "balance"]]))
    roles = draw(st.permutations(roles))
    head = [draw(st.sampled_from(HEADS[role])) for role in roles]
    opening = {"date": rows[0][0].strftime(form), "balance": amount(0)}
    opens = "balance" in roles and draw(st.booleans())
    lines, balance = [[opening.get(role, "") for role in roles]] * opens, 0
    for day, minor, note, payee in rows:
        balance += minor
        told = {"date": day.strftime(form), "note": note, "payee": payee}
        told["currency"] = currency if minor % 2 else ""
        told |= {"amount": amount(minor), "balance": amount(balance)}
        told["in" if minor > 0 else "out"] = amount(abs(minor))
        lines.append([told.get(role, "") for role in roles])
    if draw(st.booleans()):
        lines.reverse()
    before = draw(
        st.sampled_from([[], [["Account", "62 1234"], [], ["Name:", "A, B"]]])
    )
    total = {"date": "Total", "amount": "5", "in": "5", "balance": "5"}
    after = draw(st.sampled_from([[], [[total.get(role, "") for role in roles]]]))
    file = io.StringIO()
    separator = draw(st.sampled_from(",;\t"))
    writer = csv.writer(
        file, delimiter=separator, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))
    )
    writer.writerows([*before, head, *lines, *after])
    return currency, rows, DATES[form], file.getvalue()


@settings(max_examples=examples(150))
@given(written(), st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
def test_movements_come_back_exactly_from_every_form(made, encoding):
    """In order, to the last digit and letter; nothing is refused."""
    currency, rows, form, text = made
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    if encoding == "cp1252":
        # Some pairs of its letters are the same bytes as one of UTF-8.
        assume(text.isascii() or data.decode(errors="replace").count("\ufffd"))
    statement = read_statement(data, currency)
    assert statement.refused == []
    found = [(r.date, r.minor, r.note or "", r.payee or "") for r in statement.rows]
    assert found == rows
    assert statement.form.dates == [form]
    assert statement.form.certain
