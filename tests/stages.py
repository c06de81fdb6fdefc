"""The stages, and the world around them that the tests replace."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAST_STAGE = 5

LUNO_URL = "https://api.mybitx.com/api/1/ticker?pair=XBTZAR"
TICKER = {
    "pair": "XBTZAR",
    "timestamp": 1763683200000,
    "bid": "1650000.00",
    "ask": "1650100.00",
    "last_trade": "1650050.00",
    "rolling_24_hour_volume": "91.25",
    "status": "ACTIVE",
}


def load_server(folder):
    """Load the ``server.py`` of a folder as a fresh module."""
    name = folder.name.replace("-", "_") + "_server"
    spec = importlib.util.spec_from_file_location(name, folder / "server.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def chromium_path():
    """Return where this machine's Chromium is, or nothing."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    installed = (shutil.which(name) for name in names)
    return os.environ.get("CHROMIUM") or next(filter(None, installed), None)
