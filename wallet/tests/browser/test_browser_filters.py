"""The filter of a history, as someone uses it, with and without a script."""

import csv

import pytest
from playwright.sync_api import expect

from .test_browser_access import SEEN
from .test_browser_access import judge as judge


@pytest.fixture
def wallet(live):
    """A wallet with a few entries of each kind."""
    wallets = live.wallets
    wallet, other = (wallets.create(name=name) for name in ("Everyday", "Savings"))
    paid = wallets.deposit(wallet, 1000, note="November", payee="Work")
    assert paid.status_code == 201
    for amount, payee, note in (
        ("43.60", "Corner Shop", "bread"),
        ("350.00", "Landlord", "the rent"),
        ("12.00", "Corner Shop", "milk"),
    ):
        done = wallets.withdraw(wallet, amount, payee=payee, note=note)
        assert done.status_code == 201
    assert wallets.transfer(wallet, other, 100, note="aside").status_code == 201
    return wallet


def shown(tab):
    return expect(tab.locator("#history tbody .note"))


def test_someone_finds_what_they_paid_to_a_shop(live, wallet, visit):
    """By text and amount; the file has the same; and then all of it again."""
    tab = visit(f"{live.url}/wallets/{wallet}")
    form = tab.locator("#filter")
    expect(form.get_by_label("Text")).to_be_hidden()
    form.get_by_text("Filter", exact=True).click()
    form.get_by_label("Text").fill("corner")
    form.get_by_label("At least").fill("R 20")
    form.get_by_role("button", name="Show").click()
    expect(tab.locator("#fits")).to_contain_text(
        "1 of 5 entries: entries with “corner” of at least R\u00a020.00."
    )
    shown(tab).to_have_text(["bread"])
    expect(tab.locator("#history tbody .whom")).to_have_text("To Corner Shop")
    expect(form.get_by_label("Text")).to_have_value("corner")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download these").click()
    assert download.value.suggested_filename.startswith("Everyday-")
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        _head, row, end = csv.reader(file, strict=True)
    assert (row[5:7], end[5]) == (["bread", "Corner Shop"], "1 of 5 entries")
    form.get_by_role("link", name="Clear").click()
    shown(tab).to_have_count(5)
    expect(form.get_by_label("Text")).to_be_hidden()


def test_what_cannot_be_read_is_mended_where_it_stands(live, wallet, visit):
    """The sentence is seen beside what was typed, which stays."""
    tab = visit(f"{live.url}/wallets/{wallet}?kind=withdrawal")
    form = tab.locator("#filter")
    expect(form.get_by_label("Kind")).to_have_value("withdrawal")
    form.get_by_label("At most").fill("1,234")
    form.get_by_role("button", name="Show").click()
    expect(tab.locator("#filter-error")).to_contain_text("two ways")
    expect(tab.locator("#filter-error")).to_be_in_viewport()
    expect(form.get_by_label("At most")).to_have_value("1,234")
    expect(form.get_by_label("Kind")).to_have_value("withdrawal")
    form.get_by_label("At most").fill("50")
    form.get_by_role("button", name="Show").click()
    expect(tab.locator("#fits")).to_contain_text("2 of 5")
    shown(tab).to_have_text(["milk", "bread"])


@pytest.mark.parametrize(("scheme", "width"), SEEN)
def test_everyone_can_use_the_filter(live, wallet, tab, judge, scheme, width):
    """No fault that axe finds, and nothing to scroll sideways; with a fault, too."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    for query in ("text=corner&from=2020-01-01", "min=x", f"text={'W' * 200}"):
        tab.goto(f"{live.url}/wallets/{wallet}?{query}")
        assert judge(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
