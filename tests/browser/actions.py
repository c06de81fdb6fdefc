"""What a visitor does, in a word."""

import time

# Longer than any machine takes.
PATIENCE_S = 60


def visit_anew(tab, width, height):
    """Open the page again, in a window of another size."""
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto(tab.url.partition("#")[0])


def send(tab, text):
    """Type a balance and press Enter."""
    tab.fill("#balance", text)
    tab.press("#balance", "Enter")


def wait_for_rows(tab, count):
    tab.locator("#balances tr").nth(count - 1).wait_for()
    assert tab.locator("#balances tr").count() == count


def wait_for_text(tab, selector):
    """Return an element's text as soon as it has one."""
    element = tab.locator(selector).filter(has_text=".")
    element.wait_for()
    return element.inner_text()


def wait_for_view(tab, selector):
    """Wait until the whole element can be seen, which the browser scrolls to."""
    deadline = time.monotonic() + PATIENCE_S
    while not in_view(tab, selector):
        assert time.monotonic() < deadline, (selector, tab.viewport_size)
        time.sleep(0.05)


def in_view(tab, selector):
    """Tell whether the whole element can be seen without scrolling."""
    box = tab.locator(selector).bounding_box()
    return 0 <= box["y"] and box["y"] + box["height"] <= tab.viewport_size["height"]
