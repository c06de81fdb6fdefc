"""The history of a page and the statement, of what is looked for alone."""

import csv
import html
import io
import re
from datetime import datetime

import pytest

from wallet.api.answers import freeze
from wallet.ledger.commands import Kind
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import Wallets, a_submission, create_wallet
from ..browsing import Visitor, text_of
from .conftest import OPERATOR


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


@pytest.fixture
def past(app):
    """A wallet whose five entries stand around two midnights in Johannesburg."""
    now = {}
    writer = Writer(service_of(app).store, freeze, lambda: now["us"])

    def at(day, clock):
        moment = datetime.fromisoformat(f"2026-11-{day}T{clock}+02:00")
        now["us"] = round(moment.timestamp() * 1_000_000)

    at("01", "08:00:00")
    wallet = create_wallet(writer, name="Everyday")
    moves = (
        ("09", "23:59:59.999999", Kind.DEPOSIT, "1000", {"note": "a", "payee": "Work"}),
        (
            "10",
            "00:00:00",
            Kind.WITHDRAWAL,
            "20",
            {"note": "b", "payee": "Corner Shop"},
        ),
        ("10", "23:59:59.999999", Kind.WITHDRAWAL, "30.50", {"note": "c, the rent"}),
        ("11", "00:00:00", Kind.WITHDRAWAL, "20", {"note": "d", "payee": "Rent & Co"}),
        ("12", "12:00:00", Kind.DEPOSIT, "20", {"note": "e"}),
    )
    for day, clock, kind, amount, more in moves:
        at(day, clock)
        writer.submit(a_submission(wallet, kind, amount, **more))
    writer.stop()
    return wallet


def notes(page):
    """The first letters of the notes that are shown."""
    cells = re.findall(r'class="note">(.*?)</td>', page, re.S)
    return "".join(text_of(cell).strip()[:1] for cell in cells)


