"""The update without a reload."""

import time

import pytest
from stages import LUNO_URL
from stages import TICKER

FIRST_STAGE = 5

pytestmark = pytest.mark.browser

UNCONFIRMED = (
    "We could not confirm that your balance was saved. Reload the page to see."
)


@pytest.fixture
def tab(visit):
    tab = visit()
    tab.evaluate("window.sameLoad = true")
    return tab


def send(tab, text):
    tab.fill("#balance", text)
    tab.get_by_role("button", name="Set balance").click()


def wait_for_rows(tab, count):
    tab.locator("#balances tr").nth(count - 1).wait_for()
    assert tab.locator("#balances tr").count() == count


def focused(tab):
    return tab.evaluate("document.activeElement.id")


def test_a_balance_is_saved_without_a_reload(tab):
    """New row, cleared field, focus back, and a sentence for the screen reader."""
    send(tab, "R 1 234.56")

    wait_for_rows(tab, 11)
    assert "R\u00a01\u00a0234.56" in tab.locator("#latest").inner_text()
    saved = tab.locator("#saved")
    assert saved.get_attribute("role") == "status"
    assert saved.inner_text().startswith("Saved: R\u00a01\u00a0234.56 on ")
    assert tab.locator("#balance").input_value() == ""
    assert focused(tab) == "balance"
    assert tab.evaluate("window.sameLoad")


@pytest.mark.parametrize("price", [True, False])
def test_the_script_and_the_template_write_the_same_cells(tab, luno, server, price):
    """A reload changes nothing on the screen, with a price and without one."""
    if not price:
        server.ticker.update(price=None, failed=True)
        luno.get(LUNO_URL, status_code=503)
    cells = """() => [...document.querySelectorAll("#balances tr")].map((row) => [
        row.id, row.getAttribute("aria-current"),
        [...row.cells].map((cell) => cell.innerHTML.trim()),
    ])"""
    send(tab, "-50")
    wait_for_rows(tab, 11)
    by_script, price_by_script = tab.evaluate(cells), tab.locator("#price").inner_text()

    tab.reload()

    assert tab.evaluate(cells) == by_script
    assert tab.locator("#price").inner_text() == price_by_script


def test_a_refusal_shows_in_the_alert_and_keeps_the_text(tab):
    """Then a good balance clears the alert again."""
    send(tab, "1,234")

    error = tab.locator("#error")
    tab.wait_for_function("document.querySelector('#error').textContent")
    assert error.get_attribute("role") == "alert"
    assert "two ways" in error.inner_text()
    assert tab.locator("#balance").input_value() == "1,234"
    assert tab.locator("#balance").get_attribute("aria-invalid") == "true"
    assert focused(tab) == "balance"
    wait_for_rows(tab, 10)

    send(tab, "1234")

    wait_for_rows(tab, 11)
    assert error.inner_text() == ""
    assert tab.locator("#balance").get_attribute("aria-invalid") is None
    assert tab.evaluate("window.sameLoad")


def test_two_quick_clicks_save_one_balance(tab, luno, server):
    """The button rests while the first click is on its way."""
    server.app.config["TICKER_MAX_AGE"] = 0
    luno.get(LUNO_URL, json=lambda request, context: time.sleep(0.5) or TICKER)
    tab.fill("#balance", "7")

    tab.get_by_role("button", name="Set balance").dblclick()
    tab.locator("#balance").press("Enter")

    wait_for_rows(tab, 11)
    time.sleep(0.7)
    tab.reload()
    wait_for_rows(tab, 11)


def test_two_tabs_at_once_save_both_balances(tab, visit, luno, server):
    """They share one cookie, so the second waits for the first one's answer."""
    server.app.config["TICKER_MAX_AGE"] = 0
    luno.get(LUNO_URL, json=lambda request, context: time.sleep(0.3) or TICKER)
    other = visit()

    send(tab, "7")
    send(other, "8")

    wait_for_rows(tab, 11)
    wait_for_rows(other, 12)


def test_with_the_server_gone_it_says_that_saving_is_not_confirmed(tab, live):
    """The text stays in the field, and the button can be used again."""
    live.stop()

    send(tab, "7")

    tab.wait_for_function("document.querySelector('#error').textContent")
    assert tab.locator("#error").inner_text() == UNCONFIRMED
    assert tab.locator("#balance").input_value() == "7"
    assert tab.get_by_role("button", name="Set balance").is_enabled()
    assert focused(tab) == "balance"
    wait_for_rows(tab, 10)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "body": "Internal Server Error"},
        {"status": 200, "body": "<!doctype html>", "content_type": "text/html"},
        {"status": 200, "body": "{}", "content_type": "application/json"},
    ],
    ids=["fault", "not JSON", "no history"],
)
def test_an_answer_that_makes_no_sense_confirms_nothing(tab, answer):
    """Only the server's own sentence is shown as its own."""
    tab.route("**/api/update", lambda route: route.fulfill(**answer))

    send(tab, "7")

    tab.wait_for_function("document.querySelector('#error').textContent")
    assert tab.locator("#error").inner_text() == UNCONFIRMED
    assert tab.locator("#balance").input_value() == "7"
    wait_for_rows(tab, 10)


def test_what_the_server_sends_stays_text(tab):
    """No cell can become part of the page."""
    hostile = "<img src=x onerror=alert(1)>"
    row = {"date": hostile, "balance_text": hostile, "bitcoin": hostile}
    body = {"history": [row], "price": hostile}
    tab.route("**/api/update", lambda route: route.fulfill(json=body))

    send(tab, "7")

    tab.wait_for_function("document.querySelector('#saved').textContent")
    assert tab.locator("#latest").inner_text().count(hostile) == 3
    assert tab.locator("main img").count() == 0
