"""Where the money went: sums by payee for a month, compared with a plain list."""

import html
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from wallet import create_app
from wallet.api.answers import freeze
from wallet.history import payees
from wallet.ledger.commands import Kind, Submission
from wallet.ledger.ids import new_operation_id
from wallet.ledger.money import LARGEST_MINOR, format_amount
from wallet.ledger.moves import reversal_of
from wallet.storage.queries import find_entry
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import Wallets, a_submission, create_wallet, heard
from ..browsing import Visitor, text_of
from .conftest import OPERATOR

SAST = ZoneInfo("Africa/Johannesburg")
NOBODY = "Without a payee"
LARGEST = format_amount(LARGEST_MINOR, 2)


@dataclass
class Past:
    """A wallet that is written at times of our own, and a plain list of what moved."""

    store: object
    wallet: str = ""
    lines: list = field(default_factory=list)

    def __post_init__(self):
        self.us = us("2026-01-15T12:00")
        self.writer = Writer(self.store, freeze, lambda: self.us)
        self.wallet = create_wallet(self.writer)
        self.other = create_wallet(self.writer, name="Savings")

    def move(self, at, minor, payee=None, *, transfer=False):
        self.us = at if isinstance(at, int) else us(at)
        kind = Kind.DEPOSIT if minor > 0 else Kind.WITHDRAWAL
        more = {"payee": payee}
        if transfer:
            kind, more = Kind.TRANSFER, more | {"recipient": self.other}
        asked = a_submission(self.wallet, kind, format_amount(abs(minor), 2), **more)
        self.submit(asked)
        whom = (payee or "").strip() or ("To Savings" if transfer else NOBODY)
        self.lines.append([self.us, whom, minor])

    def undo(self, at, number):
        """Undo a line, which then never was; the place of its reversal stays empty."""
        self.us = at if isinstance(at, int) else us(at)
        entry = find_entry(self.store, self.wallet, number + 1)
        command = reversal_of(entry, new_operation_id())
        self.submit(Submission((command,), self.wallet))
        self.lines[number][2] = 0
        self.lines.append([self.us, NOBODY, 0])

    def submit(self, submission):
        (result,) = self.writer.submit(submission)
        assert hasattr(result.outcome, "entries"), result.outcome

    def month(self, name):
        """What the list says of a month: for each side, payees with sum and count."""
        sides = []
        for sign in (-1, 1):
            sums, counts = Counter(), Counter()
            for at_us, payee, minor in self.lines:
                shown = datetime.fromtimestamp(at_us // 1_000_000, SAST)
                if f"{shown:%Y-%m}" == name and minor * sign > 0:
                    sums[payee] += abs(minor)
                    counts[payee] += 1
            sides.append({payee: (sums[payee], counts[payee]) for payee in sums})
        return sides


def us(clock):
    return round(datetime.fromisoformat(f"{clock}+02:00").timestamp() * 1_000_000)


@pytest.fixture
def past(app):
    past = Past(service_of(app).store)
    yield past
    past.writer.stop()


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


def shown(visitor, wallet, name):
    """What the page says of a month: for each side, payees with sum and count."""
    page = visitor.read(f"/wallets/{wallet}/months/{name}")
    sides = []
    for part in page.split('<h2 id="')[1:]:
        told = {}
        for row in re.findall(r"<tr>(.*?)</tr>", part.partition("<tbody>")[2], re.S):
            told |= read_row(row)
        # What is said at the top is the sum of what is said below.
        totals = re.findall('class="sum">([^<]*)<', part)
        sums = [sum(each for each, _ in told.values())] if told else []
        assert [minor(total) for total in totals] == sums
        sides.append(told)
    return sides


def read_row(row):
    whom = text_of(row.partition("<small>")[0]).strip()
    (count,) = re.findall(r"<small>(\d+) entr(?:y|ies)<", row)
    (amount,) = re.findall("<td>(.*?)</td>", row)
    return {whom: (minor(amount), int(count))}


def minor(amount):
    return int(re.sub(r"\D", "", amount))


def test_a_month_has_what_a_plain_list_says(past, visitor):
    """By payee, out and in, to the cent, whatever was undone and whenever."""
    chance = random.Random(17)  # noqa: S311  no secret
    known = ("Corner Shop", "corner shop", "Zoë & Söhne", "a", "%_", "\xa0", None)
    past.move("2026-02-01T08:00", 10**9, "Work")
    for number in range(1, 240):
        past.us += chance.randrange(1, 24) * 3_600_000_000
        undone = chance.randrange(number)
        # What came first pays for all the rest.
        if undone and past.lines[undone][2] and chance.random() < 0.3:
            past.undo(past.us, undone)
            continue
        payee, transfer = chance.choice(known), chance.random() < 0.2
        minor = chance.randrange(1, 10**6) * (1 if chance.random() < 0.3 else -1)
        past.move(past.us, -abs(minor) if transfer else minor, payee, transfer=transfer)
    seen = [f"2026-{month:02}" for month in range(1, 9)]
    told = {name: past.month(name) for name in seen}
    assert {name: shown(visitor, past.wallet, name) for name in seen} == told
    assert sum(bool(went) for went, _ in told.values()) >= 3
    assert told["2026-01"] == [{}, {}]


def test_a_month_begins_and_ends_by_the_clocks_of_the_pages(past, visitor):
    """At midnight in Johannesburg, to the microsecond."""
    past.move("2026-02-28T23:59:59.999999", 100, "last")
    past.move("2026-03-01T00:00", 200, "first")
    past.move("2026-03-31T23:59:59.999999", 300, "last")
    past.move("2026-04-01T00:00", 400, "first")
    assert shown(visitor, past.wallet, "2026-02") == [{}, {"last": (100, 1)}]
    assert shown(visitor, past.wallet, "2026-03") == [
        {},
        {"last": (300, 1), "first": (200, 1)},
    ]
    assert shown(visitor, past.wallet, "2026-04") == [{}, {"first": (400, 1)}]


def test_what_is_undone_never_moved_in_whichever_month_that_was(past, visitor):
    """Neither the entry nor its reversal is counted, here and there."""
    past.move("2026-03-05T10:00", 5000, "Work")
    past.move("2026-03-06T10:00", -700, "Shop")
    past.move("2026-03-07T10:00", -300, "Shop")
    past.undo("2026-04-02T10:00", 1)
    assert shown(visitor, past.wallet, "2026-03") == [
        {"Shop": (300, 1)},
        {"Work": (5000, 1)},
    ]
    assert shown(visitor, past.wallet, "2026-04") == [{}, {}]
    page = visitor.read(f"/wallets/{past.wallet}/months/2026-04")
    assert "Nothing went out in April 2026." in page
    assert "Nothing came in during April 2026." in page
    assert "left out, whichever month they were undone in." in page
    assert "Months begin and end at midnight, SAST." in page


def test_sums_beyond_any_balance_are_exact(past, visitor):
    """In and out several times, more than 64 bits have room for."""
    for _ in range(3):
        past.move("2026-03-05T10:00", LARGEST_MINOR, "Vault")
        past.move("2026-03-05T10:00", -LARGEST_MINOR, "Vault")
    told = {"Vault": (3 * LARGEST_MINOR, 3)}
    assert shown(visitor, past.wallet, "2026-03") == [told, told]


def test_the_smallest_of_many_payees_are_one_line(past, visitor):
    """A hundred are named, the largest first; each leads to its entries."""
    past.move("2026-03-05T10:00", 10**6)
    for number in range(1, 104):
        past.move("2026-03-05T10:00", -100 * number, f"Payee & {number}")
    went, came = shown(visitor, past.wallet, "2026-03")
    assert came == {NOBODY: (10**6, 1)}
    assert list(went)[:2] == ["Payee & 103", "Payee & 102"]
    assert list(went)[99:] == ["Payee & 4", "3 others"]
    assert went["3 others"] == (600, 3)
    page = visitor.read(f"/wallets/{past.wallet}/months/2026-03")
    (link,) = re.findall(r'<a href="([^"]*)"><bdi>Payee &amp; 57<', page)
    found = text_of(visitor.read(html.unescape(link)))
    asked = "entries whose payee is “Payee & 57” from 2026-03-01 to 2026-03-31."
    assert f"1 of 104 entries: {asked}" in found


def test_one_payee_beyond_a_hundred_is_one_other(past, visitor):
    """It is counted as one counts."""
    past.move("2026-03-05T10:00", 10**6)
    for number in range(1, 102):
        past.move("2026-03-05T10:00", -100 * number, f"Payee {number}")
    went, _ = shown(visitor, past.wallet, "2026-03")
    assert list(went)[99:] == ["Payee 2", "1 other"]
    assert went["1 other"] == (100, 1)


def test_a_payee_leads_to_its_own_entries_alone(past, visitor):
    """Not to those whose note or payee has the same letters."""
    past.move("2026-03-05T10:00", 1000)
    for payee in ("a", "A", "Shop a", "a"):
        past.move("2026-03-05T10:00", -10, payee)
    page = visitor.read(f"/wallets/{past.wallet}/months/2026-03")
    (link,) = re.findall('<a href="([^"]*)"><bdi>a<', page)
    found = text_of(visitor.read(html.unescape(link)))
    assert "2 of 5 entries: entries whose payee is “a” from " in found


def test_a_month_says_what_a_payees_entries_are_beside_its_sum(past, visitor):
    """The sum is of one direction, without what was undone; the list has all of it."""
    past.move("2026-03-05T10:00", 1000, "Shop")
    past.move("2026-03-06T10:00", -300, "Shop")
    past.move("2026-03-07T10:00", -200, "Shop")
    past.undo("2026-03-08T10:00", 2)
    went, came = shown(visitor, past.wallet, "2026-03")
    assert (went, came) == ({"Shop": (300, 1)}, {"Shop": (1000, 1)})
    page = visitor.read(f"/wallets/{past.wallet}/months/2026-03")
    assert "all its entries of the month, in and out, including those that" in page
    for link in re.findall('<a href="([^"]*)"><bdi>Shop<', page):
        assert "3 of 4 entries: " in text_of(visitor.read(html.unescape(link)))


def test_months_are_stepped_through_from_the_first_to_the_present(past, visitor):
    """No link leads out of the history; the wallet's page leads to this month."""
    past.move("2026-03-05T10:00", 100)

    def steps(address):
        page = visitor.read(address)
        return [
            re.findall(rf'class="{way}" href="[^"]*/([^/"]*)"', page)
            for way in ("earlier", "later")
        ]

    months = f"/wallets/{past.wallet}/months"
    assert f'href="{months}"' in visitor.read(f"/wallets/{past.wallet}")
    (before,), none = steps(months)
    assert none == []
    assert steps(f"{months}/{before}")[1] == [f"{datetime.now(SAST):%Y-%m}"]
    assert steps(f"{months}/2026-02") == [["2026-01"], ["2026-03"]]
    assert steps(f"{months}/2026-01") == [[], ["2026-02"]]
    assert steps(f"{months}/1999-12") == [[], ["2026-01"]]
    assert steps(f"{months}/8999-12") == [[f"{datetime.now(SAST):%Y-%m}"], []]


def test_a_wallets_first_month_has_no_empty_navigation(visitor):
    """A landmark stands for links that are there."""
    wallet = visitor.make_wallet()
    page = visitor.read(f"/wallets/{wallet}/months")
    assert 'aria-label="Months"' not in page
    page = visitor.read(f"/wallets/{wallet}/months/1999-12")
    assert 'aria-label="Months"' in page


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "month",
    ["2026-13", "2026-00", "2026-1", "26-11", "9999-12", "0001-01", "x", "٢٠٢٦-11"],
)
def test_what_is_no_month_is_refused(past, visitor, month):
    """With a sentence that says what one is."""
    answer = visitor.get(f"/wallets/{past.wallet}/months/{month}")
    assert answer.status_code == 400
    assert "must be a month such as 2026-11" in answer.text


