"""The time, and how a moment is written."""

import time
from datetime import datetime, timedelta
from typing import Final

#: UTC, as every time here.
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001


def now_us() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def timestamp(at_us: int) -> str:
    """Write microseconds since 1970 as UTC with every digit."""
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at.isoformat(timespec='microseconds')}Z"
