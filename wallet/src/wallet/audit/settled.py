"""Checks a store in one snapshot, or in several where that is not of one moment."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection

from ..storage.spreading import is_spread
from ..storage.store import Store
from .replay import Fault

#: Longer than a change of several machines is seen on some of them only, when one was
#: lost in it and is back.
_PAUSE_S: Final = 3.0
_ATTEMPTS: Final = 5

T = TypeVar("T")


def settled(store: Store, check: Callable[[Connection], T]) -> T:
    """Make a check; where machines share no moment, accuse by what stays as it was.

    :raises Fault: it was found twice in a row, or every time another one.
    """
    told = ""
    for attempt in range(1, _ATTEMPTS + 1):
        with store.snapshot() as connection:
            try:
                return check(connection)
            except Fault as fault:
                last = attempt == _ATTEMPTS or str(fault) == told
                if last or not is_spread(connection):
                    raise
                told = str(fault)
        time.sleep(_PAUSE_S)
    raise AssertionError("the last attempt returns or raises")
