"""Take the README's pictures: each stage as it runs, in a real browser.

Run it with ``make screenshots``. The bitcoin price comes from a ticker on this
machine, so the pictures need no network and come out the same every time.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "screenshots"
PORT = 5055
PAGE = f"http://127.0.0.1:{PORT}/"
ASK = b'{"pair": "XBTZAR", "ask": "1650100.00"}'
DESK = {"": (1280, "light")}
DESK_AND_PHONE = {**DESK, "-phone": (375, "dark")}


class Ticker(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ASK)

    def log_message(self, *args):
        pass


@contextmanager
def ticker():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ticker)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@contextmanager
def stage_running(stage, ticker_url):
    command = [sys.executable, "-m", "flask", "run", "--port", str(PORT)]
    settings = {**os.environ, "LUNO_TICKER_URL": ticker_url, "SECRET_KEY": "pictures"}
    process = subprocess.Popen(command, cwd=ROOT / f"stage-{stage}", env=settings)
    try:
        wait_for(PAGE)
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for(url):
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} did not answer")


def take(browser, stage):
    looks = DESK if stage < 5 else DESK_AND_PHONE
    for name, (width, theme) in looks.items():
        size = {"width": width, "height": 800}
        page = browser.new_page(viewport=size, color_scheme=theme)
        page.goto(PAGE)
        if stage >= 3:
            page.fill("#balance", "R 3 120.50")
            page.press("#balance", "Enter")
            page.locator("#balances tr").nth(10).wait_for()
            page.wait_for_load_state("networkidle")
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(200)
        page.screenshot(path=PICTURES / f"stage-{stage}{name}.png", full_page=True)
        page.context.close()


def main():
    PICTURES.mkdir(exist_ok=True)
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright, ticker() as ticker_url:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox"]
        )
        for stage in range(1, 6):
            with stage_running(stage, ticker_url):
                take(browser, stage)
        browser.close()


if __name__ == "__main__":
    main()
