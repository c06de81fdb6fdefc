"""Draw ``Mockup.png`` from ``docs/mockup.svg``: run it with ``make mockup``."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
        args=["--no-sandbox"],
    )
    page = browser.new_page(viewport={"width": 1080, "height": 660})
    page.goto((ROOT / "docs" / "mockup.svg").as_uri())
    page.screenshot(path=ROOT / "Mockup.png")
    browser.close()
