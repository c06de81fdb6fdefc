"""The layout at both widths and in both themes."""

import pytest

FIRST_STAGE = 2

pytestmark = pytest.mark.browser

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"

# The texts of all cells that stand on more than one line.
BROKEN_CELLS = """() => [...document.querySelectorAll("td")].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell.querySelector("time") ?? cell);
  const tops = [...range.getClientRects()].map((line) => Math.round(line.top));
  return new Set(tops).size > 1;
}).map((cell) => cell.innerText)"""


def test_on_a_desk_the_sidebar_stands_beside_the_history(visit):
    """Header above, links below each other at the left, table at the right."""
    tab = visit(width=1280)
    nav, main = tab.locator("nav").bounding_box(), tab.locator("main").bounding_box()
    links = [link.bounding_box() for link in tab.locator("nav a").all()]

    assert nav["x"] == 0
    assert nav["x"] + nav["width"] <= main["x"]
    assert nav["y"] == main["y"] == tab.locator("header").bounding_box()["height"]
    assert len({link["x"] for link in links}) == 1
    assert tab.evaluate(OVERFLOW) <= 0


def test_on_a_phone_the_sidebar_becomes_a_row_of_links(visit):
    """Above the history, and nothing scrolls sideways."""
    tab = visit(width=375)
    nav, main = tab.locator("nav").bounding_box(), tab.locator("main").bounding_box()
    links = [link.bounding_box() for link in tab.locator("nav a").all()]

    assert nav["y"] + nav["height"] <= main["y"]
    assert len({link["y"] for link in links}) == 1
    assert tab.evaluate(OVERFLOW) <= 0
    assert tab.locator("#history").bounding_box()["width"] <= 375


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_largest_amounts_keep_the_page_from_scrolling(visit, stage, width):
    """The table may scroll in its own box; no date or amount takes two lines."""
    tab = visit(width)
    if stage >= 3:
        for count, text in [(11, "999999999999.99"), (12, "-999999999999.99")]:
            tab.fill("#balance", text)
            tab.get_by_role("button", name="Set balance").click()
            tab.locator("#balances tr").nth(count - 1).wait_for()

    assert tab.evaluate(OVERFLOW) <= 0
    assert tab.evaluate(BROKEN_CELLS) == []


def test_the_page_follows_the_theme(visit):
    """Dark text on light, light text on dark."""
    tab = visit()
    seen = {}
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        style = "getComputedStyle(document.body)"
        seen[theme] = tab.evaluate(f"[{style}.backgroundColor, {style}.color]")

    assert seen["light"] == ["rgb(255, 255, 255)", "rgb(29, 39, 33)"]
    assert seen["dark"] == ["rgb(18, 22, 20)", "rgb(227, 234, 230)"]


def test_the_keyboard_reaches_every_link_and_shows_where_it_is(visit):
    """The first stop leads past the menu; each stop has a visible outline."""
    tab = visit()
    stops = []
    for _ in range(5):
        tab.keyboard.press("Tab")
        stops.append(tab.evaluate("document.activeElement.innerText.trim()"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert tab.evaluate(outline) == "solid"

    assert stops[0] == "Skip to the account history"
    assert stops[2:] == ["Bank Balances", "Transfer", "Pay"]
