"""Each path through the pages, as someone walks it, with and without a script."""

import csv

import pytest
from playwright.sync_api import expect

from .conftest import OPERATOR


def press(tab, name):
    """Press a button; where that leads to another page, it is there whole."""
    tab.get_by_role("button", name=name).click()
    tab.wait_for_load_state()


def set_balance(tab, text):
    tab.get_by_label("Set the current balance").fill(text)
    press(tab, "Set balance")


def sums(tab):
    cells = tab.locator("#history .after").all_inner_texts()
    return [cell.replace("\u00a0", " ") for cell in cells]


def test_someone_who_has_read_nothing_finds_the_way(live, visit):
    """From nothing to two wallets, a transfer, a payment and a statement; and again."""
    tab = visit(live.url)
    press(tab, "Make my first wallet")
    for text, said in (("100", "100.00"), ("R 250,50", "250.50"), ("200", "200.00")):
        set_balance(tab, text)
        if text == "200":
            expect(tab.locator(".result")).to_contain_text(f"R\u00a0{said}")
            press(tab, "Set to R\u00a0200.00")
        expect(tab.locator("#now")).to_contain_text(f"R\u00a0{said}")
    expect(tab.locator("#history tbody tr")).to_have_count(3)

    tab.get_by_role("link", name="Bank Balances").click()
    tab.get_by_label("Name").fill("Savings")
    press(tab, "Make wallet")
    expect(tab.locator("h1")).to_have_text("Savings")
    tab.get_by_role("link", name="Bank Balances").click()
    tab.get_by_role("link", name="My wallet").click()

    tab.get_by_role("main").get_by_role("link", name="Transfer").click()
    tab.get_by_label("To", exact=True).select_option(label="Savings · ZAR")
    tab.get_by_label("Amount").fill("50")
    press(tab, "Continue")
    expect(tab.locator(".result")).to_contain_text("R\u00a0150.00")
    press(tab, "Transfer R\u00a050.00")
    expect(tab.locator("#said")).to_have_text("Transferred: R\u00a050.00. Undo")

    tab.get_by_role("main").get_by_role("link", name="Pay").click()
    tab.get_by_label("Amount").fill("20")
    tab.get_by_label("Whom you pay").fill("Thandi")
    tab.get_by_label("Note").fill("the garden")
    press(tab, "Continue")
    press(tab, "Pay R\u00a020.00")
    expect(tab.locator("#latest .whom")).to_have_text("To Thandi")
    expect(tab.locator("#latest .note")).to_have_text("the garden")
    assert sums(tab)[:2] == ["R 130.00", "R 150.00"]

    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download the statement").click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file, strict=True))) == 7

    live.stop()
    live.start()
    tab.goto(live.url)
    expect(tab.locator(".totals")).to_contain_text("R\u00a0180.00")


def test_two_people_with_a_key_each_do_not_see_each_other(shared, visit, browser):
    """They read, transfer and pay; and are signed out by the button."""
    ada, bob = (shared.wallets.post("/v1/wallets", {"name": n}).json for n in "AB")
    for wallet in (ada, bob):
        shared.wallets.deposit(wallet["id"], 50)
    tab = visit(shared.url)
    for own, other in ((ada, bob), (bob, ada)):
        tab.get_by_label("Wallet key").fill(own["key"])
        press(tab, "Sign in")
        expect(tab.locator("#now")).to_contain_text("R\u00a05")
        expect(tab.locator("#set")).to_have_count(0)
        tab.get_by_role("main").get_by_role("link", name="Transfer").click()
        tab.get_by_label("Id of the receiving wallet").fill(other["id"])
        tab.get_by_label("Amount").fill("5")
        press(tab, "Continue")
        press(tab, "Transfer R\u00a05.00")
        expect(tab.locator("#latest .whom")).to_have_text(f"To {other['id']}")
        tab.goto(f"{shared.url}/wallets/{other['id']}")
        expect(tab.locator("h1")).to_have_text("These credentials do not allow this")
        press(tab, "Sign out")
        expect(tab.get_by_label("Wallet key")).to_be_visible()
    assert shared.wallets.balance(ada["id"]) == ("50.00", 3)
    tab.go_back()
    expect(tab.get_by_label("Wallet key")).to_be_visible()


def test_the_operator_signs_in_and_adds_funds(shared, visit):
    """A wrong token first."""
    tab = visit(shared.url)
    for key, shown in (("wrong", "[aria-invalid]"), (OPERATOR, ".first")):
        tab.get_by_label("Wallet key").fill(key)
        press(tab, "Sign in")
        expect(tab.locator(shown)).to_be_visible()
    press(tab, "Make my first wallet")
    set_balance(tab, "12")
    expect(tab.locator("#now")).to_contain_text("R\u00a012.00")


def test_a_later_tab_is_told_what_changed(live, visit):
    """It writes nothing until it is sent again."""
    wallet = live.wallets.create()
    one, other = (visit(f"{live.url}/wallets/{wallet}") for _ in range(2))
    set_balance(one, "100")
    expect(one.locator("#now")).to_contain_text("R\u00a0100.00")
    set_balance(other, "70")
    expect(other.locator("#error")).to_contain_text("from R\u00a00.00 to R\u00a0100.00")
    expect(other.get_by_label("Set the current balance")).to_have_value("70")
    assert live.wallets.balance(wallet) == ("100.00", 1)
    press(other, "Set balance")
    press(other, "Set to R\u00a070.00")
    expect(other.locator("#now")).to_contain_text("R\u00a070.00")
    assert live.wallets.balance(wallet) == ("70.00", 2)


