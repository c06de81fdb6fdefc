"""The page that shows the interface, and lets a reader try it."""

import re

from playwright.sync_api import expect

from wallet.api.calls import CALLS

#: Colours of text, by the brightness of each part.
LIGHT = re.compile(r"rgb\(2\d\d, 2\d\d, 2\d\d\)")
DARK = re.compile(r"rgb\(\d\d, \d\d, \d\d\)")


def test_a_reader_finds_the_interface_and_tries_a_deposit(live, tab):
    """From the foot of any page; the example is accepted as it stands."""
    wallet = live.wallets.create(name="Ada")
    tab.goto(live.url)
    tab.get_by_role("link", name="Interface for programs").click()
    deposit = tab.locator("#operations-Moves-deposit")
    deposit.get_by_role("button", name="Add funds").click()
    deposit.get_by_role("button", name="Try it out").click()
    deposit.get_by_placeholder("wallet_id").fill(wallet)
    with tab.expect_response(f"**/{wallet}/deposits") as answer:
        deposit.get_by_role("button", name="Execute").click()
    assert answer.value.status == 201, answer.value.text()
    expect(deposit.locator(".live-responses-table")).to_contain_text("125.50")
    assert live.wallets.balance(wallet) == ("125.50", 1)


def test_every_call_is_shown_without_a_network(live, tab):
    """The reader knows the version of the standard, and asks this service only."""
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{live.url}/docs")
    expect(tab.locator(".version-stamp")).to_have_text(["OAS 3.1"])
    expect(tab.locator(".opblock")).to_have_count(len(CALLS))
    expect(tab.locator(".errors-wrapper")).to_have_count(0)
    with tab.expect_response("**/openapi.json") as answer:
        tab.get_by_role("link", name="openapi.json", exact=True).click()
    assert answer.value.status == 200
    assert all(url.startswith((f"{live.url}/", "data:")) for url in asked)


def test_the_interface_is_shown_light_and_dark(live, tab):
    """As the system is, also when that changes while it is read."""
    tab.emulate_media(color_scheme="dark")
    tab.goto(f"{live.url}/docs")
    title = tab.locator(".info .title")
    expect(title).to_have_css("color", LIGHT)
    tab.emulate_media(color_scheme="light")
    expect(title).to_have_css("color", DARK)
