"""The chart of a wallet's page, and what a balance is worth on the pages."""

import html
import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from wallet.api.answers import freeze
from wallet.clock import now_us, shown_in
from wallet.history.periods import Step
from wallet.ledger.commands import Kind, MoveMoney, Submission
from wallet.ledger.ids import new_operation_id
from wallet.ledger.money import LARGEST_MINOR, Amount, format_amount
from wallet.pages import naming, over_time
from wallet.pages.over_time import RANGES
from wallet.prices.rates import PAIR
from wallet.storage.side_tables import rates
from wallet.storage.tables import wallets
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import a_submission, create_wallet, heard
from ..browsing import Visitor, text_of
from ..chance import examples
from ..charts import Journal, check_chart

pytestmark = pytest.mark.one_engine

SAST = ZoneInfo("Africa/Johannesburg")
HOUR = 60 * 60 * 1_000_000
DAY = 24 * HOUR
NONE = "\u2013 no price known"
NO_PRICE = "The bitcoin price is not available at the moment."


@pytest.fixture
def luno(monkeypatch):
    """A service that asks for the price, though nobody answers yet."""
    monkeypatch.setenv("WALLET_LUNO_URL", "https://luno.invalid/ticker")


@pytest.fixture
def berlin(monkeypatch):
    """Clocks that went back in the night of 2025-10-26; tells a moment of UTC then."""
    monkeypatch.setenv("WALLET_TIME_ZONE", "Europe/Berlin")
    night = datetime(2025, 10, 26, tzinfo=UTC)
    return lambda clock: round(
        datetime.combine(night, time.fromisoformat(clock), UTC).timestamp() * 1_000_000
    )


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


@pytest.fixture
def start_us(monkeypatch):
    """The present of every chart, by which ages are counted, however long it takes."""
    present_us = now_us()
    monkeypatch.setattr(over_time, "now_us", lambda: present_us)
    return present_us


@pytest.fixture
def keep_rates(app, start_us):
    """Return a function that keeps prices of certain ages."""

    def keep(*given):
        rows = [
            {"pair": PAIR, "at_us": start_us - age_us, "price": price}
            for age_us, price in given
        ]
        with service_of(app).store.transaction() as connection:
            connection.execute(insert(rates), rows)

    return keep


@pytest.fixture
def grow(app, start_us):
    """Return a function that makes a wallet of moves that are so old, oldest first."""
    clock = {}
    writer = Writer(service_of(app).store, freeze, lambda: clock["now"])

    def make(*moves, currency="ZAR", floor_minor=0, created=None):
        first = moves[0][0]
        clock["now"] = start_us - max(first, created or 0)
        wallet = create_wallet(writer, currency=currency, floor_minor=floor_minor)
        for age_us, minor in moves:
            clock["now"] = start_us - age_us
            kind = Kind.DEPOSIT if minor > 0 else Kind.WITHDRAWAL
            exponent = {"ZAR": 2, "BTC": 8, "JPY": 0}[currency]
            amount = format_amount(abs(minor), exponent)
            (result,) = writer.submit(a_submission(wallet, kind, amount))
            assert result.frozen.status == 201, result
        if created is not None and created < first:
            # Entries of an old statement are older than the wallet; the last is not.
            age_us = max(created, moves[-1][0])
            with service_of(app).store.transaction() as connection:
                connection.execute(
                    update(wallets)
                    .where(wallets.c.id == wallet)
                    .values(created_at_us=start_us - age_us)
                )
        return wallet

    yield make
    writer.stop()


@pytest.fixture
def crowd(app, start_us):
    """Return a function that has so many cents added in one commit, so long ago."""

    def add(wallet, count, age_us=0):
        at_us = start_us - age_us
        cents = (
            MoveMoney(new_operation_id(), wallet, Kind.DEPOSIT, Amount(1, 2))
            for _ in range(count)
        )
        writer = Writer(service_of(app).store, freeze, lambda: at_us)
        writer.submit(Submission(tuple(cents), wallet))
        writer.stop()

    return add


def plain(page):
    return text_of(page).replace("\u00a0", " ")


def rows_of(page):
    """The cells of the chart's table, row by row, and the times they stand for."""
    table = re.search(r'<details class="points">(.*?)</details>', page, re.S)[1]
    body = table.partition("<tbody>")[2]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
    times = [re.search(r'datetime="([^"]+)"', row)[1] for row in rows]
    cells = [re.findall(r"<td>(.*?)</td>", row, re.S) for row in rows]
    return times, [[plain(cell).strip() for cell in row] for row in cells]


