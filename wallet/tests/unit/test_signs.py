"""Which way money goes is read from the file, and never guessed against it."""

import pytest

from wallet.imports.cells import Unreadable
from wallet.imports.statement import read_statement


def read(head, *lines):
    text = "\n".join((head, *(f"2026-01-{n:02},{e}" for n, e in enumerate(lines, 1))))
    return read_statement(text.encode(), "ZAR")


def moved(head, *lines):
    statement = read(head, *lines)
    assert statement.refused == []
    return [row.minor for row in statement.rows]


@pytest.mark.parametrize(
    ("head", "line", "minor"),
    [
        ("Date,Note,Amount,Debit,Credit", "a,-100,100,", -10_000),
        ("Date,Note,Amount,Debit,Credit", "a,100,0.00,100", 10_000),
        ("Date,Money In,Money Out,Value", ",-100,-100", -10_000),
        ("Date,Amount,Debit,Credit", ",100,", -10_000),
        ("Date,Amount,Debit,Credit", "0.00,,100", 10_000),
        ("Date,Amount,Money Out,Fee", "-100,100,7.50", -10_750),
    ],
)
def test_an_amount_beside_what_goes_in_or_out_counts_once(head, line, minor):
    """The columns say one movement; a fee is one more."""
    assert moved(head, line) == [minor]


@pytest.mark.parametrize(
    "line", ["100,100,", "-100,,100", "-100,99,", "100,100,100", "-5,5,5"]
)
def test_an_amount_that_differs_from_what_goes_in_or_out_refuses_its_line(line):
    """Neither is believed."""
    statement = read("Date,Amount,Debit,Credit", line)
    why = "has an amount beside what came in or went out"
    assert statement.refused == [(2, why)]
    assert statement.rows == []


@pytest.mark.parametrize(
    ("out", "minor"),
    [
        ([100, -30], [-10_000, 3_000]),
        ([100, 50, -20], [-10_000, -5_000, 2_000]),
        ([-100, -50, 20], [-10_000, -5_000, 2_000]),
        ([20, -100], [2_000, -10_000]),
        ([-5, -5, 300], [-500, -500, 30_000]),
        ([100, 50], [-10_000, -5_000]),
        ([-100, -50], [-10_000, -5_000]),
    ],
)
def test_a_refund_among_what_goes_out_comes_in(out, minor):
    """Most amounts say whether the column has a minus of its own, or else their sum."""
    assert moved("Date,Money Out", *out) == minor
    assert moved("Date,Fee,Money In", *(f"{each}," for each in out)) == minor


def test_a_sum_has_no_say_in_what_a_minus_means():
    """Only what has a date."""
    text = b"Date,Money Out\n2026-01-01,-100\nTotal,100\nTotal,100\n"
    assert [row.minor for row in read_statement(text, "ZAR").rows] == [-10_000]


def test_what_goes_out_and_comes_back_alone_is_no_statement():
    """Either of the two may be the refund."""
    with pytest.raises(Unreadable, match="what a minus under “Money Out” means"):
        read("Date,Money Out", -100, 100)


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        *(("DR", "CR"), ("Debit", "Credit"), ("d", "c"), ("Dr.", "Cr.")),
        *(("DEBIT", "cr"), ("S", "H"), ("Soll", "Haben"), ("Af", "Bij"), ("-", "+")),
        *(("Withdrawal", "Deposit"), ("Money out", "Money in"), ("\u2212", "+")),
    ],
)
@pytest.mark.parametrize("head", ["Dr/Cr", "Type", "Credit/Debit", ""])
def test_a_column_of_debits_and_credits_says_where_amounts_without_a_sign_go(
    head, debit, credit
):
    """Whatever it is called."""
    lines = (f"100,{debit},x", f"30,{credit},y", "0.00,,z")
    assert moved(f"Date,Amount,{head},Note", *lines) == [-10_000, 3_000]
    assert read(f"Date,Amount,{head},Note", *lines).form.columns["side"] == head


def test_amounts_that_have_signs_keep_them_beside_a_column_of_debits():
    """It need not say anything of each."""
    lines = ("-100,Debit", "30,Credit", "-5,", "5,")
    assert moved("Date,Amount,Type", *lines) == [-10_000, 3_000, -500, 500]


@pytest.mark.parametrize(
    ("lines", "line", "why"),
    [
        (("100,DR", "30,"), 3, "does not say whether it is a debit or a credit"),
        (("100,DR", "-30,DR"), 2, "is “DR”, but its amount has the other sign"),
        (("-100,DR", "-30,CR"), 3, "is “CR”, but its amount has the other sign"),
    ],
)
def test_a_line_that_does_not_say_where_its_amount_goes_is_refused(lines, line, why):
    """Nothing is guessed from the others."""
    assert read("Date,Amount,Dr/Cr", *lines).refused == [(line, why)]


def test_a_column_that_says_more_than_debit_and_credit_says_nothing():
    """A sum without a date is no line of it."""
    lines = ("100,Debit,x", "-30,Purchase,y")
    assert moved("Date,Amount,Type,Note", *lines) == [10_000, -3_000]
    text = b"Date,Amount,Type\n2026-01-01,100,DR\n,100,Total\n"
    assert [row.minor for row in read_statement(text, "ZAR").rows] == [-10_000]


@pytest.mark.parametrize("head", ["S/H", "Soll/Haben", "Af Bij", "Debit/Credit"])
def test_one_side_alone_is_known_by_its_heading(head):
    """A file may well hold nothing but payments."""
    for side in ("S", "Af", "-", "Debit"):
        assert moved(f"Date,Amount,{head}", f"100,{side}") == [-10_000]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        *(("S/H", "xy"), ("Type", "S"), ("", ("Uit", "In")), ("Type", ("Aus", "Ein"))),
        *(("Type", ("Debit", "Credit", "Fee")), ("Type", ("DEBIT CARD", "CREDIT"))),
    ],
)
def test_amounts_without_a_sign_beside_words_that_may_be_theirs_are_no_statement(
    head, words
):
    """Unless a minus or a balance shows which way they go, or no such words do."""
    lines = [f"100,{word}" for word in words]
    with pytest.raises(Unreadable, match=f"under “{head}” may say which way they go"):
        read(f"Date,Amount,{head}", *lines)
    assert len(moved(f"Date,Amount,{head}", *lines, f"-5,{words[0]}")) > 1
    balances = (f"{line},{100 * n}" for n, line in enumerate(lines, 1))
    assert len(moved(f"Date,Amount,{head},Balance", *balances)) == len(lines)


def test_a_column_that_stands_for_nothing_says_nothing():
    """Neither do numbers, texts of three kinds, or what has another meaning."""
    for head, words in (("Cheque", "--"), ("Ref", "12"), ("Branch", ("a", "b", "e"))):
        assert len(moved(f"Date,Amount,{head}", *(f"5,{w}" for w in words))) > 1
    assert moved("Date,Amount,Note,Details", "5,a,x", "5,b,y") == [500, 500]
