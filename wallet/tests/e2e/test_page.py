"""The page to try the interface, in a real browser."""

import os
import subprocess

from ..browsing import CHROMIUM, needs_chromium


@needs_chromium
def test_the_page_shows_every_call_without_a_network(local, tmp_path):
    """A browser that reaches this machine only sees all calls and their forms."""
    local.start()
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            *(["--no-sandbox"] if os.getuid() == 0 else []),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={tmp_path}/browser",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"http://127.0.0.1:{local.port}/docs",
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert "Unable to render" not in done.stdout
    assert "Failed to load" not in done.stdout
    assert done.stdout.count('class="opblock ') == 19
    assert "Move funds several times" in done.stdout
