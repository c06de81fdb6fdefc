"""A statement is imported in a real browser, with and without scripts."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from .test_browser_access import SEEN, judge  # noqa: F401  a fixture
from .test_browser_pages import press

STATEMENTS = Path(__file__).parents[1] / "integration" / "statements"


def choose(tab, path, data=None):
    """Choose a file, and look at what it says."""
    given = path
    if data is not None:
        given = {"name": path, "mimeType": "text/csv", "buffer": data}
    tab.get_by_label("Your bank's file").set_input_files(given)
    press(tab, "Look at it")


def test_a_statement_is_chosen_looked_at_and_imported(live, visit):
    """The chart and the history begin with its first day; again, nothing is new."""
    wallet = live.wallets.create(name="Ada")
    tab = visit(f"{live.url}/wallets/{wallet}")
    tab.get_by_role("link", name="Import a statement").click()
    choose(tab, STATEMENTS / "semicolons.csv")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Import 4 movements?")
    expect(tab.locator(".result")).to_contain_text("R\u00a07\u00a0664.55")
    expect(tab.get_by_role("row")).to_have_count(5)
    assert live.wallets.balance(wallet) == ("0.00", 0)
    press(tab, "Import 4 movements")
    expect(tab.locator("#said")).to_have_text("Imported: 4 movements.")
    expect(tab.locator(".balance")).to_contain_text("R\u00a07\u00a0664.55")
    expect(tab.locator("#history .date").last).to_contain_text("2026-11-02")
    tab.get_by_role("link", name="All").click()
    expect(tab.locator("#chart figcaption")).to_contain_text(["2 Nov"])
    tab.get_by_role("link", name="Import a statement").click()
    choose(tab, STATEMENTS / "semicolons.csv")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Nothing is new")
    assert live.wallets.balance(wallet) == ("7664.55", 4)


@pytest.mark.parametrize(("scheme", "width"), SEEN)
def test_axe_finds_nothing_wrong_with_an_import(live, tab, judge, scheme, width):  # noqa: F811
    """Empty, refused, doubtful and good; nothing scrolls sideways."""
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 800})
    wallet = live.wallets.create(name="Ada")
    found = []

    def check():
        found.extend(judge(tab))
        assert tab.evaluate("document.documentElement.scrollWidth") <= width

    tab.goto(f"{live.url}/wallets/{wallet}/import")
    check()
    for data, selector in (
        (b"when,what\n", "[aria-invalid]"),
        (b"Date,Amount\n01/02/2026,5\n99/02/2026,6\n", "#refused-title"),
        (b"Bank\nDate,Amount,Note\n01/02/2026,5," + b"x" * 500, ".result"),
    ):
        tab.goto(f"{live.url}/wallets/{wallet}/import")
        choose(tab, "statement.csv", data)
        expect(tab.locator(selector)).to_be_visible()
        if tab.locator("summary").count():
            tab.locator("summary").click()
        check()
    assert found == []
