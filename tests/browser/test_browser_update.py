"""The update without a reload."""

from threading import Event

import pytest
from actions import send
from actions import visit_anew
from actions import wait_for_rows
from actions import wait_for_text
from actions import wait_for_view
from stages import LUNO_URL

FIRST_STAGE = 5

pytestmark = pytest.mark.browser

UNCONFIRMED = (
    "We could not confirm that your balance was saved. Reload the page to see."
)

CELLS = """() => [...document.querySelectorAll("#balances tr")].map((row) => [
  row.id, row.className, row.getAttribute("aria-current"),
  [...row.cells].map((cell) => cell.innerHTML.trim()),
])"""


@pytest.fixture
def tab(visit):
    return visit()


@pytest.fixture
def slow(server, monkeypatch):
    """Hold every saved balance back until ``slow.set()``."""
    may_answer = Event()
    statement = server.statement

    def wait_and_state():
        assert may_answer.wait(60)
        return statement()

    monkeypatch.setattr(server, "statement", wait_and_state)
    yield may_answer
    may_answer.set()


def focused(tab):
    return tab.evaluate("document.activeElement.id")


def set_balance(tab):
    return tab.get_by_role("button", name="Set balance")


def test_a_balance_is_saved_without_a_reload(tab):
    """The row is there, and what the page knew before it still knows."""
    tab.evaluate("window.sameLoad = true")

    send(tab, "R 1 234.56")

    wait_for_rows(tab, 11)
    assert "R\u00a01\u00a0234.56" in tab.locator("#latest").inner_text()
    assert tab.evaluate("window.sameLoad")


def test_after_saving_the_form_is_ready_for_the_next_balance(tab):
    """The field is empty and has the focus, even if the button was clicked."""
    tab.fill("#balance", "7")
    set_balance(tab).click()

    wait_for_rows(tab, 11)
    assert tab.locator("#balance").input_value() == ""
    assert focused(tab) == "balance"
    assert set_balance(tab).is_enabled()


def test_after_saving_a_sentence_in_view_says_so(visit):
    """In an element that screen readers announce when idle."""
    tab = visit()
    for width, height in (1280, 720), (1366, 768), (375, 667), (375, 800):
        visit_anew(tab, width, height)

        send(tab, "7")

        assert wait_for_text(tab, "#saved") == "Saved: R\u00a07.00."
        assert tab.locator("#saved").get_attribute("role") == "status"
        wait_for_view(tab, "#saved")


def test_after_saving_the_large_balance_is_the_new_one(tab):
    """It must not contradict the table below."""
    send(tab, "7")

    wait_for_rows(tab, 11)
    assert tab.locator("#current").inner_text() == "R\u00a07.00"


@pytest.mark.parametrize("status", [200, 503])
def test_the_script_and_the_template_write_the_same_cells(
    visit, luno, status, stage, server
):
    """A reload changes nothing on the screen, with a new price and without one."""
    luno.get(LUNO_URL, status_code=status, json={"ask": "1650100.00"})
    tab = visit()
    luno.get(LUNO_URL, status_code=status, json={"ask": "2000000"})
    server.luno["asked"] -= 30
    send(tab, "-50")
    wait_for_rows(tab, 11)
    by_script, price_by_script = tab.evaluate(CELLS), tab.locator("#price").inner_text()

    tab.reload()

    assert tab.evaluate(CELLS) == by_script
    assert tab.locator("#price").inner_text() == price_by_script


def test_a_refusal_shows_in_the_alert_and_keeps_the_text(tab):
    """The field is marked and has the focus."""
    send(tab, "1,234")

    assert wait_for_text(tab, "#error").startswith("Type ")
    field = tab.locator("#balance")
    assert field.input_value() == "1,234"
    assert field.get_attribute("aria-invalid") == "true"
    assert focused(tab) == "balance"
    wait_for_rows(tab, 10)


def test_a_good_balance_clears_the_alert(tab):
    """What was wrong is over."""
    send(tab, "1,234")
    wait_for_text(tab, "#error")

    send(tab, "1234")

    wait_for_rows(tab, 11)
    assert tab.locator("#error").inner_text() == ""
    assert tab.locator("#balance").get_attribute("aria-invalid") is None


