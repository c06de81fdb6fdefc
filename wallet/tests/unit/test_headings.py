"""What a file's headings say is believed: its columns, currency and separator."""

import pytest

from wallet.imports.cells import Unreadable
from wallet.imports.statement import read_statement


def read(text, currency="EUR"):
    return read_statement(text.encode(), currency)


@pytest.mark.parametrize("name", ["Currency", "CCY", "Account currency", "Währung"])
def test_a_line_in_another_currency_is_refused(name):
    """A line that names none is in the wallet's."""
    statement = read(
        f"Date,Amount,{name},Description\n2026-11-01,100.00,USD,Wise\n"
        "2026-11-02,50.00,EUR,Wise\n2026-11-03,5.00,zar,a\n2026-11-04,6.00,R,b\n"
        "2026-11-05,7.00,,c\n2026-11-06,0.00,USD,d\n",
        "ZAR",
    )
    assert statement.refused == [
        (2, "is in “USD”, not in ZAR"),
        (3, "is in “EUR”, not in ZAR"),
    ]
    assert [row.minor for row in statement.rows] == [500, 600, 700]
    assert [line for line, _ in statement.skipped] == [7]
    assert statement.form.columns["currency"] == name


def test_a_column_in_another_currency_makes_it_no_statement_of_the_wallet():
    """Its heading says so; what else stands in parentheses does not."""
    text = "Date,Amount (USD),Note (ZAR)\n2026-11-01,5.00,a\n"
    for currency, said in (("EUR", "Amount"), ("USD", "Note")):
        with pytest.raises(Unreadable, match=f"has “{said} .*the wallet is in"):
            read(text, currency)
    (row,) = read(text.replace("ZAR", "AND"), "USD").rows
    assert row.minor == 500


@pytest.mark.parametrize(
    ("heading", "currency"),
    [
        *(("Betrag (€)", "EUR"), ("Amount ($)", "USD"), ("Amount (US$)", "USD")),
        *(("Amount (usd)", "USD"), ("Amount ( USD )", "USD"), ("Amount USD", "USD")),
        *(("Amount (in USD)", "USD"), ("Amount - usd", "USD"), ("Amount ($)", "AUD")),
        *(("Amount (R)", "ZAR"), ("Amount (Rand)", "ZAR"), ("Amount zar", "ZAR")),
        *(("Amount (pounds)", "GBP"), ("Amount (dollars)", "SGD")),
    ],
)
def test_a_currency_in_a_heading_is_known_in_every_form(heading, currency):
    """A wallet in another is not brought what is in it."""
    text = f"Date,{heading}\n2026-11-01,5.00\n"
    (row,) = read(text, currency).rows
    assert row.minor == 500
    with pytest.raises(Unreadable, match="but the wallet is in KWD"):
        read(text, "KWD")


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("own", ["Amount (ZAR)", "Amount (R)", "AMOUNT zar"])
def test_of_two_currencies_the_column_of_the_wallet_is_taken(own, turned):
    """Whichever comes first."""
    columns = [(own, "-180.00"), ("Amount (USD)", "-10.00")]
    heads, amounts = zip(*(columns[::-1] if turned else columns), strict=True)
    text = f"Date,{','.join(heads)}\n2026-11-01,{','.join(amounts)}\n"
    statement = read(text, "ZAR")
    assert [row.minor for row in statement.rows] == [-18_000]
    assert statement.form.columns["amount"] == own


def test_a_column_of_no_currency_is_not_taken_for_that_of_the_wallet():
    """It may be in a third one."""
    text = "Date,Amount (EUR),Amount (Foreign Currency)\n2026-11-03,-10.0,-11\n"
    with pytest.raises(Unreadable, match=r"has “Amount .EUR.”, but the wallet"):
        read(text, "ZAR")
    assert [row.minor for row in read(text).rows] == [-1_000]


def test_a_heading_may_be_written_with_accents_apart():
    """As some systems write them; it is the same heading."""
    (odd,) = read("Date,Amount,Wa\u0308hrung\n2026-11-03,5,USD\n").refused
    assert odd.reason == "is in “USD”, not in EUR"


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        *(("Rand", "ZAR"), ("South African Rand", "ZAR"), ("US$", "USD"), ("-", "ZAR")),
        *(("Euro", "EUR"), ("n/a.", None), ("€", "EUR"), ("--", "EUR"), ("$", None)),
    ],
)
def test_a_currency_is_known_by_its_names(name, currency):
    """What has no letter, digit or symbol names none."""
    text = f"Date,Amount,Currency\n2026-11-03,5,{name}\n"
    statement = read(text, currency or "ZAR")
    assert [row.minor for row in statement.rows] == ([500] if currency else [])
    assert len(statement.refused) == (currency is None)


GERMAN = """"Umsatzanzeige";"Stand: 25.11.2026"
"Konto";"DE12 3456 7890"

"Buchungstag";"Wertstellung";"Auftraggeber/Empfänger";"Verwendungszweck";{}
"04.11.2026";"03.11.2026";"REWE Markt";"Einkauf Köln";{};"9.150,00";"EUR"
"01.11.2026";"01.11.2026";"ACME GmbH";"Gehalt";{};"10.300,00";"EUR"
"""


@pytest.mark.parametrize(
    "parts",
    [
        ('"Betrag (EUR)";"Saldo";"Währung"', '"-1.150,00"', '"10.300,00"'),
        (
            '"Belastung";"Gutschrift";"Saldo";"Waehrung"',
            '"1.150,00";""',
            '"";"10.300,00"',
        ),
    ],
)
def test_a_german_statement_is_read(parts):
    """Money moves when it is posted."""
    statement = read(GERMAN.format(*parts))
    assert statement.refused == []
    rows = [(str(r.date), r.minor, r.note, r.payee) for r in statement.rows]
    assert rows == [
        ("2026-11-01", 1_030_000, "Gehalt", "ACME GmbH"),
        ("2026-11-04", -115_000, "Einkauf Köln", "REWE Markt"),
    ]


def test_amounts_that_are_abbreviated_are_known():
    """As banks in India have them."""
    statement = read(
        "Date,Narration,Withdrawal Amt.,Deposit Amt.,Closing Balance\n"
        '01/11/2026,a,,"1,500.00","1,500.00"\n13/11/2026,b,5.00,,"1,495.00"\n'
    )
    assert statement.refused == []
    assert [row.minor for row in statement.rows] == [150_000, -500]
    assert statement.form.columns["balance"] == "Closing Balance"


def test_a_file_whose_quotes_are_well_formed_is_not_told_that_they_are_not():
    """What another separator makes of them is no fault of the file."""
    with pytest.raises(Unreadable, match="has no line that names its columns"):
        read('"Tag";"Summen"\n"04.11.2026";"-1.150,00"\n')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('x\n\nDate,Amount,Note\n2026-01-01,1,"x\n2026-01-02,1,y\n', 4),
        ('"Date";"Amount"\n"2026-01-01";"1"x\n"2026-01-02";"1"\n', 2),
        ('"Date","Amount\n2026-01-01,5\n', 1),
    ],
)
def test_a_quote_that_is_wrong_is_told_with_its_line(text, line):
    """That on which the cell begins."""
    with pytest.raises(Unreadable, match=f"a cell in quotes on line {line} that does"):
        read(text)
