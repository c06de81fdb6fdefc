"""Whether everyone can use the pages: judged by axe, and by the keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from .conftest import OPERATOR
from .test_browser_pages import press


@pytest.fixture
def judge():
    """Return a function that lists what axe finds wrong with a page."""

    def violations(tab) -> list[str]:
        tab.wait_for_load_state()
        return [
            f"{tab.url} {each['id']}: {node['html']}"
            for each in Axe().run(tab).response["violations"]
            for node in each["nodes"]
        ]

    return violations


#: Colours do not depend on the width, nor the layout on the theme.
SEEN = [("light", 1280), ("dark", 375)]


@pytest.mark.parametrize(("scheme", "width"), SEEN)
def test_axe_finds_nothing_wrong(shared, tab, judge, scheme, width):
    """On any page, in both themes, empty, filled, refused, and at both widths."""
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 800})
    found = []

    def look(selector: str) -> None:
        expect(tab.locator(selector).first).to_be_visible()
        found.extend(judge(tab))

    tab.goto(shared.url)
    look("#key")
    for key in ("wrong", OPERATOR):
        tab.get_by_label("Wallet key").fill(key)
        press(tab, "Sign in")
        look("[aria-invalid], .first")
    press(tab, "Make my first wallet")
    look(".empty")
    for text in ("1,234", "1234"):
        tab.get_by_label("Set the current balance").fill(text)
        press(tab, "Set balance")
        look("#error:not(:empty), #latest")
    wallet = tab.url.rpartition("/")[2]
    tab.get_by_role("link", name="Settings").click()
    look("#floor")
    tab.get_by_label("Lowest balance allowed").fill("5")
    press(tab, "Save")
    look("[aria-invalid]")
    tab.get_by_role("link", name="Make a new key").click()
    look(".danger")
    press(tab, "Make a new key")
    look(".key")
    tab.goto(f"{shared.url}/wallets/{wallet}/holds")
    for amount in ("99999", "1"):
        tab.get_by_label("Amount").fill(amount)
        press(tab, "Set aside")
        look("#error:not(:empty), .holds")
    other = shared.wallets.create(name="Savings")
    shared.wallets.transfer(wallet, other, 4, note="to the side")
    for path, selector in (
        ("/", ".totals"),
        (f"/wallets/{wallet}", "#latest"),
        (f"/wallets/{wallet}/months", ".shares"),
        ("/transfer", "#to"),
        (f"/pay?from={wallet}", "#payee"),
        ("/nowhere", "#problem"),
    ):
        tab.goto(f"{shared.url}{path}")
        look(selector)
    tab.goto(f"{shared.url}/pay?from={wallet}")
    tab.get_by_label("Whom you pay").fill("Thandi")
    for amount in ("99999", "1"):
        tab.get_by_label("Amount").fill(amount)
        press(tab, "Continue")
        look("#error:not(:empty), .result")
    press(tab, "Pay")
    expect(tab.locator("#said")).to_contain_text("Paid")
    tab.go_back()
    look(".actions")
    assert found == []


def test_the_keyboard_alone_is_enough(live, tab, context):
    """The first key leads to the content; every stop on the way can be seen."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    wallet = live.wallets.create(name="Ada")
    tab.goto(f"{live.url}/wallets/{wallet}")
    tab.keyboard.press("Tab")
    expect(tab.get_by_text("Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Copy the id")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#copied")).to_have_text("Copied")
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Set the current balance")).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.evaluate(outline) == "solid"
    tab.keyboard.type("50")
    tab.keyboard.press("Enter")
    expect(tab.locator("#latest")).to_be_visible()
    assert live.wallets.balance(wallet) == ("50.00", 1)
    assert tab.evaluate("navigator.clipboard.readText()") == wallet


def test_no_button_is_shown_that_does_nothing(live, visit, request):
    """Only a script can copy the id."""
    tab = visit(f"{live.url}/wallets/{live.wallets.create()}")
    button = tab.locator("#copy")
    if "no-script" in request.node.callspec.id:
        expect(button).to_be_hidden()
    else:
        expect(button).to_be_visible()


def test_a_printed_page_has_the_history_and_no_controls(live, tab):
    """Dark or not, it is printed dark on light."""
    wallet = live.wallets.create(name="Ada")
    live.wallets.deposit(wallet, 5)
    tab.goto(f"{live.url}/wallets/{wallet}")
    tab.emulate_media(media="print", color_scheme="dark")
    for selector in ("nav", "#set", "#copy", ".actions", ".skip-link", "footer"):
        expect(tab.locator(selector).first).to_be_hidden()
    expect(tab.locator("#latest .after")).to_be_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(background) == "rgb(255, 255, 255)"