def test_a_refusal_takes_back_what_was_said_before(tab):
    """Otherwise "Saved" would stand beside it."""
    send(tab, "7")
    wait_for_text(tab, "#saved")

    send(tab, "1,234")

    wait_for_text(tab, "#error")
    assert tab.locator("#saved").inner_text() == ""


def test_two_quick_clicks_save_one_balance(tab, slow):
    """The button rests while the first click is on its way."""
    tab.fill("#balance", "7")
    set_balance(tab).dblclick()
    tab.press("#balance", "Enter")
    assert set_balance(tab).is_disabled()

    slow.set()

    wait_for_rows(tab, 11)
    tab.reload()
    wait_for_rows(tab, 11)


def test_while_a_balance_is_sent_nothing_else_can_be_typed(tab, slow):
    """The answer empties the field, so it would be lost."""
    send(tab, "7")
    tab.keyboard.type("89")

    assert tab.locator("#balance").input_value() == "7"

    slow.set()
    wait_for_rows(tab, 11)
    tab.keyboard.type("89")
    assert tab.locator("#balance").input_value() == "89"


def test_two_tabs_at_once_save_both_balances(tab, visit, slow):
    """They share one cookie, so the second waits for the first one's answer."""
    slow.set()
    other = visit()
    slow.clear()
    send(tab, "7")
    send(other, "8")

    slow.set()

    wait_for_rows(tab, 11)
    wait_for_rows(other, 12)


def test_with_the_server_gone_it_says_that_saving_is_not_confirmed(tab, live):
    """The text stays in the field, and the button can be used again."""
    live.stop()

    send(tab, "7")

    assert wait_for_text(tab, "#error") == UNCONFIRMED
    assert tab.locator("#balance").input_value() == "7"
    assert set_balance(tab).is_enabled()
    assert focused(tab) == "balance"
    wait_for_rows(tab, 10)


def test_without_an_answer_for_ten_seconds_it_says_so(tab):
    """The browser's clock is faked, so the test need not wait ten seconds."""
    tab.clock.install(time=0)
    tab.reload()
    tab.clock.pause_at(3600)
    tab.route("**/api/update", lambda route: None)
    with tab.expect_request("**/api/update"):
        send(tab, "7")

    tab.clock.fast_forward(9_000)
    assert tab.locator("#error").inner_text() == ""
    tab.clock.fast_forward(1_500)
    tab.clock.resume()

    assert wait_for_text(tab, "#error") == UNCONFIRMED


def test_a_fault_of_the_server_confirms_nothing(tab, server, monkeypatch):
    """It may have come after the balance was saved."""
    monkeypatch.setattr(server, "statement", lambda: 1 / 0)

    send(tab, "7")

    assert wait_for_text(tab, "#error") == UNCONFIRMED
    assert tab.locator("#balance").input_value() == "7"
    wait_for_rows(tab, 10)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200, "body": "<!doctype html>", "content_type": "text/html"},
        {"status": 200, "body": "{}", "content_type": "application/json"},
    ],
    ids=["not JSON", "no history"],
)
def test_an_answer_that_makes_no_sense_confirms_nothing(tab, answer):
    """Only the server's own sentence is shown as its own."""
    tab.route("**/api/update", lambda route: route.fulfill(**answer))

    send(tab, "7")

    assert wait_for_text(tab, "#error") == UNCONFIRMED
    assert tab.locator("#balance").input_value() == "7"
    wait_for_rows(tab, 10)


def test_what_the_server_sends_stays_text(tab):
    """No cell can become part of the page."""
    hostile = "<img src=x onerror=alert(1)>."
    row = {"date": hostile, "balance": hostile, "balance_text": hostile}
    body = {"history": [{**row, "bitcoin": hostile}], "price": hostile}
    tab.route("**/api/update", lambda route: route.fulfill(json=body))

    send(tab, "7")

    wait_for_text(tab, "#saved")
    assert tab.locator("#latest").inner_text().count(hostile) == 3
    assert tab.locator("main img").count() == 0
