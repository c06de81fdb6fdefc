"""The chart of a wallet's page, and what a balance is worth on the pages."""

import html
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from wallet.api.answers import freeze
from wallet.clock import now_us, shown_in
from wallet.ledger.commands import Kind
from wallet.ledger.money import LARGEST_MINOR, format_amount
from wallet.pages.over_time import RANGES
from wallet.prices.rates import PAIR
from wallet.storage.side_tables import rates
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import a_submission, create_wallet
from ..browsing import Visitor, text_of
from ..chance import examples

pytestmark = pytest.mark.one_engine

SAST = ZoneInfo("Africa/Johannesburg")
HOUR = 60 * 60 * 1_000_000
DAY = 24 * HOUR
NONE = "\u2013 no price known"
NO_PRICE = "The bitcoin price is not available at the moment."


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


@pytest.fixture
def keep_rates(app):
    """Return a function that keeps prices of certain ages."""

    def keep(*given):
        rows = [
            {"pair": PAIR, "at_us": now_us() - age_us, "price": price}
            for age_us, price in given
        ]
        with service_of(app).store.transaction() as connection:
            connection.execute(insert(rates), rows)

    return keep


@pytest.fixture
def grow(app):
    """Return a function that makes a wallet of moves that are so old, oldest first."""
    clock = {}
    writer = Writer(service_of(app).store, freeze, lambda: clock["now"])

    def make(*moves, currency="ZAR", floor_minor=0):
        start = now_us()
        clock["now"] = start - (moves[0][0] if moves else 0)
        wallet = create_wallet(writer, currency=currency, floor_minor=floor_minor)
        for age_us, minor in moves:
            clock["now"] = start - age_us
            kind = Kind.DEPOSIT if minor > 0 else Kind.WITHDRAWAL
            exponent = {"ZAR": 2, "BTC": 8, "JPY": 0}[currency]
            amount = format_amount(abs(minor), exponent)
            (result,) = writer.submit(a_submission(wallet, kind, amount))
            assert result.outcome, result
        return wallet

    yield make
    writer.stop()


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
        f"{address}?limit=2&range=year",
        f"{address}?limit=2&before=3&range=year",
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
    ("age", "name", "step", "points"),
    [
        (400 * DAY, "day", "hour", {24}),
        (400 * DAY, "month", "day", {31}),
        (400 * DAY, "year", "week", {53}),
        (10 * DAY, "all", "hour", {241}),
        (30 * DAY, "all", "day", {31}),
        (300 * DAY, "all", "day", {301}),
        # It depends on the day of the week and of the month whether there is one more.
        (500 * DAY, "all", "week", {72, 73}),
        (2000 * DAY, "all", "week", {286, 287}),
        (9000 * DAY, "all", "month", {296, 297}),
    ],
)
def test_a_range_has_the_finest_step_that_is_still_clear(
    visitor, grow, age, name, step, points
):
    """Never more than 366 points."""
    wallet = grow((age, 500))
    page = visitor.read(f"/wallets/{wallet}?range={name}")
    times, rows = rows_of(page)
    assert f"Balance by {step}, oldest first" in page
    assert len(times) in points
    assert len(rows) == len(times)
    assert rows[-1] == ["R 5.00"] * 4 + [NONE]


def test_the_chart_tells_in_words_what_it_shows(visitor, grow):
    """First, last, lowest and highest, and a sentence for what the line hides."""
    ages = (2 * DAY, 2 * DAY - 1, 2 * DAY - 2, DAY)
    wallet = grow(*zip(ages, (10_000, -9_000, 9_000, 2_000), strict=True))
    page = visitor.read(f"/wallets/{wallet}?range=month")
    told = plain(re.search(r"<desc[^>]*>(.*?)</desc>", page, re.S)[1])
    days = [
        f"{shown_in(SAST, now_us()) - timedelta(days=n):%Y-%m-%d}" for n in (2, 1, 0)
    ]
    assert told == (
        "At first R 100.00, at last R 120.00;"
        f" lowest R 0.00 ({days[0]}), highest R 120.00 ({days[1]})."
    )
    title = re.search(r"<title id[^>]*>(.*?)</title>", page, re.S)[1]
    assert title == f"Balance (ZAR), {days[0]} to {days[2]}"
    assert "upright lines" not in page
    wallet = grow((2 * DAY, 5), (DAY, 10_000), (DAY - 1, -9_000))
    assert "Thin upright lines tell what was held within a day." in visitor.read(
        f"/wallets/{wallet}?range=month"
    )


def test_below_zero_there_is_a_line_of_zero(visitor, grow):
    """And amounts keep their sign."""
    wallet = grow((HOUR, -5_000), floor_minor=-10_000)
    page = visitor.read(f"/wallets/{wallet}")
    assert 'class="zero"' in page
    assert ">-50</text>" in page