def lines(visitor, wallet, query=""):
    """The lines of a statement, its heading and its end apart."""
    answer = visitor.get(f"/wallets/{wallet}/statement.csv?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content_length == len(answer.data)
    head, *rows, end = csv.reader(io.StringIO(answer.text, newline=""), strict=True)
    return head, rows, end


#: What is asked, and the notes of what is found, newest first.
FOUND = {
    "": "edcba",
    "text=&kind=&from=&to=&min=&max=": "edcba",
    "text=RENT": "dc",
    "text=+corner+": "b",
    "payee=Corner+Shop": "b",
    "payee=+Work%C2%A0": "a",
    "payee=corner+shop": "",
    "payee=Rent": "",
    "payee=Rent+%26+Co&text=d&from=2026-11-11": "d",
    "kind=deposit": "ea",
    "from=2026-11-10&to=2026-11-10": "cb",
    "from=2026-11-11": "ed",
    "to=2026-11-09": "a",
    "min=20&max=R+30,50": "edcb",
    "max=20": "edb",
    "min=1+000": "a",
    "text=rent&kind=withdrawal&from=2026-11-11&max=20": "d",
    "text=nowhere": "",
}


def test_page_and_statement_have_what_fits(visitor, past):
    """A day begins and ends at midnight by the clocks of the pages."""
    for query, found in FOUND.items():
        page = visitor.read(f"/wallets/{past}?{query}")
        assert notes(page) == found, query
        _, rows, end = lines(visitor, past, query)
        assert "".join(row[5][:1] for row in rows) == found, query
        filtered = bool(re.sub(r"\w+=(&|$)", "", query))
        told = f"{len(found)} of 5 entries" if filtered else "5 entries"
        assert end == ["End", "", "", "", "", told, "", "", ""]
        shown = f" {len(found)} of 5 entries: " in text_of(page)
        assert shown == filtered
        assert ('id="filter" open' in page) == filtered


def test_what_is_shown_is_said(visitor, past):
    """In words, with the amounts as they are written elsewhere."""
    query = "text=rent&kind=withdrawal&from=2026-11-10&to=2026-11-11&min=20&max=30,5"
    assert (
        "2 of 5 entries: withdrawals with “rent” from 2026-11-10 to 2026-11-11"
        " of at least R 20.00 and at most R 30.50."
    ) in text_of(visitor.read(f"/wallets/{past}?{query}"))
    query = "payee=Rent+%26+Co&to=2026-11-11"
    assert (
        "1 of 5 entries: entries whose payee is “Rent & Co” to 2026-11-11."
    ) in text_of(visitor.read(f"/wallets/{past}?{query}"))
    nothing = text_of(visitor.read(f"/wallets/{past}?text=nowhere"))
    assert "0 of 5 entries: entries with “nowhere”." in nothing
    assert "Nothing matches." in nothing


def link(page, name):
    """The address of a link, if there is one."""
    found = re.search(rf'<a [^>]*?href="([^"]*)"[^>]*>{re.escape(name)}</a>', page)
    return found and html.unescape(found[1])


def test_the_pages_of_a_history_keep_its_filter(visitor, past):
    """So does the range of the chart, and the statement; it is cleared by a link."""
    address, found = f"/wallets/{past}?text=rent&limit=1&range=all", []
    for _ in range(2):
        page = visitor.read(address)
        found.append(notes(page))
        assert "text=rent" in link(page, "Month")
        rows = lines(visitor, past, link(page, "Download these (CSV)").split("?")[1])[1]
        assert [row[0] for row in rows] == ["4", "3"]
        following = link(page, "Older")
        address = following or address
    assert (found, following) == (["d", "c"], None)
    assert notes(visitor.read(link(page, "Newest"))) == "d"
    cleared = visitor.read(link(page, "Clear"))
    assert notes(cleared) == "e"
    assert link(cleared, "Clear") is None
    assert 'name="range" value="all"' in cleared


def test_a_saved_balance_leads_back_to_what_was_looked_for(visitor, past):
    """Whether it rises, falls after a review, or is refused; and so does a cancel."""
    query = "range=all&limit=1&text=rent&payee=Rent+%26+Co&from=2026-11-10"
    page = f"/wallets/{past}?{query}"
    form = html.unescape(
        re.search('action="([^"]*/balance[^"]*)"', visitor.read(page))[1]
    )

    def save(balance):
        page_now = visitor.read(page)
        names = re.findall('name="(form|key|version)" value="([^"]*)"', page_now)
        return visitor.send(form, dict(names) | {"balance": balance})

    rises = save("5000")
    assert (rises.status_code, rises.location) == (303, page)
    assert notes(visitor.read(page)) == "d"
    refused = save("1,234")
    assert (refused.status_code, notes(refused.text)) == (400, "d")
    assert html.unescape(refused.text).count(form) == 1
    falls = save("10")
    assert falls.status_code == 303
    review = visitor.read(falls.location)
    assert link(review, "Cancel") == page
    (confirm,) = re.findall('id="confirm" method="post" action="([^"]*)"', review)
    assert html.unescape(confirm) == falls.location
    hidden = dict(re.findall('name="(form|version)" value="([^"]*)"', review))
    done = visitor.send(falls.location, hidden)
    assert (done.status_code, done.location) == (303, page)


@pytest.mark.parametrize(
    "query", ["limit=abc", "limit=0", "range=x", "text=a&text=b", "payee=a&payee=b"]
)
def test_what_cannot_be_shown_afterwards_is_refused_before_it_is_done(
    visitor, local, past, query
):
    """A balance that rises, one that falls, and what was reviewed."""
    page = f"/wallets/{past}"
    before = local.get(f"/v1/wallets/{past}").json
    for balance in ("5000", "10"):
        fields = visitor.hidden(page, f"{page}/balance") | {"balance": balance}
        refused = visitor.send(f"{page}/balance?{query}", fields)
        assert refused.status_code == 400
        assert local.get(f"/v1/wallets/{past}").json == before
    review = visitor.set_balance(past, "10").location
    fields = visitor.hidden(review, review)
    assert visitor.send(f"{review}?{query}", fields).status_code == 400
    assert local.get(f"/v1/wallets/{past}").json == before
    assert visitor.send(f"{review}?limit=1", fields).status_code == 303
    assert local.get(f"/v1/wallets/{past}").json["balance"] == "10.00"


@pytest.mark.one_engine
def test_parameters_that_a_page_does_not_know_mean_nothing(visitor, past):
    """As links from elsewhere add them; they are not carried on, either."""
    page = visitor.read(f"/wallets/{past}?utm_source=x&text=rent")
    assert notes(page) == "dc"
    assert "utm_source" not in page


WRONG = [
    ("min=1,234", "min", "two ways"),
    ("max=-5", "max", "without a sign"),
    ("min=20.001", "min", "Type an amount"),
    ("min=9&max=5", "max", "less than the lowest"),
    ("from=10/11/2026", "from", "Type a day"),
    ("from=2026-02-30", "from", "Type a day"),
    ("to=0001-01-01", "to", "Type a day"),
    ("to=9999-12-31", "to", "Type a day"),
    ("from=2026-11-10&to=2026-11-09", "to", "before the first"),
    ("kind=gift", "kind", "Kind must be one of"),
    (f"text={'x' * 201}", "text", "200 characters"),
    (f"payee={'x' * 201}", "payee", "200 characters"),
]


@pytest.mark.one_engine
@pytest.mark.parametrize(("query", "field", "words"), WRONG)
def test_what_cannot_be_read_is_said_beside_its_field(
    visitor, past, query, field, words
):
    """It is kept as typed and all entries are shown; there is no statement of it."""
    answer = visitor.get(f"/wallets/{past}?{query}")
    assert (answer.status_code, notes(answer.text)) == (400, "edcba")
    (alert,) = re.findall(r'id="filter-error" role="alert">(.*?)</p>', answer.text)
    assert words in alert
    (marked,) = [tag for tag in answer.text.split("<") if "aria-invalid" in tag]
    assert f'id="filter-{field}"' in marked
    typed = query.partition(f"{field}=")[2]
    assert field == "kind" or f'value="{typed}"' in marked
    assert "All entries are shown." in answer.text
    refused = visitor.get(f"/wallets/{past}/statement.csv?{query}")
    assert (refused.status_code, "attachment" in str(refused.headers)) == (400, False)


NAMES = {
    "Everyday": "Everyday",
    'A/b\\c: "d"': "A-b-c-d",
    "../..": None,
    "=1+1": "1-1",
    "My_wallet": "My-wallet",
    "x" * 99: "x" * 60,
}


@pytest.mark.one_engine
def test_a_statement_is_named_by_its_wallet_and_its_months(visitor, local, past):
    """Or by the days that were asked for; nothing in a name leads elsewhere."""

    def named(wallet, query=""):
        answer = visitor.get(f"/wallets/{wallet}/statement.csv?{query}")
        assert answer.status_code == 200
        return answer.headers["Content-Disposition"].removeprefix("attachment; ")

    assert named(past) == "filename=Everyday-2026-11.csv"
    months = "from=2026-10-01&to=2026-11-30"
    assert named(past, months) == "filename=Everyday-2026-10-to-2026-11.csv"
    assert named(past, "from=2026-11-01&to=2026-11-30") == (
        "filename=Everyday-2026-11.csv"
    )
    assert named(past, "to=2026-11-09") == (
        "filename=Everyday-2026-11-to-2026-11-09.csv"
    )
    day = "from=2026-11-10&to=2026-11-10"
    assert named(past, day) == "filename=Everyday-2026-11-10.csv"
    for name, safe in NAMES.items():
        wallet = local.create(name=name)
        begin = safe or f"wallet-{wallet[-6:]}"
        assert re.fullmatch(rf"filename={begin}-\d{{4}}-\d\d\.csv", named(wallet))
    name = named(local.create(name="Zoë"))
    month = name.removeprefix("filename=Zoe-")[:7]
    assert name == f"filename=Zoe-{month}.csv; filename*=UTF-8''Zo%C3%AB-{month}.csv"


@pytest.mark.one_engine
def test_a_statement_is_named_by_the_months_of_what_was_imported(visitor, app, local):
    """Though the wallet was made afterwards; no name runs backwards."""
    made = datetime.fromisoformat("2026-11-26T08:00:00+02:00")
    writer = Writer(
        service_of(app).store, freeze, lambda: round(made.timestamp() * 1_000_000)
    )
    wallet = create_wallet(writer, name="Main")
    writer.stop()
    names = {
        "": "2026-11",
        "to=2026-02-28": "2026-02",
        "from=2027-01-10": "2027-01-10",
    }
    imported = {
        "": "2026-01-to-2026-11",
        "to=2026-02-28": "2026-01-to-2026-02",
        "to=2026-01-30": "2026-01-to-2026-01-30",
        "to=2025-12-31": "2025-12",
        "from=2026-01-05&to=2026-01-06": "2026-01-05-to-2026-01-06",
        "from=2026-03-01": "2026-03-to-2026-11",
    }
    for number, expected in enumerate((names, imported)):
        if number:
            file = b"Date,Amount\n2026-01-05,10\n2026-02-06,-4\n"
            assert local.bring_in(wallet, file).status_code == 201
        for query, months in expected.items():
            answer = visitor.get(f"/wallets/{wallet}/statement.csv?{query}")
            assert answer.status_code == 200
            told = answer.headers["Content-Disposition"]
            assert told == f"attachment; filename=Main-{months}.csv"


def test_a_statement_tells_payees_names_and_moments(visitor, local, past):
    """Each in a column of its own, and none of them runs in a spreadsheet."""
    other = local.create(name="=Bob; +1")
    assert local.transfer(past, other, 5, payee="@landlord").status_code == 201
    head, rows, _ = lines(visitor, past)
    assert head[5:] == ["Note", "Payee", "Other wallet", "Its name"]
    assert rows[0][5:] == ["", "'@landlord", other, "'=Bob;' +1"]
    assert rows[3][1] == "2026-11-10T23:59:59.999999+02:00"
    assert [row[6] for row in rows[1:]] == ["", "Rent & Co", "", "Corner Shop", "Work"]


def test_a_statement_has_the_length_that_was_announced(visitor, local, past):
    """Though another wallet is renamed, and an entry is added, while it is sent."""
    other = local.create(name="Bob")
    assert local.transfer(past, other, 5).status_code == 201
    path = f"/wallets/{past}/statement.csv?text=bob"
    answer = visitor.client.get(path, base_url=visitor.address)
    assert answer.status_code == 200
    renamed = visitor.client.patch(f"/v1/wallets/{other}", json={"name": "Robert"})
    assert renamed.status_code == 200
    assert local.transfer(past, other, 5).status_code == 201
    assert len(answer.data) == answer.content_length
    assert ",Bob\r\nEnd,,,,,1 of 6 entries,,,\r\n" in answer.text


def test_a_holder_of_a_key_filters_without_other_wallets_names(shared_app):
    """They find notes and payees as the operator does, and see ids alone."""
    operator = Wallets(shared_app.test_client(), OPERATOR)
    made = operator.post("/v1/wallets", {"name": "Ada"}).json
    ada, bob = made["id"], operator.create(name="Bob's secret")
    assert operator.deposit(ada, 9, note="x").status_code == 201
    assert operator.transfer(ada, bob, 1, note="lunch").status_code == 201
    seen = {}
    for token in (made["key"], OPERATOR):
        visitor = Visitor(shared_app.test_client())
        assert visitor.sign_in(token).status_code == 303
        found = [
            notes(visitor.read(f"/wallets/{ada}?text={text}"))
            for text in ("LUNCH", "SECRET")
        ]
        _, rows, end = lines(visitor, ada, "text=secret")
        names = [row[8] for row in lines(visitor, ada)[1]]
        seen[token] = found, [row[7] for row in rows], end[5], names
    assert seen[made["key"]] == (["l", ""], [], "0 of 2 entries", ["", ""])
    assert seen[OPERATOR] == (["l", "l"], [bob], "1 of 2 entries", ["Bob's secret", ""])


def test_a_page_that_found_nothing_within_its_reach_goes_on(visitor, past, monkeypatch):
    """It says so, and the link leads to where it stopped."""
    from wallet.storage import finding

    monkeypatch.setattr(finding, "MOST_READ", 2)
    monkeypatch.setattr(finding, "_PART", 2)
    page = visitor.read(f"/wallets/{past}?text=work")
    assert (notes(page), "No match so far" in page) == ("", True)
    page = visitor.read(link(page, "Older"))
    assert notes(page) == ""
    assert notes(visitor.read(link(page, "Older"))) == "a"
    rows = lines(visitor, past, "text=work")[1]
    assert [row[0] for row in rows] == ["1"]
