"""Takes the pictures of the pages that the README shows: `make screenshots`."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import insert
from tests.actions import a_submission, create_wallet
from tests.browser.conftest import Live
from tests.browsing import CHROMIUM

from wallet.api.answers import freeze
from wallet.clock import now_us
from wallet.ledger.commands import Kind
from wallet.prices.rates import PAIR
from wallet.storage.side_tables import rates
from wallet.storage.store import Store
from wallet.writer import Writer

DOCS = Path(__file__).parent
DAY_US = 24 * 60 * 60 * 1_000_000
#: What was added or taken out, and how many days ago.
MOVES = (
    *((40, 9_800), (36, -1_250), (31, -2_400), (28, -640), (25, 18_500), (24, -9_200)),
    *((20, -1_175), (17, -2_300), (13, -480), (11, 3_200), (8, -2_950), (4, -1_180)),
)


def remember(store: Store) -> None:
    """Make a wallet with a past, and prices that it can be told in."""
    start, clock = now_us(), {}
    writer = Writer(store, freeze, lambda: clock["now"])
    clock["now"] = start - MOVES[0][0] * DAY_US
    wallet = create_wallet(writer, name="My wallet")
    for age, amount in MOVES:
        clock["now"] = start - age * DAY_US
        kind = Kind.DEPOSIT if amount > 0 else Kind.WITHDRAWAL
        writer.submit(a_submission(wallet, kind, str(abs(amount))))
    writer.stop()
    rows = [
        {
            "pair": PAIR,
            "at_us": start - age * DAY_US // 2,
            # Up and down, as prices are.
            "price": f"{1_200_000 + 2_500 * age + 30_000 * (age * age % 7 - 3)}.00",
        }
        for age in range(84)
        if not 30 < age < 35
    ]
    with store.transaction() as connection:
        connection.execute(insert(rates), rows)


def walk(page: Page, url: str) -> None:
    """Make what there is to see, and take a picture of each page."""
    page.goto(url)
    page.get_by_role("link", name="My wallet").click()
    for balance in ("9 975,40", "10 125,40"):
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
    page.goto(f"{page.url}?limit=4")
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
    with tempfile.TemporaryDirectory() as home:
        live = Live(Path(home))
        remember(live.store)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                walk(browser.new_page(), live.url)
                browser.close()
        finally:
            live.end()


if __name__ == "__main__":
    main()
