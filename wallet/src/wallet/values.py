"""What the text of a setting may say.

Each reader makes a value of it; its ``ValueError`` says what is wrong.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from .clock import find_zone, system_zone


def number(low: int, high: int) -> Callable[[str], int]:
    """Read a whole number within bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise ValueError(f"must be a number from {low} to {high}")
        return int(text)

    return read


def one_of(*known: str) -> Callable[[str], str]:
    """Read one of some words."""

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return text

    return read


def switch(text: str) -> bool:
    """Read 1 or 0."""
    return one_of("0", "1")(text) == "1"


def luno_url(text: str) -> str | None:
    """Read an address of the web; without one, nothing is asked."""
    if text in ("", "off"):
        return None
    try:
        parts = urlsplit(text)
        parts.hostname.encode("idna")  # type: ignore[union-attr]
        known = parts.scheme in ("http", "https") and parts.port != 0
    except (AttributeError, ValueError):
        known = False
    if not known or "@" in text or not re.fullmatch("[\x21-\x7e]+", text):
        raise ValueError(
            "cannot be used: write it like https://api.luno.com/api/1/ticker, without"
            " a password, or off"
        )
    return parts._replace(fragment="").geturl()


def time_zone(text: str) -> ZoneInfo:
    """Read the name of a time zone; without one it is the system's."""
    zone = find_zone(text) if text else system_zone()
    if zone is None:
        raise ValueError("must be the name of a time zone, such as Africa/Johannesburg")
    return zone
