"""Keeps anyone from trying many tokens: wrong ones are counted by address.

Each worker counts by itself, and forgets the address that was quiet for longest when
there are too many: the memory for this has an end.
"""

import hashlib
import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, TypeVar

from flask import Request

from .peers import caller_address
from .problems import Problem

MOST_WRONG: Final = 10
WITHIN_S: Final = 60
#: Addresses that are remembered, and right tokens of each.
MOST_ADDRESSES: Final = 1024
_MOST_RIGHT: Final = 16
#: A client with one IPv6 address usually has the whole network.
_NETWORK_BITS: Final = 64

Opened = TypeVar("Opened")


@dataclass(frozen=True, slots=True)
class _Seen:
    """When wrong tokens came from an address, and which right ones came meanwhile."""

    wrong: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_WRONG))
    right: deque[bytes] = field(default_factory=lambda: deque(maxlen=_MOST_RIGHT))


class Attempts:
    """Wrong tokens and keys of the last minute.

    :param now: tells the seconds since some moment.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = Lock()
        #: Until then there are wrong ones to look at, which is nearly never.
        self._watched_until = -math.inf

    def judge(
        self, request: Request, token: str, read: Callable[[str], Opened]
    ) -> Opened:
        """Return what a token opens, unless too many wrong ones came from its address.

        A right one that came before they were too many goes on: a neighbour, or a
        program that was left with an old token, does not lock out the others.

        :param read: tells what the token opens, or raises a problem.
        :raises Problem: too many attempts, or that of ``read``.
        """
        watched = self._now() < self._watched_until
        if watched:
            self._refuse_too_many(_address(request), token)
        try:
            opened = read(token)
        except Problem:
            self._count_wrong(_address(request))
            raise
        if watched:
            self._remember_right(_address(request), token)
        return opened

    def _refuse_too_many(self, address: str, token: str) -> None:
        with self._lock:
            seen = self._seen.get(address)
            if seen is None or len(seen.wrong) < MOST_WRONG:
                return
            left_s = seen.wrong[0] + WITHIN_S - self._now()
            if left_s > 0 and _digest(token) not in seen.right:
                wait = {"Retry-After": str(math.ceil(left_s))}
                raise Problem("too-many-attempts", headers=wait)

    def _count_wrong(self, address: str) -> None:
        with self._lock:
            now = self._now()
            self._seen.setdefault(address, _Seen()).wrong.append(now)
            self._seen.move_to_end(address)
            if len(self._seen) > MOST_ADDRESSES:
                self._seen.popitem(last=False)
            self._watched_until = now + WITHIN_S

    def _remember_right(self, address: str, token: str) -> None:
        with self._lock:
            seen, digest = self._seen.get(address), _digest(token)
            if seen is not None and digest not in seen.right:
                seen.right.append(digest)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _address(request: Request) -> str:
    """Name what is counted together: an address, or the network of one."""
    peer = caller_address(request.environ)
    if isinstance(peer, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((peer.packed, _NETWORK_BITS), strict=False))
    return str(peer)
