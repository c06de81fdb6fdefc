"""What a wallet held over time, compared with a plain model of its history."""

import csv
import io
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from wallet import create_app
from wallet.api.answers import freeze
from wallet.ledger.commands import Kind, Submission
from wallet.ledger.ids import new_wallet_id
from wallet.prices.rates import keep_rate
from wallet.storage.tables import wallets
from wallet.web.service import service_of
from wallet.writer import Writer

from ..actions import Wallets, a_submission, create_wallet
from ..chance import examples

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
FLOOR = -500
SAST = ZoneInfo("Africa/Johannesburg")
ZONES = (
    *("Africa/Johannesburg", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "UTC"),
)
#: How long periods of each step can be, in hours.
LENGTHS = {
    "hour": (0.5, 1.5),
    "day": (23, 25),
    "week": (7 * 24 - 1, 7 * 24 + 1),
    "month": (28 * 24 - 1, 31 * 24 + 1),
    "year": (365 * 24 - 1, 366 * 24 + 1),
    "decade": (3652 * 24 - 1, 3653 * 24 + 1),
}


def us(text):
    """The microseconds of a time as the interface writes it."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def iso(at_us):
    at = EPOCH + timedelta(microseconds=at_us)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def minor(text):
    return int(text.replace(".", ""))


#: Near the days on which some of the zones change their clocks.
starts = st.sampled_from(
    [us(f"2026-{day}T00:00:00Z") for day in ("03-07", "03-28", "04-04", "10-24")]
)
#: How far the clock goes until the next commit; at times it goes back.
gaps = st.one_of(
    st.sampled_from([0, 0, 1, -1, HOUR // 2, HOUR, DAY, -DAY]),
    st.integers(-HOUR, 3 * DAY),
)
amounts = st.integers(-400, 400).filter(bool)
commits = st.tuples(gaps, st.lists(amounts, min_size=1, max_size=4), st.integers(1, 40))
journals = st.lists(commits, max_size=12)


class Journal:
    """Writes commits at the times of a clock of its own, and keeps a plain model."""

    def __init__(self, store, start_us):
        self.now_us = self.last_us = start_us
        self.balance, self.model = 0, []
        self.writer = Writer(store, freeze, lambda: self.now_us)
        self.wallet = create_wallet(self.writer, floor_minor=FLOOR)

    def commit(self, gap_us, changes):
        self.now_us += gap_us
        moves = []
        for change in changes:
            kind = Kind.DEPOSIT if change > 0 else Kind.WITHDRAWAL
            units, cents = divmod(abs(change), 100)
            moves += a_submission(self.wallet, kind, f"{units}.{cents:02}").commands
            if self.balance + change >= FLOOR:
                self.balance += change
                self.last_us = max(self.last_us, self.now_us)
                self.model.append((self.last_us, self.balance))
        self.writer.submit(Submission(tuple(moves), self.wallet))


def write(store, start_us, commits):
    """Write a journal, and tell what a list of times and balances makes of it."""
    journal = Journal(store, start_us)
    for gap_us, changes, times in commits:
        journal.commit(gap_us, changes * times)
    journal.writer.stop()
    return journal.wallet, journal.model


def held_at(model, at_us):
    """Balance and version at a moment, entries of that moment included."""
    held = [balance for time_us, balance in model if time_us <= at_us]
    return (held[-1] if held else 0), len(held)


def check_table_and_statement(calls, wallet, model):
    """The pages of entries, and the file for spreadsheets, have the model's rows."""
    listed, page = [], f"/v1/wallets/{wallet}/entries?limit=500"
    while page:
        answer = calls.get(page)
        assert answer.status_code == 200, answer.text
        listed += answer.json["entries"]
        page = answer.json["next"]
    table = [(us(entry["at"]), minor(entry["balance"])) for entry in listed]
    assert table[::-1] == model
    answer = calls.get(f"/wallets/{wallet}/statement.csv")
    assert answer.status_code == 200
    _, *lines, end = csv.reader(io.StringIO(answer.text))
    assert end[5] == f"{len(model)} entries"
    statement = [
        (
            (datetime.fromisoformat(line[1]).replace(tzinfo=SAST) - EPOCH)
            // timedelta(microseconds=1),
            minor(line[4]),
        )
        for line in lines
    ]
    assert statement[::-1] == model