def test_the_largest_amounts_are_drawn(visitor, grow, keep_rates):
    """To the cent in the table, shortly beside the axis."""
    keep_rates((2 * HOUR, "0.01"))
    wallet = grow((HOUR, LARGEST_MINOR))
    page = visitor.read(f"/wallets/{wallet}")
    assert "100\u00a0000 tn</text>" in page
    worth = "9 223 372 036 854 775 807.00000000"
    assert rows_of(page)[1][-1] == [*["R 92 233 720 368 547 758.07"] * 4, worth]


def test_without_a_price_there_are_dashes_and_a_sentence(visitor, grow):
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


def test_the_value_now_says_by_which_price(visitor, grow, keep_rates):
    """On the wallet's page and on Bank Balances, for each wallet and in total."""
    keep_rates((30 * HOUR, "1"), (HOUR, "1234567"), (-DAY, "2"))
    wallet, other = grow((2 * HOUR, 123_456_700)), grow((2 * HOUR, 12_345_670))
    grow((2 * HOUR, 150_000_000), currency="BTC")
    read_at = f"{shown_in(SAST, now_us() - HOUR):%H:%M on %Y-%m-%d}"
    said = f"At R 1 234 567.00 a bitcoin, read from Luno at {read_at}."
    page = plain(visitor.read(f"/wallets/{wallet}"))
    assert "In bitcoin 1.00000000" in page
    assert said in page
    index = plain(visitor.read("/"))
    assert said in index
    for worth in (
        *("R 1 234 567.00 BTC 1.00000000", "R 123 456.70 BTC 0.10000000"),
        *("BTC 1.50000000 R 1 851 850.50", "ZAR R 1 358 023.70 BTC 1.10000000"),
    ):
        assert worth in index
    assert f"/wallets/{other}" in visitor.read("/")


def test_an_entry_has_the_worth_of_its_own_time(visitor, grow, keep_rates):
    """By the newest price before it, at most a day old; otherwise a dash."""
    keep_rates((50 * HOUR, "200"), (10 * HOUR, "400.5"), (HOUR, "1000"))
    ages = (60 * HOUR, 50 * HOUR, 27 * HOUR, 25 * HOUR, 9 * HOUR, 0)
    wallet = grow(*((age, 10_000) for age in ages))
    page = visitor.read(f"/wallets/{wallet}")
    assert "Bitcoin (BTC)</th>" in page
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
    assert "Rand (ZAR)</th>" in page
    assert "In rand R 500 000.00" in plain(page)
    assert "At R 1 000 000.005 a bitcoin" in plain(page)
    assert "Value in Rand (ZAR)" in page
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
    values = [row[-1] for row in rows_of(page)[1]]
    assert set(values) == {"1.00000000", NONE}
    keep_rates(*((age * DAY + HOUR, "1000") for age in range(13)))
    page = visitor.read(f"/wallets/{wallet}?range=month")
    assert "has gaps" not in page
    assert page.count('class="gaps" d=""') == 2


moves = st.lists(
    st.tuples(st.integers(0, 40 * 24), st.integers(-900, 999).filter(bool)),
    min_size=1,
    max_size=12,
).map(lambda moves: sorted(moves, reverse=True))
prices = st.dictionaries(
    st.integers(0, 40 * 24), st.integers(1, 10**7).map(str), max_size=12
)


@pytest.mark.model
@given(moves=moves, prices=prices, name=st.sampled_from(RANGES))
@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_chart_is_the_series(
    app, local, visitor, grow, keep_rates, moves, prices, name
):
    """Row for row what the call tells, and the line ends at the balance."""
    with service_of(app).store.transaction() as connection:
        connection.execute(rates.delete())
    if prices:
        keep_rates(*((hours * HOUR, price) for hours, price in prices.items()))
    wallet = grow(
        *((hours * HOUR, minor) for hours, minor in moves), floor_minor=-(10**6)
    )
    page = visitor.read(f"/wallets/{wallet}?range={name}")
    step = re.search(r"Balance by (\w+), oldest first", page)[1]
    times, rows = rows_of(page)
    answer = local.get(f"/v1/wallets/{wallet}/series?step={step}&from={times[0]}")
    assert answer.status_code == 200, answer.text
    points = answer.json["points"]
    # Between the two a new hour may have begun.
    assert len(times) <= len(points) <= len(times) + 1
    points = points[: len(times)]
    assert times == [point["from"] for point in points]

    def cell(text):
        return text.replace("R ", "").replace(" ", "")

    amounts = ("opening", "low", "high", "closing")
    assert [[cell(text) for text in row[:4]] for row in rows] == [
        [point[each] for each in amounts] for point in points
    ]
    assert [None if row[4].startswith(NONE) else cell(row[4]) for row in rows[:-1]] == [
        point["value"] for point in points[:-1]
    ]
    assert cell(rows[-1][3]) == local.balance(wallet)[0]