def test_a_double_click_sets_and_pays_once(live, visit):
    """With the script the button rests; without it the ledger knows the form."""
    wallet = live.wallets.create()
    tab = visit(f"{live.url}/wallets/{wallet}")
    tab.get_by_label("Set the current balance").fill("100")
    tab.get_by_role("button", name="Set balance").dblclick()
    expect(tab.locator("#now")).to_contain_text("R\u00a0100.00")
    assert live.wallets.balance(wallet) == ("100.00", 1)
    tab.goto(f"{live.url}/pay")
    tab.get_by_label("Amount").fill("30")
    tab.get_by_label("Whom you pay").fill("Thandi")
    press(tab, "Continue")
    tab.get_by_role("button", name="Pay").dblclick()
    expect(tab.locator("#now")).to_contain_text("R\u00a070.00")
    assert live.wallets.balance(wallet) == ("70.00", 2)


def test_going_back_after_a_payment_pays_nothing(live, visit):
    """The review says that it is done; a reload of the result does nothing either."""
    wallet = live.wallets.create()
    live.wallets.deposit(wallet, 100)
    tab = visit(f"{live.url}/pay?from={wallet}")
    tab.get_by_label("Amount").fill("30")
    tab.get_by_label("Whom you pay").fill("Thandi")
    press(tab, "Continue")
    expect(tab.locator(".result")).to_contain_text("R\u00a070.00")
    tab.reload()
    press(tab, "Pay R\u00a030.00")
    expect(tab.locator("#said")).to_have_text("Paid: R\u00a030.00. Undo")
    tab.reload()
    tab.go_back()
    expect(tab.locator("h1")).to_have_text("Done already")
    expect(tab.get_by_role("button")).to_have_count(0)
    tab.go_back()
    press(tab, "Continue")
    assert live.wallets.balance(wallet) == ("70.00", 2)


def test_a_mistake_is_undone(live, visit):
    """A zero too many is saved at once; a click and a look take it back."""
    wallet = live.wallets.create()
    tab = visit(f"{live.url}/wallets/{wallet}")
    set_balance(tab, "1000")
    tab.locator("#said").get_by_role("link", name="Undo").click()
    expect(tab.locator("h1")).to_have_text("Undo this deposit?")
    press(tab, "Undo it")
    expect(tab.locator("#said")).to_contain_text(
        "Undone: R\u00a01\u00a0000.00 taken out"
    )
    assert live.wallets.balance(wallet) == ("0.00", 2)


def test_a_refusal_keeps_what_was_typed(live, visit):
    """And the focus stands in the field at fault, which is tied to the sentence."""
    wallet = live.wallets.create()
    tab = visit(f"{live.url}/wallets/{wallet}")
    set_balance(tab, "1,234")
    field = tab.get_by_label("Set the current balance")
    expect(tab.locator("#error")).to_contain_text("two ways")
    expect(field).to_have_value("1,234")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    set_balance(tab, "1 234")
    expect(tab.locator("#error")).to_be_empty()
    expect(tab.locator("#now")).to_contain_text("R\u00a01\u00a0234.00")
    expect(field).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("width", [1280, 800, 375])
def test_nothing_scrolls_sideways(live, tab, width):
    """Not even with the largest amounts and text without a blank."""
    ada, bob = (live.wallets.create(name="W" * 200) for _ in range(2))
    live.wallets.deposit(ada, "92233720368547758.07", note="W" * 500)
    live.wallets.transfer(ada, bob, "92233720368547758.07", note="m" * 500)
    aside = {"amount": "1", "note": "W" * 300}
    held = live.wallets.post(f"/v1/wallets/{bob}/holds", aside)
    assert held.status_code == 201
    tab.set_viewport_size({"width": width, "height": 800})
    pages = (f"/wallets/{ada}", f"/wallets/{bob}", f"/wallets/{bob}/holds")
    for path in ("/", *pages, f"/transfer?from={bob}"):
        tab.goto(f"{live.url}{path}")
        tab.evaluate(
            "for (const each of document.querySelectorAll('details')) each.open = true"
        )
        wide = tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        split = """[...document.querySelectorAll(".amount, .after, .sum, dd")].filter(
            (each) => each.getClientRects().length > 1)"""
        assert tab.evaluate(split) == []
    tab.goto(live.url)
    assert tab.locator(".who").nth(0).bounding_box()["width"] >= 120


def test_a_name_turns_nothing_around(live, visit):
    """Whatever it says of the direction of letters, the id beside it runs as ever."""
    wallets = live.wallets
    ada, bob = wallets.create(), wallets.create(name="\u202e\u05d0Bob\u2069\u202e")
    assert wallets.deposit(ada, 5).status_code == 201
    tab = visit(f"{live.url}/transfer?from={ada}")
    tab.get_by_label("To", exact=True).select_option(value=bob)
    tab.get_by_label("Amount").fill("1")
    press(tab, "Continue")
    beside = tab.locator("dd .id")
    expect(beside).to_have_text(bob)
    places = beside.evaluate(PLACES)
    assert len(places) == len(bob)
    assert places == sorted(places)


#: Where each letter of an element stands.
PLACES = """element => [...element.firstChild.data].map((_letter, at) => {
  const letter = document.createRange();
  letter.setStart(element.firstChild, at);
  letter.setEnd(element.firstChild, at + 1);
  return letter.getBoundingClientRect().left;
})"""