def told_under_the_pointer(page, panel=0):
    """What each part of a panel tells, from the left to the right."""
    plot = page.split('class="plot"')[1 + panel].partition("</figure>")[0]
    return [plain(told) for told in re.findall(r"<rect[^>]*><title>(.*?)<", plot)]


def column_of(page):
    """The worth of each entry, newest first."""
    found = re.findall(r'class="worth"[^>]*>(.*?)</td>', page, re.S)
    return [plain(cell).strip() for cell in found]


def test_a_wallet_without_entries_has_no_chart(visitor):
    """Its place is kept for the script, and the page is whole."""
    wallet = visitor.make_wallet()
    page = visitor.read(f"/wallets/{wallet}")
    assert '<section id="chart">' in page
    assert "<svg" not in page
    assert 'class="ranges"' not in page


def test_a_new_wallet_shows_its_day_and_an_older_one_its_month(visitor, grow):
    """Every range can be asked for, and says that it is the one that is shown."""
    for wallet, usual in (
        (grow((HOUR, 500)), "day"),
        (grow((3 * DAY, 500)), "month"),
    ):
        for name in (None, *RANGES):
            page = visitor.read(
                f"/wallets/{wallet}" + (f"?range={name}" if name else "")
            )
            assert page.count('role="img"') == 1
            links = re.findall(
                r'href="([^"]+)" aria-current="true">(\w+)<',
                page.partition("ranges")[2],
            )
            chosen = name or usual
            assert links == [
                (f"/wallets/{wallet}?range={chosen}#chart", chosen.title())
            ]


@pytest.mark.parametrize("query", ["range=week", "range=", "range=day&range=day"])
def test_a_range_that_is_not_there_is_refused(visitor, grow, query):
    """A sentence says which there are."""
    answer = visitor.get(f"/wallets/{grow((HOUR, 500))}?{query}")
    assert answer.status_code == 400
    assert "must be one of day, month, year, all" in answer.text


def test_the_range_and_the_page_of_the_history_do_not_disturb_each_other(visitor, grow):
    """The links of each keep the other."""
    wallet = grow(*((HOUR, 100) for _ in range(5)))
    page = html.unescape(visitor.read(f"/wallets/{wallet}?limit=2&before=5&range=year"))
    address = f"/wallets/{wallet}"
    for link in (
        f"{address}?range=day&limit=2&before=5#chart",
        f"{address}?limit=2&range=year#history",
        f"{address}?limit=2&range=year&before=3#history",
    ):
        assert f'href="{link}"' in page
    assert page.count('class="date"') == 2


def test_setting_the_balance_keeps_the_range(visitor, grow):
    """Saved or refused."""
    wallet = grow((HOUR, 500))
    page, action = (
        f"/wallets/{wallet}?range=all",
        f"/wallets/{wallet}/balance?range=all",
    )
    saved = visitor.fill(page, action, balance="7")
    assert (saved.status_code, saved.location) == (303, page)
    refused = visitor.fill(page, action, balance="x")
    assert refused.status_code == 400
    assert re.search(r'range=all#chart" aria-current="true"', refused.text)


@pytest.mark.parametrize(
    ("age", "name", "every", "points"),
    [
        (400 * DAY, "day", "15 minutes", {97}),
        (400 * DAY, "month", "day", {31}),
        (400 * DAY, "year", "week", {53, 54}),
        (3 * HOUR, "all", "minute", {181}),
        (5 * HOUR, "all", "5 minutes", {61}),
        (6 * DAY, "all", "hour", {145}),
        (100 * DAY, "all", "day", {101}),
        # It depends on the day of the week and of the month whether there is one more.
        (500 * DAY, "all", "week", {72, 73}),
        (2000 * DAY, "all", "month", {66, 67}),
        (9000 * DAY, "all", "year", {25, 26}),
    ],
)
def test_many_entries_are_told_by_the_finest_period_that_is_still_clear(
    visitor, grow, crowd, age, name, every, points
):
    """Never more than 200 periods; up to 200 entries are told one by one."""
    wallet = grow((age, 500))
    crowd(wallet, 200)
    page = visitor.read(f"/wallets/{wallet}?range={name}")
    assert "Balance after each entry, oldest first" in page
    assert len(rows_of(page)[0]) == 201
    assert len(told_under_the_pointer(page)) == 201
    crowd(wallet, 1)
    page = visitor.read(f"/wallets/{wallet}?range={name}")
    assert f"Balance of each {every}, oldest first" in page
    times, rows = rows_of(page)
    assert len(times) in points
    assert rows[-1][-1] == "R 7.01"
    assert len(told_under_the_pointer(page)) == len(times) == len(rows)