def test_transfers_are_named_by_the_other_wallet(past, visitor):
    """Unless they have a payee; the name leads to it, as in the history."""
    past.move("2026-03-05T10:00", 1000)
    past.move("2026-03-05T11:00", -300, transfer=True)
    past.move("2026-03-05T12:00", -200, transfer=True)
    past.move("2026-03-05T13:00", -100, "Rent", transfer=True)
    back = {"recipient": past.wallet}
    past.submit(a_submission(past.other, Kind.TRANSFER, "0.50", **back))
    assert shown(visitor, past.wallet, "2026-03") == [
        {"To Savings": (500, 2), "Rent": (100, 1)},
        {NOBODY: (1000, 1), "From Savings": (50, 1)},
    ]
    page = visitor.read(f"/wallets/{past.wallet}/months/2026-03")
    links = re.findall('href="([^"]*)"><bdi>Savings<', page)
    assert links == [f"/wallets/{past.other}"] * 2


def test_blanks_around_a_payee_make_no_other_one(past, visitor):
    """Whatever a database takes for a blank; the link finds all that was counted."""
    past.move("2026-03-05T10:00", 1000, "\xa0")
    for payee in ("Shop", " Shop", "Shop\xa0", "\u2003Shop", "S hop"):
        past.move("2026-03-05T10:00", -100, payee)
    assert shown(visitor, past.wallet, "2026-03") == [
        {"Shop": (400, 4), "S hop": (100, 1)},
        {NOBODY: (1000, 1)},
    ]
    page = visitor.read(f"/wallets/{past.wallet}/months/2026-03")
    (link,) = re.findall('<a href="([^"]*)"><bdi>Shop<', page)
    assert "4 of 6 entries: " in text_of(visitor.read(html.unescape(link)))


