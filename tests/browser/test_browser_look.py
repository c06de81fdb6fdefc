"""The layout at every width and in both themes."""

import pytest
from actions import send
from actions import wait_for_rows

FIRST_STAGE = 2

pytestmark = pytest.mark.browser

# By how much the page is wider than the window.
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"

# The left edge of an element's content, inside its padding.
LEFT = """(selector) => {
  const element = document.querySelector(selector);
  const padding = parseFloat(getComputedStyle(element).paddingLeft);
  return element.getBoundingClientRect().left + padding;
}"""

# The texts of all cells that stand on more than one line.
BROKEN_CELLS = """() => [...document.querySelectorAll("td")].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell.querySelector("time") ?? cell);
  const tops = [...range.getClientRects()].map((line) => Math.round(line.top));
  return new Set(tops).size > 1;
}).map((cell) => cell.innerText)"""

WIDTHS = [320, 375, 640, 700, 780, 1280, 1920]


def test_on_a_desk_the_sidebar_stands_beside_the_history(visit):
    """Links below each other, and the table at their right."""
    tab = visit(width=1280)
    nav, main = tab.locator("nav").bounding_box(), tab.locator("main").bounding_box()
    links = [link.bounding_box() for link in tab.locator("nav a").all()]

    assert nav["x"] + nav["width"] <= main["x"]
    assert nav["y"] == main["y"] == tab.locator("header").bounding_box()["height"]
    assert len({link["x"] for link in links}) == 1


def test_on_a_narrow_page_the_sidebar_becomes_a_row_of_links(visit):
    """Above the history."""
    tab = visit()
    for width in (320, 375, 700):
        tab.set_viewport_size({"width": width, "height": 720})
        nav = tab.locator("nav").bounding_box()
        links = [link.bounding_box() for link in tab.locator("nav a").all()]

        assert nav["y"] + nav["height"] <= tab.locator("main").bounding_box()["y"]
        assert len({link["y"] for link in links}) == 1, width


def test_at_every_width_the_page_fits_and_has_one_left_edge(visit):
    """Nothing scrolls sideways; the logo and the menu's text are aligned."""
    tab = visit()
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 720})

        edges = [tab.evaluate(LEFT, selector) for selector in (".brand img", "nav a")]

        assert (width, tab.evaluate(OVERFLOW) <= 0) == (width, True)
        assert (width, abs(edges[0] - edges[1]) < 1) == (width, True)


def test_at_every_width_the_card_holds_the_table(visit):
    """No column is cut off, not even the third one on a small phone."""
    tab = visit()
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 720})

        table = tab.locator("#history").bounding_box()["width"]

        assert table <= tab.locator(".card").first.bounding_box()["width"]


def test_the_current_balance_is_the_largest_text(visit):
    """The first thing seen."""
    tab = visit()
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    others = ["h1", ".brand strong", "th >> nth=0", "td >> nth=0"]

    assert tab.locator("#current").evaluate(size) == 36
    assert max(tab.locator(other).evaluate(size) for other in others) < 36


def test_the_page_follows_the_theme(visit):
    """Bright in the day, dark at night."""
    tab = visit()
    brightness = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g)"
    seen = {}
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        seen[theme] = sum(map(int, tab.evaluate(brightness))) / 3

    assert seen["light"] > 200
    assert seen["dark"] < 50


def test_the_keyboard_reaches_every_link_and_shows_where_it_is(visit):
    """The first stop leads past the menu; each stop has a visible outline."""
    tab = visit()
    stops = []
    for _ in range(5):
        tab.keyboard.press("Tab")
        stops.append(tab.evaluate("document.activeElement.innerText.trim()"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert tab.evaluate(outline) == "solid"

    assert stops[0] == "Skip to the content"
    assert stops[2:] == ["Bank Balances", "Transfer", "Pay"]


def test_the_largest_amounts_do_not_break_the_page(visit, stage):
    """The table may scroll in its card; no date or amount takes two lines."""
    tab = visit()
    if stage >= 3:
        send(tab, "999999999999.99")
        wait_for_rows(tab, 11)
        send(tab, "-999999999999.99")
        wait_for_rows(tab, 12)

    for width in (320, 1280):
        tab.set_viewport_size({"width": width, "height": 720})
        assert tab.evaluate(OVERFLOW) <= 0, width
        assert tab.evaluate(BROKEN_CELLS) == [], width