def check_points(points, model, step, zone, start_us, end_us):
    """Points are whole local periods, touch each other, and say what the model says."""
    assert us(points[0]["from"]) <= start_us
    assert us(points[0]["to"]) > start_us
    assert us(points[-1]["from"]) < end_us <= us(points[-1]["to"])
    low_hours, high_hours = LENGTHS[step]
    for place, point in enumerate(points):
        from_us, to_us = us(point["from"]), us(point["to"])
        if place:
            assert from_us == us(points[place - 1]["to"])
            assert point["opening"] == points[place - 1]["closing"]
        shown = (EPOCH + timedelta(microseconds=from_us)).astimezone(zone)
        assert (shown.minute, shown.second, shown.microsecond) == (0, 0, 0) or (
            # Half an hour was left out just here.
            shown.minute == 30 and zone.key == "Australia/Lord_Howe"
        )
        assert step == "hour" or shown.hour == 0
        assert step != "week" or shown.weekday() == 0
        assert step not in ("month", "year", "decade") or shown.day == 1
        assert step not in ("year", "decade") or shown.month == 1
        assert step != "decade" or shown.year % 10 == 0
        if place < len(points) - 1:
            assert low_hours <= (to_us - from_us) / HOUR <= high_hours
        opening, _ = held_at(model, from_us - 1)
        inside = [balance for time_us, balance in model if from_us <= time_us < to_us]
        told = [minor(point[name]) for name in ("opening", "low", "high", "closing")]
        balances = [opening, *inside]
        assert told == [opening, min(balances), max(balances), balances[-1]]


def check_days(points, model, zone):
    """Grouped by the date that the clocks of the zone showed, it is the same."""
    dates = {}
    for at_us, balance in model:
        local = (EPOCH + timedelta(microseconds=at_us)).astimezone(zone)
        dates.setdefault(local.date(), []).append(balance)
    told = {}
    for point in points:
        local = (EPOCH + timedelta(microseconds=us(point["from"]))).astimezone(zone)
        told[local.date()] = minor(point["closing"])
    assert len(told) == len(points)
    assert {day: told[day] for day in dates} == {
        day: balances[-1] for day, balances in dates.items()
    }


