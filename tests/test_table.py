"""The table of balances, from the first stage on."""

import os
import re
import subprocess
import sys
import urllib.request
from decimal import Decimal

import pytest
from page import look
from page import text_of

FIRST_STAGE = 1


@pytest.fixture
def view(client):
    return look(client)


def test_the_page_says_its_language(view):
    """A screen reader has to know how to speak."""
    assert view.tree.get("lang") == "en"


def test_the_page_has_a_title(view):
    """It stands on the tab and in the bookmarks."""
    assert text_of(view.the("title")) == "Account History \N{EN DASH} Good Bank"


def test_the_page_fits_a_phone(view):
    """Without this line a phone shows a desk's page, very small."""
    viewport = view.the("meta[@name='viewport']").get("content")

    assert viewport == "width=device-width, initial-scale=1"


def test_the_page_names_an_icon(view, client):
    """Otherwise every visit asks for /favicon.ico and logs a 404."""
    icon = view.the("link[@rel='icon']").get("href")

    if not icon.startswith("data:"):
        with client.get(icon) as response:
            assert response.status_code == 200


def test_there_is_one_table_with_the_named_columns(view, stage):
    """The header cells are exactly these, in this order."""
    columns = ["Date", "Balance (ZAR)", "Bitcoin (BTC)"]

    assert view.the("table").get("id") == "history"
    assert view.headers == columns[: 2 if stage < 4 else 3]


def test_the_rows_are_ten_balances_oldest_first(view):
    """One row an entry, in the order of time."""
    dates = [row[0] for row in view.rows]

    assert len(dates) == 10
    assert dates == sorted(dates)
    assert view.rows[0][:2] == ("2017-01-01", "R\u00a040.00")
    assert view.rows[1][:2] == ("2017-01-02", "R\u00a036.00")
    assert view.rows[5][:2] == ("2017-01-20", "-R\u00a050.00")


def test_a_date_cell_holds_a_time_element_that_repeats_it(view):
    """Machines read the attribute, people the text."""
    times = view.all("tr/td/time")

    assert len(times) == 10
    assert [time.get("datetime") for time in times] == [time.text for time in times]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", time.text) for time in times)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.00", "R 0.00"),
        ("-0.00", "R 0.00"),
        ("0.05", "R 0.05"),
        ("999.99", "R 999.99"),
        ("1234.56", "R 1 234.56"),
        ("1234567.00", "R 1 234 567.00"),
        ("-50.00", "-R 50.00"),
        ("-1234.50", "-R 1 234.50"),
        ("999999999999.99", "R 999 999 999 999.99"),
    ],
)
def test_rand_are_written_with_cents_and_spaces_that_never_break(server, amount, text):
    """Every space is a no-break space, so no amount is torn over two lines."""
    assert server.rand(Decimal(amount)) == text.replace(" ", "\u00a0")


def test_a_view_changes_nothing(client):
    """Two views in a row give the same bytes and set no cookie."""
    first = client.get("/")
    second = client.get("/")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.data == second.data
    assert "Set-Cookie" not in first.headers


def test_another_address_is_not_found(client):
    """Only the page is there."""
    assert client.get("/balances").status_code == 404


def test_a_bare_flask_run_serves_the_page(folder):
    """``.flaskenv`` tells Flask which file is the program."""
    assert status_of_flask_run(folder, {}) == 200


@pytest.mark.once
def test_flask_run_with_the_variable_serves_the_page(folder):
    """``export FLASK_APP=server.py`` works as well."""
    assert status_of_flask_run(folder, {"FLASK_APP": "server.py"}) == 200


def status_of_flask_run(folder, variables):
    command = [sys.executable, "-m", "flask", "run", "--port", "0"]
    nowhere = {"SECRET_KEY": "x", "LUNO_TICKER_URL": "http://127.0.0.1:1"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **nowhere, **variables},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            address = re.compile(r"http://\S+")
            [url] = next(filter(None, map(address.findall, process.stderr)))
            with urllib.request.urlopen(url) as response:
                return response.status
        finally:
            process.terminate()
