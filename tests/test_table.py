"""The table of balances, from the first stage on."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from decimal import Decimal

import pytest
from page import Page

FIRST_STAGE = 1


@pytest.fixture
def view(client):
    response = client.get("/")
    assert response.status_code == 200
    return Page(response)


def test_the_page_says_its_language_title_and_width(view):
    """A page without them is unreadable to a screen reader or on a phone."""
    [html] = view.all("html")
    [title] = view.all("title")
    [viewport] = view.all("meta", name="viewport")

    assert html["lang"] == "en"
    assert "Good Bank" in title["text"]
    assert viewport["content"] == "width=device-width, initial-scale=1"


def test_there_is_one_table_with_the_named_columns(view, stage):
    """The header cells are exactly the contract's, in its order."""
    [table] = view.all("table")
    columns = ["Date", "Balance (ZAR)", "Bitcoin (BTC)"]

    assert table["id"] == "history"
    assert view.headers == columns[: 2 if stage < 4 else 3]


def test_the_rows_are_ten_balances_oldest_first(view):
    """One row an entry, in the order of time."""
    dates = [row[0] for row in view.rows]

    assert len(dates) == 10
    assert dates == sorted(dates)
    assert view.rows[0][:2] == ("2017-01-01", "R\u00a040.00")
    assert view.rows[1][:2] == ("2017-01-02", "R\u00a036.00")


def test_a_date_cell_holds_a_time_element_that_repeats_it(view):
    """Machines read the attribute, people the text."""
    times = view.all("time")

    assert len(times) == 10
    assert [time["datetime"] for time in times] == [time["text"] for time in times]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", time["text"]) for time in times)


def test_the_last_row_alone_is_the_latest(view):
    """The address ``/#latest`` leads to the newest balance."""
    marked = [row for row in view.all("tr") if row.get("aria-current") == "true"]

    assert [row["id"] for row in marked] == ["latest"]
    assert view.rows[-1][0] in view.text("latest")


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


@pytest.mark.parametrize("exported", [False, True])
def test_flask_run_serves_the_page(folder, exported):
    """A bare ``flask run`` in the stage's folder is enough; so is the variable."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SECRET_KEY": "x", "LUNO_TICKER_URL": "http://[::1]:1"}
    environment |= {"FLASK_APP": "server.py"} if exported else {}
    command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        status = wait_for_status(f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        process.wait()

    assert status == 200


def wait_for_status(url):
    for _ in range(100):
        try:
            with urllib.request.urlopen(url) as response:
                return response.status
        except OSError:
            time.sleep(0.1)
    return None