@pytest.mark.model
def test_series_table_statement_and_balance_agree(database_url):
    """For any journal, zone and step, all of them say what a plain model says."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app({"DATABASE_URL": database_url, "HOME": home})
        store, calls = service_of(app).store, Wallets(app.test_client())

        @settings(
            max_examples=examples(25),
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(starts, journals, st.sampled_from(ZONES), st.sampled_from([*LENGTHS]))
        def agree(start_us, journal, name, step):
            wallet, model = write(store, start_us, journal)
            check_table_and_statement(calls, wallet, model)
            times = [start_us, *(at_us for at_us, _ in model)]
            for at_us in {at_us + by for at_us in times[::9] for by in (-1, 0, 1)}:
                answer = calls.get(f"/v1/wallets/{wallet}/balance?at={iso(at_us)}")
                assert answer.status_code == 200, answer.text
                told = minor(answer.json["balance"]), answer.json["version"]
                assert told == held_at(model, at_us)
            zone = ZoneInfo(name)
            end_us = times[-1] + 1
            asked = f"from={iso(start_us)}&to={iso(end_us)}&step={step}&tz={name}"
            answer = calls.get(f"/v1/wallets/{wallet}/series?{asked}")
            assert answer.status_code == 200, answer.text
            points = answer.json["points"]
            check_points(points, model, step, zone, start_us, end_us)
            assert points[-1]["closing"] == calls.balance(wallet)[0]
            if step == "day":
                check_days(points, model, zone)

        try:
            agree()
        finally:
            service_of(app).close()


@pytest.fixture
def wallet(local):
    """A wallet with a deposit and a withdrawal."""
    wallet = local.create()
    local.deposit(wallet, "125.50")
    local.withdraw(wallet, "25.50")
    return wallet


def series(calls, wallet, **query):
    query = "&".join(
        f"{name.rstrip('_')}={quote(each)}" for name, each in query.items()
    )
    return calls.get(f"/v1/wallets/{wallet}/series?{query}")


def test_without_parameters_it_is_the_days_until_now(local, wallet):
    """In South Africa, from the creation on; the last point ends now."""
    answer = series(local, wallet)
    assert answer.status_code == 200
    told = answer.json
    assert (told["wallet"], told["currency"]) == (wallet, "ZAR")
    assert (told["step"], told["tz"]) == ("day", "Africa/Johannesburg")
    (point,) = told["points"][-1:]
    assert [point[each] for each in ("opening", "low", "high", "closing")] == [
        "0.00",
        "0.00",
        "125.50",
        "100.00",
    ]
    assert us(point["from"]) % DAY == 22 * HOUR
    now_us = (datetime.now(UTC) - EPOCH) // timedelta(microseconds=1)
    assert now_us - 60 * SECOND < us(point["to"]) <= now_us
    assert set(point) == {
        *("from", "to", "opening", "low", "high", "closing"),
        *("value", "value_currency", "rate", "rate_at"),
    }


def test_a_wallet_in_which_nothing_happened_held_nothing(local):
    """There is a point all the same, and a balance."""
    wallet = local.create(currency="JPY")
    answer = series(local, wallet, step="month")
    assert answer.status_code == 200
    (point,) = answer.json["points"]
    assert [point[each] for each in ("low", "high", "closing")] == ["0"] * 3
    answer = local.get(f"/v1/wallets/{wallet}/balance")
    assert answer.status_code == 200
    assert (answer.json["balance"], answer.json["version"]) == ("0", 0)


def test_a_date_is_a_local_midnight(local, wallet):
    """A day of 25 hours from one date to the next, in its own zone."""
    answer = series(
        local, wallet, from_="2025-10-26", to="2025-10-27", tz="Europe/Berlin"
    )
    assert answer.status_code == 200
    (point,) = answer.json["points"]
    assert point["from"] == "2025-10-25T22:00:00.000000Z"
    assert point["to"] == "2025-10-26T23:00:00.000000Z"


def test_before_its_creation_a_wallet_held_nothing(local, wallet):
    """However far back one looks; no moment is rounded."""
    for at in ("1900-01-01T00:00:00Z", "2001-02-03T04:05:06.789+05:45"):
        answer = local.get(f"/v1/wallets/{wallet}/balance?at={quote(at)}")
        assert answer.status_code == 200, answer.text
        assert (answer.json["balance"], answer.json["version"]) == ("0.00", 0)
    assert answer.json["at"] == "2001-02-02T22:20:06.789000Z"
    answer = local.get(f"/v1/wallets/{wallet}/balance")
    assert answer.status_code == 200
    assert (answer.json["balance"], answer.json["version"]) == ("100.00", 2)


def test_what_is_older_than_the_wallet_is_told(app):
    """Entries of an old statement count, and without parameters it begins there."""
    store, calls = service_of(app).store, Wallets(app.test_client())
    start_us = us("2026-01-05T10:00:00Z")
    wallet, _ = write(store, start_us, [(0, [7], 1), (3 * DAY, [5], 1)])
    with store.transaction() as connection:
        created = update(wallets).values(created_at_us=start_us + 2 * DAY)
        connection.execute(created.where(wallets.c.id == wallet))
    answer = calls.get(f"/v1/wallets/{wallet}/balance?at={iso(start_us + DAY)}")
    assert answer.status_code == 200, answer.text
    assert (answer.json["balance"], answer.json["version"]) == ("0.07", 1)
    answer = series(calls, wallet, step="day", to=iso(start_us + 2 * DAY))
    assert answer.status_code == 200, answer.text
    told = [(each["from"][:10], each["closing"]) for each in answer.json["points"]]
    assert told == [
        ("2026-01-04", "0.07"),
        ("2026-01-05", "0.07"),
        ("2026-01-06", "0.07"),
    ]


def test_the_present_ends_where_the_last_entry_is(app):
    """Where the clock went back, an entry is told although it lies ahead."""
    store, calls = service_of(app).store, Wallets(app.test_client())
    ahead_us = us("2126-01-01T00:00:00Z")
    wallet, model = write(store, ahead_us, [(HOUR, [5], 1)])
    asked = f"from={iso(ahead_us)}&step=hour"
    answer = calls.get(f"/v1/wallets/{wallet}/series?{asked}")
    assert answer.status_code == 200
    assert [point["closing"] for point in answer.json["points"]] == ["0.00", "0.05"]
    assert us(answer.json["points"][-1]["to"]) == model[-1][0] + 1
    path = f"/v1/wallets/{wallet}/balance"
    assert calls.get(path).json["balance"] == "0.05"
    assert calls.get(f"{path}?at={iso(model[-1][0])}").json["balance"] == "0.05"
    assert calls.get(f"{path}?at={iso(model[-1][0] + 1)}").status_code == 400


def test_an_end_in_the_future_is_now(local, wallet):
    """Nothing is told about what is to come."""
    answer = series(local, wallet, to="9999-12-31T23:59:59.999999-23:59")
    assert answer.status_code == 200
    assert us(answer.json["points"][-1]["to"]) < us("2100-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("step", "to", "length"),
    [
        ("hour", "2020-02-11T16:00:00Z", HOUR),
        ("day", "2022-09-27T00:00:00Z", DAY),
        ("week", "2039-02-28T00:00:00Z", 7 * DAY),
    ],
)
def test_a_thousand_points_are_told_and_no_more(local, wallet, step, to, length):
    """One more is refused, and so are very many, at once."""
    end_us = min(us(to), us("2026-01-01T00:00:00Z"))
    start_us = end_us - 1000 * length
    if step == "week":
        # The last Monday before, and a thousand weeks.
        end_us = us("2025-12-29T00:00:00Z")
        start_us = end_us - 1000 * length
    asked = {"step": step, "tz": "UTC", "to": iso(end_us)}
    answer = series(local, wallet, from_=iso(start_us), **asked)
    assert answer.status_code == 200, answer.text
    assert len(answer.json["points"]) == 1000
    for start in (start_us - 1, us("1900-01-01T00:00:00Z")):
        answer = series(local, wallet, from_=iso(start), **asked)
        assert answer.status_code == 400
        assert answer.json["field"] == "step"


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("years", "step"),
    [
        *((2.7, "day"), (2.8, "week"), (20, "month"), (84, "year")),
        *((1_200, "decade"), (8_029, "decade")),
    ],
)
def test_without_a_step_it_grows_with_the_age_of_a_wallet(app, years, step):
    """However far a clock was off; a step that was asked for does not grow."""
    store, calls = service_of(app).store, Wallets(app.test_client())
    start_us = us("1970-06-01T00:00:00Z")
    age_us = int(years * 365.25 * DAY)
    wallet, model = write(store, start_us, [(age_us, [7, -2], 1)])
    end_us = start_us + age_us + 1
    # Now is later than the last entry of some of them.
    answer = series(calls, wallet, to=iso(end_us))
    assert answer.status_code == 200, answer.text
    assert answer.json["step"] == step
    check_points(answer.json["points"], model, step, SAST, start_us, end_us)
    if years > 2.7:
        fine = series(calls, wallet, step="day")
        assert (fine.status_code, fine.json["field"]) == (400, "step")
    if years > 80:
        assert calls.get(f"/v1/wallets/{wallet}/series").status_code == 200
        page = calls.get(f"/wallets/{wallet}?range=all")
        assert page.status_code == 200, page.text
        assert "highest R\u00a00.07 on" in page.text
        assert "<svg" in page.text


BAD = [
    ("tz", "../../etc/passwd"),
    ("tz", ""),
    ("tz", "UTC\0"),
    ("tz", "/etc/localtime"),
    ("tz", "Europe"),
    ("tz", "europe/berlin"),
    ("tz", "+02:00"),
    ("tz", "x" * 3000),
    ("step", ""),
    ("step", "century"),
    ("step", "DAY"),
    ("from", ""),
    ("from", "now"),
    ("from", "2026-11-01T00:00:00"),
    ("from", "2026-11-01T00:00:00 02:00"),
    ("from", "2026-11-01T00:00:00.0000001Z"),
    ("from", "2026-11-01T24:00:00Z"),
    ("from", "2026-11-01T00:00:00+24:00"),
    ("from", "2026-02-30"),
    ("from", "20261101"),
    ("from", "2026-W45-1"),
    ("from", "\u0662\u0660\u0662\u0666-11-01"),
    ("from", "0000-01-01"),
    ("from", "0001-01-01"),
    ("from", "1899-12-31T23:59:59Z"),
    ("from", "10000-01-01"),
    ("from", "9999-12-31"),
    ("from", "2026-11-01\n"),
    ("to", "1900-01-01"),
    ("to", "0001-01-01T00:00:00+23:59"),
    ("to", "x"),
    ("limit", "5"),
    ("at", "2026-11-01T00:00:00Z"),
]


@pytest.mark.parametrize(("field", "given"), BAD)
def test_what_is_malformed_is_named(local, wallet, field, given):
    """Hostile zones, dates that are not in the calendar, and unknown parameters."""
    answer = local.get(f"/v1/wallets/{wallet}/series?{field}={quote(given)}")
    assert answer.status_code == 400, answer.text
    assert answer.json["type"] == "/problems/malformed"
    assert answer.json["field"] == field


@pytest.mark.parametrize(
    "given",
    [
        *("", "now", "2026-11-01", "2026-11-01T00:00:00", "0001-01-01T00:00:00Z"),
        *("2026-02-29T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-01T00:00:60Z"),
    ],
)
def test_a_moment_is_a_time_with_its_zone_that_has_come(local, wallet, given):
    """Anything else is refused, and so is the future."""
    answer = local.get(f"/v1/wallets/{wallet}/balance?at={quote(given)}")
    assert answer.status_code == 400
    assert answer.json["field"] == "at"
    answer = local.get(f"/v1/wallets/{wallet}/balance?tz=UTC")
    assert answer.status_code == 400
    assert answer.json["field"] == "tz"


def test_a_series_ends_after_it_begins(local, wallet):
    """Of two equal times, and of two that are exchanged, the later one is named."""
    for to in ("2026-11-01", "2026-10-31"):
        answer = series(local, wallet, from_="2026-11-01", to=to)
        assert answer.status_code == 400
        assert answer.json["field"] == "to"
    twice = local.get(f"/v1/wallets/{wallet}/series?step=day&step=day")
    assert twice.status_code == 400
    assert twice.json["field"] == "step"


def test_a_point_has_its_worth_where_a_rate_counted_at_its_end(app):
    """Rand in bitcoin, bitcoin in rand, by the newest rate; else all four are null."""
    store, calls = service_of(app).store, Wallets(app.test_client())
    start_us = us("2026-03-01T00:00:00Z")
    wallet, _ = write(store, start_us, [(HOUR, [100_000], 1), (30 * HOUR, [50_000], 1)])
    with store.transaction() as connection:
        keep_rate(connection, Decimal("1000000.50"), start_us + 20 * HOUR)
        keep_rate(connection, Decimal("1250000.00"), start_us + 24 * HOUR)
    asked = {"from_": iso(start_us), "to": iso(start_us + 4 * DAY), "tz": "UTC"}
    answer = series(calls, wallet, **asked)
    assert answer.status_code == 200
    names = ("closing", "value", "value_currency", "rate", "rate_at")
    told = [tuple(point[name] for name in names) for point in answer.json["points"]]
    seen = iso(start_us + DAY)
    assert told == [
        ("1000.00", "0.00080000", "BTC", "1250000.00", seen),
        ("1500.00", "0.00120000", "BTC", "1250000.00", seen),
        ("1500.00", None, None, None, None),
        ("1500.00", None, None, None, None),
    ]
    coins = calls.create(currency="BTC")
    answer = series(calls, coins, **asked)
    assert answer.status_code == 200
    assert [point["value"] for point in answer.json["points"]] == [
        *("0.00", "0.00"),
        *(None, None),
    ]
    answer = series(calls, calls.create(currency="EUR"), **asked)
    assert answer.status_code == 200
    assert {point["value"] for point in answer.json["points"]} == {None}


@pytest.mark.parametrize("call", ["balance", "series"])
def test_who_may_read_a_wallet_may_read_its_past(operator, stranger, call):
    """Its own key and the operator; another wallet's key learns nothing."""
    made = [operator.post("/v1/wallets", {}).json for _ in "ab"]
    path = f"/v1/wallets/{made[0]['id']}/{call}"
    own, other = (Wallets(operator.client, each["key"]) for each in made)
    assert operator.get(path).status_code == 200
    assert own.get(path).status_code == 200
    assert other.get(path).status_code == 403
    assert other.get(f"/v1/wallets/{new_wallet_id()}/{call}").status_code == 403
    assert stranger.get(path).status_code == 401
    assert operator.get(f"/v1/wallets/{new_wallet_id()}/{call}").status_code == 404
    assert operator.get(f"/v1/wallets/x/{call}").status_code == 404
    raised = operator.post(f"/v1/wallets/{made[0]['id']}/keys", {})
    assert raised.status_code == 201
    assert own.get(path).status_code == 401
