"""No movement is left out unseen: what is skipped moved nothing, or is a sum."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.imports.statement import read_statement


def read(*lines, head="Date,Amount,Note,Balance"):
    return read_statement("\n".join((head, *lines)).encode(), "ZAR")


@pytest.mark.parametrize(
    "name",
    [
        *("Charge", "Charges", "Bank fee", "Bank fees (R)", "Service charge"),
        *("Service Charges", "Service fees", "Bank charge"),
    ],
)
def test_a_fee_in_a_column_of_fees_is_a_movement(name):
    """Whatever the bank calls that column."""
    statement = read(
        "25/11/2026;Salary;;;10 300,00;10 300,00",
        "26/11/2026;Monthly account fee;65,00;;;10 235,00",
        head=f"Date;Description;{name};Debit Amount;Credit Amount;Balance",
    )
    assert statement.refused == []
    assert [row.minor for row in statement.rows] == [1_030_000, -6_500]


def test_a_line_without_an_amount_whose_balance_moved_is_refused():
    """Its amount may stand in a column that is not known."""
    statement = read(
        "25/11/2026;Salary;;10 300,00;10 300,00",
        "26/11/2026;Monthly account fee;65,00;;10 235,00",
        "27/11/2026;Shop;;-10,00;10 225,00",
        head="Date;Description;Levy;Amount;Balance",
    )
    why = "has no amount, but its balance is 10235.00, and was 10300.00"
    assert statement.refused == [(3, why)]
    assert [row.line for row in statement.rows] == [2, 4]


@pytest.mark.parametrize("turned", [False, True])
def test_a_movement_that_hides_behind_lines_without_a_balance_is_seen(turned):
    """Amounts are added up to the next line with a balance, in either order."""
    lines = [
        *("2026-01-01,100,a,100", "2026-01-02,-10,b,", "2026-01-03,,fee,85"),
        "2026-01-04,5,c,90",
    ]
    statement = read(*(lines[::-1] if turned else lines))
    why = "has no amount, but its balance is 85.00, and was 90.00"
    assert statement.refused == [(3 if turned else 4, why)]
    assert [row.minor for row in statement.rows] == [10_000, -1_000, 500]


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_that_tells_a_balance_and_moves_nothing_is_skipped(turned):
    """The movement after it must follow from what it says."""
    lines = [
        *("2026-01-01,,Opening balance,70", "2026-01-02,-10,b,60"),
        *("2026-01-03,0.00,interest,60", "2026-01-04,,Closing balance,60"),
    ]
    statement = read(*(lines[::-1] if turned else lines))
    assert statement.refused == []
    assert [row.minor for row in statement.rows] == [-1_000]
    numbers = [2, 3, 5] if turned else [2, 4, 5]
    why = "is no movement: it has no amount"
    assert statement.skipped == [(number, why) for number in numbers]
    wrong = read(lines[0], "2026-01-02,-10,b,61")
    said = (
        "its balance is 61.00, but the balance and the amounts before it make it 60.00"
    )
    assert wrong.refused == [(3, said)]


@pytest.mark.parametrize(
    "lines",
    [
        *((1, 2, 3, 4), (4, 3, 2, 1), (3, 2, 4, 1), (3, 2, 1, 4), (1, 4, 3, 2)),
        *((3, 2, 4), (1, 3, 2), (1, 2, 3)),
    ],
)
@pytest.mark.parametrize("opened", [1, 2])
def test_balances_at_either_end_of_a_file_belong_where_their_day_is(lines, opened):
    """Whatever the order of the movements between them, of which none is refused."""
    said = {
        1: f"2026-01-{opened:02},,Opening balance,1000",
        2: "2026-01-02,-100,a,900",
        3: "2026-01-03,-100,b,800",
        4: "2026-01-31,,Closing balance,800",
    }
    statement = read(*map(said.get, lines))
    assert statement.refused == []
    assert [row.note for row in statement.rows] == ["a", "b"]
    # They still prove what they stand beside.
    if 1 in lines:
        said[1] = said[1].replace("1000", "1001")
        assert [odd.line for odd in read(*map(said.get, lines)).refused] == [
            lines.index(2) + 2
        ]


@pytest.mark.parametrize(
    "note",
    [
        *("TOTAL GARAGE fuel", "Total Garage", "TOTAL-ENERGIES", "Balance Gym"),
        *("Opening of the shop", "Totally Foods", "Closing Time Bar", "Carried goods"),
        *(
            "Total payment to Jo",
            "Balance payment",
            "Balance transfer",
            "New Balances x",
        ),
        *("Total fuel", "Payments", "Account fee", "Net shop", "Total: 5 loaves"),
        *("TOTAL Ärger", "Total Garage 2026", "Sum Yung Restaurant", "Transfer total"),
    ],
)
def test_a_purchase_without_a_date_is_refused_whatever_its_note_says(note):
    """A shop may well be called after a sum."""
    statement = read("2026-01-01,100,a,", f",-20.00,{note},")
    assert statement.refused == [(3, "has no date")]
    assert statement.skipped == []


@pytest.mark.parametrize(
    "said",
    [
        *("Total", "TOTALS", "Total:", "Subtotal", "Grand total", "Total debits"),
        *("Total money out", "Closing balance", "Opening Balance:", "Saldo"),
        *("Balance brought forward", "Carried forward", "Total: R 5.00", "Totaal"),
        *("Closing balance 31/01/2026", "Ending balance as of 01/31/2026"),
        *("Closing balance 31 January 2026", "Total for January 2026", "Endsaldo"),
        *("Balance b/f", "Balance c/f", "Balance B/FWD", "Balance brought fwd"),
        *("Available balance", "Current balance", "Previous balance", "New balance"),
        *("Statement balance", "Ledger balance", "Account balance", "Kontostand"),
        *("Your closing balance", "Closing balance Cr", "Closing balance (Cr)"),
        *("Page total", "Net total", "Running total", "Total amount", "Total VAT"),
        *("Total payments", "Total charges", "Total transactions", "Net movement"),
        *("Total service fees", "Total debit amount", "Total fees charged"),
        *("Total for the period", "Total: 5 transactions", "Total (ZAR)"),
        *("Totals for period 01/01/2026 - 31/01/2026", "Closing balance: USD 100.00"),
        *("Saldo am 30.11.2026", "Alter Saldo", "Saldo oorgedra", "Gesamtbetrag"),
        *("Closing balance: R 100.00 Cr", "Closing balance: €100.00", "Gesamt"),
    ],
)
@pytest.mark.parametrize("line", ["{},-20.00,,", ",-20.00,{},", ",-20.00,x,{}"])
def test_a_line_is_a_sum_if_a_cell_says_so_and_nothing_else(line, said):
    """Where the date would be, or in any cell if nothing is there."""
    statement = read("2026-01-01,100,a,", line.format(said))
    assert statement.refused == []
    assert statement.skipped == [(3, "is no movement: it has no date")]


@given(
    st.lists(st.integers(-(10**6), 10**6).filter(bool), min_size=3, max_size=8),
    st.data(),
)
def test_whichever_amount_a_file_lacks_its_balance_shows_it(amounts, data):
    """Wherever the line stands, in either order; other lines are read."""
    hidden = data.draw(st.integers(1, len(amounts) - 1))
    turned, balance, lines = data.draw(st.booleans()), 0, []
    for n, amount in enumerate(amounts):
        balance += amount
        said = "" if n == hidden else amount
        lines.append(f"{date(2026, 1, 1) + timedelta(n)},{said},x,{balance}")
    statement = read(*(lines[::-1] if turned else lines))
    line = len(amounts) + 1 - hidden if turned else hidden + 2
    assert [odd.line for odd in statement.refused] == [line]
    rest = [100 * each for n, each in enumerate(amounts) if n != hidden]
    assert [row.minor for row in statement.rows] == rest