@pytest.fixture
def on(start_us):
    """Return how the pages write a moment that is so old."""

    def on(age_us):
        time = shown_in(SAST, start_us - age_us)
        year = "" if time.year == shown_in(SAST, start_us).year else f" {time.year}"
        return f"{time.day} {time:%b}{year} at {time:%H:%M}"

    return on


def test_the_chart_tells_in_words_what_it_shows(visitor, grow, on):
    """First, last, lowest and highest, each with its moment, and so on the pointer."""
    ages = (2 * DAY, 2 * DAY - HOUR, DAY, HOUR)
    wallet = grow(
        *zip(ages, (10_000, -9_000, 9_000, 2_000), strict=True), created=3 * DAY
    )
    page = visitor.read(f"/wallets/{wallet}?range=all")
    held = ["R 0.00", "R 100.00", "R 10.00", "R 100.00", "R 120.00"]
    times = [on(age) for age in (3 * DAY, *ages)]
    extremes = f"Lowest R 0.00 on {times[0]}, highest R 120.00 on {times[4]}."
    description = plain(re.search(r"<desc[^>]*>(.*?)</desc>", page, re.S)[1])
    assert description == f"From R 0.00 to R 120.00. {extremes}"
    assert extremes in plain(page.partition("</figure>")[2])
    assert told_under_the_pointer(page) == [
        f"From {time}: {amount}" for time, amount in zip(times, held, strict=True)
    ]
    assert "Thin lines" not in page


def test_what_is_hidden_within_a_period_is_drawn_and_said(visitor, grow, crowd, on):
    """A day that ended lower than it once was."""
    wallet = grow((12 * DAY, 5), (3 * DAY + 1, 10_000), (3 * DAY, -9_000))
    crowd(wallet, 201)
    page = visitor.read(f"/wallets/{wallet}?range=month")
    assert "Thin lines show the low and high of each day." in page
    (told,) = (each for each in told_under_the_pointer(page) if "R 100.05" in each)
    day = on(3 * DAY).partition(" at ")[0]
    assert told == f"On {day}: R 10.05 at the end, lowest R 0.05, highest R 100.05"


def test_a_chart_begins_at_the_creation_or_at_an_older_entry(
    visitor, grow, crowd, start_us
):
    """Nothing is told of a time before, whatever the range."""
    for created, first in ((50 * HOUR, 40 * HOUR), (40 * HOUR, 50 * HOUR)):
        wallet = grow((first, 10_000), (2 * HOUR, 500), created=created)
        for count in (0, 201):
            if count:
                crowd(wallet, count)
            for name in ("month", "year", "all"):
                page = visitor.read(f"/wallets/{wallet}?range={name}")
                begins = f"{shown_in(UTC, start_us - 50 * HOUR):%Y-%m-%dT%H:%M}"
                assert rows_of(page)[0][0].startswith(begins)
                lowest = "R 0.00" if created > first else "R 100.00"
                assert f"Lowest {lowest} " in plain(page)


def test_an_hour_that_clocks_show_twice_is_named_by_its_offset(berlin, app, visitor):
    """In what is told of an hour, and in the rows of the history."""
    first, second, third = (berlin(clock) for clock in ("00:00", "01:00", "02:00"))
    with app.app_context():
        told = [
            naming.within(Step.HOUR, *pair)
            for pair in ((first, second), (second, third))
        ]
        span = naming.span(second - 60_000_000, second)
    assert [each.partition(" between ")[2] for each in told] == [
        "02:00 UTC+02:00 and 02:00 UTC+01:00",
        "02:00 UTC+01:00 and 03:00",
    ]
    assert span.endswith(", 02:59 UTC+02:00 to 02:00 UTC+01:00")
    clock = {"now": first}
    writer = Writer(service_of(app).store, freeze, lambda: clock["now"])
    wallet = create_wallet(writer)
    for clock["now"] in (first, second, third):
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "1"))
    writer.stop()
    page = visitor.read(f"/wallets/{wallet}")
    rows = re.findall(r'class="date".*?<time [^>]*>2025-10-26 ([^<]*)<', page)
    assert rows == ["03:00", "02:00 UTC+01:00", "02:00 UTC+02:00"]


