"""Services elsewhere: their time zone, and the currency of their new wallets."""

import csv
import io
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from wallet import create_app
from wallet.web.service import service_of

from ..actions import Wallets

pytestmark = pytest.mark.one_engine


@pytest.fixture
def service_in(sqlite_url, tmp_path):
    """Make a local service somewhere."""
    apps = []

    def make(**settings):
        given = {"DATABASE_URL": sqlite_url, "HOME": str(tmp_path)} | settings
        apps.append(create_app(given))
        return Wallets(apps[-1].test_client())

    yield make
    for app in apps:
        service_of(app).close()


@pytest.mark.parametrize(
    ("zone", "clocks"),
    [
        ("Africa/Johannesburg", "SAST"),
        ("America/New_York", "America/New_York"),
        ("Asia/Kathmandu", "Asia/Kathmandu"),
        ("UTC", "UTC"),
    ],
)
def test_page_statement_and_series_tell_the_time_of_one_zone(service_in, zone, clocks):
    """And they name it: shortly, where its clocks never change."""
    service = service_in(TIME_ZONE=zone)
    wallet = service.create()
    at = service.deposit(wallet, 5).json["entry"]["at"]
    shown = datetime.fromisoformat(at).astimezone(ZoneInfo(zone))
    page = service.get(f"/wallets/{wallet}").text
    assert f"Date <small>({clocks})</small>" in page
    assert f"From <small>({clocks})</small>" in page
    date = r'class="date" data-clock="(\S+)"><a [^>]*><time[^>]*>(.*?)<'
    (told,) = re.findall(date, page)
    assert told == (f"{shown:%Z}", f"{shown:%Y-%m-%d %H:%M}")
    statement = service.get(f"/wallets/{wallet}/statement.csv").text
    heading, entry, _end = csv.reader(io.StringIO(statement))
    assert heading[1] == f"Date ({clocks})"
    assert entry[1] == shown.isoformat(timespec="microseconds")
    series = service.get(f"/v1/wallets/{wallet}/series")
    assert (series.status_code, series.json["tz"]) == (200, zone)
    midnight = shown.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = datetime.fromisoformat(series.json["points"][0]["from"])
    assert begins == midnight
    other = service.get(f"/v1/wallets/{wallet}/series?tz=Pacific/Apia")
    assert (other.status_code, other.json["tz"]) == (200, "Pacific/Apia")


def test_a_wallet_that_names_no_currency_has_that_of_the_service(service_in):
    """In the interface and in the form, which both take another one."""
    service = service_in(DEFAULT_CURRENCY="EUR")
    first = service.get("/").text
    assert '<option value="EUR" selected>' in first
    made = [service.post("/v1/wallets", body) for body in ({}, {"currency": "ZAR"})]
    told = [(each.status_code, each.json["currency"]) for each in made]
    assert told == [(201, "EUR"), (201, "ZAR")]
    assert '<option value="EUR" selected>' in service.get("/").text
    for wrong in (None, "", "eur"):
        refused = service.post("/v1/wallets", {"currency": wrong})
        assert (refused.status_code, refused.json["field"]) == (400, "currency")
    assert len(service.get("/v1/wallets").json["wallets"]) == 2


def test_another_default_makes_no_second_wallet_under_a_key(service_in):
    """The key belongs to a wallet of the currency of that time."""
    key = {"Idempotency-Key": "k"}
    made = service_in().post("/v1/wallets", {}, **key)
    assert made.status_code == 201
    moved = service_in(DEFAULT_CURRENCY="EUR")
    refused = moved.post("/v1/wallets", {}, **key)
    assert refused.status_code == 422
    assert refused.json["type"] == "/problems/key-reused"
    again = moved.post("/v1/wallets", {"currency": "ZAR"}, **key)
    assert (again.status_code, again.json["id"]) == (201, made.json["id"])
    assert len(moved.get("/v1/wallets").json["wallets"]) == 1
