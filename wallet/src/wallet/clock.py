"""The time, how a moment is written, and the zones in which clocks show it."""

import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

#: UTC, as every time here.
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001


def now_us() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def timestamp(at_us: int) -> str:
    """Write microseconds since 1970 as UTC with every digit."""
    second, rest = divmod(at_us, 1_000_000)
    return f"{_written(second)}.{rest:06}Z"


# What happens at once is written at once, and a page that is read is read again.
@lru_cache(maxsize=4096)
def _written(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()


def shown_in(zone: tzinfo, at_us: int) -> datetime:
    """Tell what the clocks of a zone show."""
    return (_EPOCH.replace(tzinfo=UTC) + timedelta(microseconds=at_us)).astimezone(zone)


def find_zone(name: str) -> ZoneInfo | None:
    """Find a time zone by its name, such as ``Africa/Johannesburg``."""
    return ZoneInfo(name) if name in _zone_names() else None


def system_zone() -> ZoneInfo:
    """Return the time zone of this machine, UTC if it is none with a name."""
    name = os.environ.get("TZ")
    if name is None:
        # A link to the file of a zone, by which the name is known.
        name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return find_zone(name.removeprefix(":")) or ZoneInfo("UTC")


@cache
def _zone_names() -> frozenset[str]:
    # The installed list, so that no text of a client ever becomes a path.
    return frozenset(files("tzdata").joinpath("zones").read_text().split())
