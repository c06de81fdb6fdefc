"""Setting the balance without a reload."""

import re

import pytest
from playwright.sync_api import expect

from .test_browser_pages import press, set_balance, sums


@pytest.fixture
def wallet(live):
    return live.wallets.create(name="Ada")


@pytest.fixture
def tab(tab, live, wallet):
    tab.goto(f"{live.url}/wallets/{wallet}")
    tab.evaluate("window.sameLoad = true")
    return tab


def test_the_balance_is_set_without_a_reload(tab):
    """New row and balance, an empty field with the focus, and a sentence aloud."""
    for text, shown in (("100", "R 100.00"), ("R 1 234,50", "R 1 234.50")):
        set_balance(tab, text)
        expect(tab.locator("#latest .after")).to_have_text(shown.replace(" ", "\u00a0"))
    assert sums(tab) == ["R 1 234.50", "R 100.00"]
    said = tab.locator("#said")
    expect(said).to_have_text("Saved: R\u00a01\u00a0134.50 added. Undo")
    expect(said).to_have_attribute("role", "status")
    expect(tab.get_by_label("Set the current balance")).to_be_focused()
    expect(tab.get_by_label("Set the current balance")).to_have_value("")
    assert tab.evaluate("window.sameLoad")


def test_a_reload_changes_nothing_on_the_screen(tab):
    """The script shows what the page itself would."""
    set_balance(tab, "100")
    expect(tab.locator("#latest")).to_be_visible()
    parts = """() => ["#now", "#history"].map(
        (part) => document.querySelector(part).outerHTML)"""
    shown = tab.evaluate(parts)
    tab.reload()
    assert tab.evaluate(parts) == shown


def test_while_it_saves_the_button_rests(tab, live, wallet):
    """One at a time, whatever is pressed."""
    with live.locked():
        set_balance(tab, "100")
        expect(tab.locator("#set button")).to_be_disabled()
        expect(tab.locator("#set button")).to_have_text("Saving…")
        tab.get_by_label("Set the current balance").press("Enter")
    expect(tab.locator("#said")).to_contain_text("Saved")
    expect(tab.locator("#set button")).to_be_enabled()
    assert live.wallets.balance(wallet) == ("100.00", 1)


def test_a_server_that_is_gone_and_back_saves_once(tab, live, wallet):
    """What was typed stays, and may be sent again."""
    set_balance(tab, "100")
    expect(tab.locator("#said")).to_contain_text("Saved")
    live.stop()
    set_balance(tab, "150")
    expect(tab.locator("#error")).to_contain_text("could not confirm")
    expect(tab.locator("#said")).to_be_empty()
    expect(tab.get_by_label("Set the current balance")).to_have_value("150")
    expect(tab.get_by_label("Set the current balance")).to_be_focused()
    live.start()
    press(tab, "Set balance")
    expect(tab.locator("#now")).to_contain_text("R\u00a0150.00")
    assert live.wallets.balance(wallet) == ("150.00", 2)
    assert tab.evaluate("window.sameLoad")


def test_an_answer_that_was_lost_was_saved_once(tab, live, wallet, context):
    """The same form, sent again, is answered as it was the first time."""
    lost = []

    def lose(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch(max_redirects=0).status)
        return route.abort()

    context.route(re.compile("/balance$"), lose)
    set_balance(tab, "100")
    expect(tab.locator("#error")).to_contain_text("could not confirm")
    assert (lost, live.wallets.balance(wallet)) == ([303], ("100.00", 1))
    press(tab, "Set balance")
    expect(tab.locator("#now")).to_contain_text("R\u00a0100.00")
    expect(tab.locator("#error")).to_be_empty()
    assert live.wallets.balance(wallet) == ("100.00", 1)


def test_a_form_out_of_date_says_so(tab, live, wallet, context):
    """The cookie went meanwhile."""
    context.clear_cookies()
    set_balance(tab, "100")
    expect(tab.locator("#error")).to_contain_text("reload the page")
    assert live.wallets.balance(wallet) == ("0.00", 0)


def test_a_wallet_that_was_archived_meanwhile_says_so(tab, live, wallet):
    """Its answer has no form, and is a refusal all the same."""
    patch = live.wallets.client.patch
    assert patch(f"/v1/wallets/{wallet}", json={"archived": True}).status_code == 200
    set_balance(tab, "100")
    expect(tab.locator("#error")).to_contain_text("The wallet is archived")
    expect(tab.get_by_label("Set the current balance")).to_have_value("100")
    assert live.wallets.balance(wallet) == ("0.00", 0)


def test_hostile_text_stays_text(tab, live, wallet):
    """In what the script puts on the page, too."""
    live.wallets.deposit(wallet, 5, note="<img src=x onerror=alert(1)>")
    tab.reload()
    set_balance(tab, "100")
    expect(tab.locator("#said")).to_contain_text("Saved")
    expect(tab.locator("#history img")).to_have_count(0)
    expect(tab.locator("#history")).to_contain_text("<img src=x")


def test_an_open_page_notices_what_changes_elsewhere(tab, live, wallet):
    """Within seconds, and without touching what is typed; its own doing is no news."""
    set_balance(tab, "100")
    expect(tab.locator("#said")).to_contain_text("Saved")
    expect(tab.locator("#news")).to_be_hidden()
    tab.get_by_label("Set the current balance").fill("120")
    with tab.expect_response(re.compile("/state$")):
        pass
    expect(tab.locator("#news")).to_be_hidden()
    assert live.wallets.deposit(wallet, 5).status_code == 201
    expect(tab.locator("#news")).to_contain_text("Something changed", timeout=10_000)
    expect(tab.get_by_label("Set the current balance")).to_have_value("120")
    tab.get_by_role("link", name="Show it").click()
    expect(tab.locator("#now")).to_contain_text("R\u00a0105.00")
    expect(tab.locator("#news")).to_be_hidden()