def test_a_page_takes_as_many_statements_for_a_long_history(
    app, visitor, grow, crowd, keep_rates
):
    """Few of them, whatever there is: entries, periods, and prices."""
    wallet = grow((40 * DAY, 100), (2 * HOUR, 100))
    counts = []
    for entries in (250, 2000):
        crowd(wallet, entries)
        keep_rates(*((hour * HOUR + entries, "1000000") for hour in range(48)))
        for query in ("", "?range=day", "?range=all"):
            with heard(service_of(app).store) as sent:
                visitor.read(f"/wallets/{wallet}{query}")
            counts.append(len(sent))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 11


def test_below_zero_there_is_a_line_of_zero(visitor, grow):
    """And amounts keep their sign."""
    wallet = grow((HOUR, -5_000), floor_minor=-10_000)
    page = visitor.read(f"/wallets/{wallet}")
    assert 'class="zero"' in page
    assert ">\u221250</text>" in page


def test_the_largest_amounts_are_drawn(visitor, grow, keep_rates):
    """To the cent in the table, shortly beside the axis."""
    keep_rates((2 * HOUR, "0.01"))
    wallet = grow((HOUR, LARGEST_MINOR))
    page = visitor.read(f"/wallets/{wallet}")
    assert "100\u00a0000T</text>" in page
    worth = "9 223 372 036 854 775 807.00000000"
    assert rows_of(page)[1][-1] == ["R 92 233 720 368 547 758.07", worth]


def test_without_a_price_there_are_dashes_and_a_sentence(luno, visitor, grow):
    """Never a zero, on either page; and other currencies say nothing of it."""
    wallet = grow((HOUR, 500))
    page = visitor.read(f"/wallets/{wallet}")
    assert NO_PRICE in page
    assert "No bitcoin price was known then, so no value is drawn." in page
    assert column_of(page) == [NONE]
    assert f"In bitcoin {NONE}" in plain(page)
    assert 'id="value-over-time-title"' not in page
    shown = plain(visitor.read("/"))
    assert NO_PRICE in shown
    assert "BTC" not in shown.partition("New wallet")[0]
    yen = visitor.read(f"/wallets/{grow((HOUR, 500), currency='JPY')}")
    assert "bitcoin" not in yen.lower()
    assert 'class="worth"' not in yen
    assert 'role="img"' in yen


def test_the_value_now_says_by_which_price(visitor, grow, keep_rates, start_us):
    """On the wallet's page and on Bank Balances, for each wallet and in total."""
    keep_rates((30 * HOUR, "1"), (HOUR, "1234567"), (-DAY, "2"))
    wallet, other = grow((2 * HOUR, 123_456_700)), grow((2 * HOUR, 12_345_670))
    grow((2 * HOUR, 150_000_000), currency="BTC")
    read_at = f"{shown_in(SAST, start_us - HOUR):%H:%M on %Y-%m-%d}"
    said = f"At R 1 234 567.00 a bitcoin, read from Luno at {read_at}."
    page = plain(visitor.read(f"/wallets/{wallet}"))
    assert "In bitcoin 1.00000000" in page
    assert said in page
    index = plain(visitor.read("/"))
    assert said in index
    for worth in (
        *("R 1 234 567.00 BTC 1.00000000", "R 123 456.70 BTC 0.10000000"),
        *(
            "BTC 1.50000000 R 1 851 850.50",
            "South African rand R 1 358 023.70 BTC 1.10000000",
        ),
    ):
        assert worth in index
    assert f"/wallets/{other}" in visitor.read("/")


def test_an_entry_has_the_worth_of_its_own_time(visitor, grow, keep_rates):
    """By the newest price before it, at most a day old; otherwise a dash."""
    keep_rates((50 * HOUR, "200"), (10 * HOUR, "400.5"), (HOUR, "1000"))
    ages = (60 * HOUR, 50 * HOUR, 27 * HOUR, 25 * HOUR, 9 * HOUR, 0)
    wallet = grow(*((age, 10_000) for age in ages))
    page = visitor.read(f"/wallets/{wallet}")
    assert "Balance in BTC</th>" in page
    found = column_of(page)
    assert found == [
        *("0.60000000", "1.24843945", NONE),
        *("1.50000000", "1.00000000", NONE),
    ]