def test_a_month_of_too_many_entries_says_so(past, visitor, monkeypatch):
    """They are not added up; nothing is read of them."""
    for _ in range(4):
        past.move("2026-03-05T10:00", 5)
    monkeypatch.setattr(payees, "MOST_ADDED", 4)
    assert shown(visitor, past.wallet, "2026-03") == [{}, {NOBODY: (20, 4)}]
    monkeypatch.setattr(payees, "MOST_ADDED", 3)
    with heard(past.store) as sent:
        page = visitor.read(f"/wallets/{past.wallet}/months/2026-03")
    assert "March 2026 has more than 3 entries, which is too many to add up." in page
    assert "R\xa0" not in page
    assert not [text for text, _ in sent if "payee" in text]


def test_a_month_is_that_of_clocks_that_change(database_url, tmp_path):
    """In Berlin March begins in winter and ends in summer; October the other way."""
    settings = {"HOME": str(tmp_path), "TIME_ZONE": "Europe/Berlin"}
    app = create_app({"DATABASE_URL": database_url, **settings})
    past, visitor = Past(service_of(app).store), Visitor(app.test_client())
    try:
        for begin, end, name in (
            ("2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00", "2026-03"),
            ("2026-10-01T00:00+02:00", "2026-11-01T00:00+01:00", "2026-10"),
        ):
            first, after = (
                round(datetime.fromisoformat(each).timestamp()) * 1_000_000
                for each in (begin, end)
            )
            past.move(first - 1, 100, "before")
            past.move(first, 200, "first")
            past.move(after - 1, 300, "last")
            past.move(after, 400, "after")
            told = {"last": (300, 1), "first": (200, 1)}
            assert shown(visitor, past.wallet, name) == [{}, told]
            page = visitor.read(f"/wallets/{past.wallet}/months/{name}")
            assert "at midnight, Europe/Berlin." in page
            for payee in told:
                (link,) = re.findall(f'<a href="([^"]*)"><bdi>{payee}<', page)
                found = text_of(visitor.read(html.unescape(link)))
                assert re.search(r" 1 of \d+ entries: ", found)
    finally:
        past.writer.stop()
        service_of(app).close()


