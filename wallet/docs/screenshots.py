"""Takes the pictures of the pages that the README shows: `make screenshots`."""

import logging
import tempfile
from pathlib import Path

from playwright.sync_api import Page
from playwright.sync_api import sync_playwright
from tests.browser.conftest import CHROMIUM
from tests.browser.conftest import Live

DOCS = Path(__file__).parent


def walk(page: Page, url: str) -> None:
    """Make what there is to see, and take a picture of each page."""
    page.goto(url)
    page.get_by_role("button", name="Make my first wallet").click()
    for balance in ("12 500", "9 875,40", "10 125,40"):
        page.get_by_label("Set the current balance").fill(balance)
        page.get_by_role("button", name="Set balance").click()
        page.get_by_text("Saved:").wait_for()
        page.reload()
    for name, currency in (("Holiday", "ZAR"), ("Coins", "BTC")):
        page.get_by_role("link", name="Bank Balances").click()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Currency").select_option(currency)
        page.get_by_role("button", name="Make wallet").click()
    page.get_by_label("Set the current balance").fill("0.01250000")
    page.get_by_role("button", name="Set balance").click()
    page.get_by_text("Saved:").wait_for()
    page.get_by_role("link", name="Bank Balances").click()
    page.get_by_role("link", name="My wallet").click()
    page.get_by_role("main").get_by_role("link", name="Transfer").click()
    page.get_by_label("To", exact=True).select_option(label="Holiday · ZAR")
    page.get_by_label("Amount").fill("R 1 500,00")
    page.get_by_label("Note").fill("December at the sea")
    page.get_by_role("button", name="Continue").click()
    page.locator(".result").wait_for()
    take(page, "review")
    page.get_by_role("button", name="Transfer").click()
    page.get_by_text("Transferred:").wait_for()
    page.reload()
    take(page, "wallet")
    page.get_by_role("link", name="Bank Balances").click()
    page.locator(".totals").wait_for()
    take(page, "balances")


def take(page: Page, name: str) -> None:
    """Take a page wide and light, and narrow and dark."""
    for width, scheme in ((1280, "light"), (375, "dark")):
        page.set_viewport_size({"width": width, "height": 720})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=DOCS / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 720})


def main() -> None:
    """Serve from an empty folder, walk, and leave nothing behind."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as home:
        live = Live(Path(home))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                walk(browser.new_page(), live.url)
                browser.close()
        finally:
            live.stop()


if __name__ == "__main__":
    main()