def test_a_wallet_of_bitcoin_shows_rand(visitor, grow, keep_rates):
    """In the column, in the second panel and beside the balance."""
    keep_rates((3 * HOUR, "1000000.005"))
    wallet = grow((2 * HOUR, 100_000_000), (HOUR, -50_000_000), currency="BTC")
    page = visitor.read(f"/wallets/{wallet}")
    assert column_of(page) == ["R 500 000.00", "R 1 000 000.00"]
    assert "Balance in ZAR</th>" in page
    assert "In rand R 500 000.00" in plain(page)
    assert "At R 1 000 000.005 a bitcoin" in plain(page)
    assert ">Balance in ZAR</figcaption>" in page
    assert rows_of(page)[1][-1][-1] == "R 500 000.00"


def test_where_no_price_was_known_the_value_has_a_gap(visitor, grow, keep_rates):
    """A sentence says so, and the gap is shaded."""
    keep_rates((10 * DAY, "1000"), (2 * DAY, "1000"))
    wallet = grow((12 * DAY, 100_000))
    page = visitor.read(f"/wallets/{wallet}?range=month")
    assert page.count('role="img"') == 2
    assert "The value has gaps, shaded, where no price was known." in page
    lower = page.partition('id="value-over-time-title"')[2]
    line = re.search(r'class="line" d="([^"]+)"', lower)[1]
    assert line.count("M") == 2
    assert 'class="gaps" d=""' not in lower
    told = told_under_the_pointer(page, 1)
    assert {each.rpartition(": ")[2] for each in told} == {"BTC 1.00000000"}
    assert len(told) == 2
    keep_rates(*((age * DAY + HOUR, "1000") for age in range(13)))
    page = visitor.read(f"/wallets/{wallet}?range=month")
    assert "has gaps" not in page
    assert page.count('class="gaps" d=""') == 2


def test_where_bitcoin_has_no_price_and_never_will_nothing_speaks_of_it(
    visitor, grow, keep_rates
):
    """Neither a column nor a label nor a chart, until a price is known."""
    wallet = grow((HOUR, 500))
    for address in (f"/wallets/{wallet}", "/"):
        shown = visitor.read(address).partition("New wallet")[0]
        assert "bitcoin" not in shown.lower()
        assert "BTC" not in shown
    keep_rates((400 * DAY, "1000000"))
    page = visitor.read(f"/wallets/{wallet}")
    assert "Balance in BTC</th>" in page
    assert NO_PRICE in page


moves = st.lists(
    st.tuples(
        st.integers(0, 40 * 24 * 60) | st.integers(0, 500),
        st.integers(-900, 999).filter(bool),
    ),
    min_size=1,
    max_size=12,
).map(lambda moves: sorted(moves, reverse=True))
prices = st.dictionaries(
    st.integers(0, 40 * 24), st.integers(1, 10**7).map(str), max_size=12
)


@pytest.mark.model
@given(
    moves=moves,
    created=st.integers(0, 41 * 24 * 60),
    prices=prices,
    name=st.sampled_from(RANGES),
    most=st.sampled_from([2, 9, 50]),
)
@settings(max_examples=examples(40))
def test_all_that_a_chart_tells_is_true_of_the_journal(
    app,
    visitor,
    grow,
    keep_rates,
    start_us,
    monkeypatch,
    moves,
    created,
    prices,
    name,
    most,
):
    """In words, under the pointer and in the table, by the entry or by the period."""
    monkeypatch.setattr(over_time, "_MOST", most)
    store = service_of(app).store
    with store.transaction() as connection:
        connection.execute(rates.delete())
    if prices:
        keep_rates(*((hours * HOUR, price) for hours, price in prices.items()))
    minute = HOUR // 60
    wallet = grow(
        *((age * minute, minor) for age, minor in moves),
        floor_minor=-(10**6),
        created=created * minute,
    )
    page = visitor.read(f"/wallets/{wallet}?range={name}")
    check_chart(page, Journal(store, wallet), start_us)