def test_a_month_reads_its_own_entries_alone(past, visitor):
    """Few or many, in as many statements; of the months beside it nothing is read."""
    past.move("2026-02-05T10:00", 10**6)
    past.move("2026-03-05T10:00", -5, "Shop")
    for _ in range(40):
        past.move("2026-04-05T10:00", -5, "Shop")
    past.move("2026-05-05T10:00", -5, "Shop")
    counts = []
    for month, bounds in (("03", (1, 2)), ("04", (2, 42))):
        with heard(past.store) as sent:
            visitor.read(f"/wallets/{past.wallet}/months/2026-{month}")
        (asked,) = [values for text, values in sent if "payee" in text]
        assert (asked["after"], asked["until"]) == bounds
        counts.append(len(sent))
    assert counts == [4, 4]


@pytest.mark.one_engine
def test_a_holder_of_a_key_sees_their_own_months_alone(shared_app):
    """Others' are closed to them."""
    operator = Wallets(shared_app.test_client(), OPERATOR)
    made = operator.post("/v1/wallets", {"name": "Ada"}).json
    other = operator.create(name="Bob")
    visitor = Visitor(shared_app.test_client())
    assert visitor.get(f"/wallets/{made['id']}/months").status_code == 401
    assert visitor.sign_in(made["key"]).status_code == 303
    mine = f"/wallets/{made['id']}/months"
    assert "Nothing went out in" in visitor.read(mine)
    assert operator.deposit(made["id"], 5).status_code == 201
    assert operator.transfer(made["id"], other, 1).status_code == 201
    page = visitor.read(mine)
    assert f'To <span class="id">{other}</span>' in page
    assert "Bob" not in page
    assert visitor.get(f"/wallets/{other}/months").status_code == 403
