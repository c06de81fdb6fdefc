"""Asks Luno once what a bitcoin costs: a bounded call, and never a guess.

Whatever is wrong becomes a :class:`TickerFault`, which quotes nothing of the answer.
"""

import json
import re
import socket
import ssl
from decimal import Decimal
from enum import StrEnum
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from typing import Final
from urllib.parse import SplitResult, urlsplit

from .. import __version__
from .rates import PAIR
from .watch import Watch

#: The whole call: names, connection, TLS, and every byte there and back.
DEADLINE_S: Final = 10.0
#: A real answer has 200 bytes.
LARGEST_ANSWER: Final = 64 * 1024

#: One address that swallows everything must not use up the time of the others.
_CONNECT_S: Final = 3.0
_LONGEST_PRICE: Final = 40
_PRICE: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_LOWEST, _HIGHEST = Decimal(1), Decimal(10**12)
_HEADERS: Final = {
    "Accept": "application/json",
    "Connection": "close",
    "User-Agent": f"wallet/{__version__}",
}


class Asked(StrEnum):
    """What came of a question; a closed set, because metrics are labelled with it."""

    KEPT = "kept"
    NOT_KEPT = "not-kept"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    SLOW = "slow"
    TOO_MANY = "too-many"
    STATUS = "status"
    TOO_LARGE = "too-large"
    INCOMPLETE = "incomplete"
    MALFORMED = "malformed"
    ERROR = "error"
    WRONG_PAIR = "wrong-pair"
    BAD_PRICE = "bad-price"


class TickerFault(Exception):
    """There is no price; the message says why.

    :param retry_after: when Luno wants to be asked again, as its header says it.
    """

    def __init__(
        self, outcome: Asked, reason: str, retry_after: str | None = None
    ) -> None:
        super().__init__(reason)
        self.outcome, self.retry_after = outcome, retry_after


def ask_price(url: str, deadline_s: float = DEADLINE_S) -> Decimal:
    """Ask what a bitcoin costs, in rand.

    :raises TickerFault: there is no answer in time, or none with a price.
    """
    with Watch(deadline_s) as watch:
        try:
            body = _get(urlsplit(url), watch)
        except (OSError, HTTPException, ValueError) as error:
            raise _broken(error) from error
        finally:
            # What was cut off looks like an end.
            if watch.is_over():
                raise TickerFault(Asked.SLOW, "it takes too long")
    return read_price(body)


def read_price(body: bytes) -> Decimal:
    """Find the price in an answer.

    :raises TickerFault: there is none, or none that can be.
    """
    try:
        # Digits, never floats; and numbers of any length are text as well.
        told = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise TickerFault(Asked.MALFORMED, "its answer is not JSON") from error
    if not isinstance(told, dict):
        raise TickerFault(Asked.MALFORMED, "its answer is not a ticker")
    if told.keys() & {"error", "error_code"}:
        raise TickerFault(Asked.ERROR, "its answer is an error")
    if told.get("pair", PAIR) != PAIR:
        raise TickerFault(Asked.WRONG_PAIR, "its answer is about another pair")
    ask = str(told.get("ask"))
    known = len(ask) <= _LONGEST_PRICE and _PRICE.fullmatch(ask)
    if not known or not _LOWEST <= Decimal(ask) <= _HIGHEST:
        raise TickerFault(Asked.BAD_PRICE, "its price cannot be")
    return Decimal(ask)


def _get(url: SplitResult, watch: Watch) -> bytes:
    connection = _open(url, watch)
    try:
        query = url.query if "pair=" in url.query else f"{url.query}&pair={PAIR}"
        path = f"{url.path or '/'}?{query.lstrip('&')}"
        connection.request("GET", path, headers=_HEADERS)
        # What is elsewhere is not followed: only the address that was set is asked.
        response = connection.getresponse()
        try:
            return _read(response)
        finally:
            response.close()
    finally:
        connection.close()


def _open(url: SplitResult, watch: Watch) -> HTTPConnection:
    host, secure = url.hostname or "", url.scheme == "https"
    line = _connect(host, url.port or (443 if secure else 80), watch)
    if not secure:
        connection = HTTPConnection(host, url.port)
        connection.sock = line
        return connection
    try:
        context = ssl.create_default_context()
        connection = HTTPSConnection(host, url.port, context=context)
        connection.sock = context.wrap_socket(line, server_hostname=host)
    except BaseException:
        line.close()
        raise
    return connection


def _connect(host: str, port: int, watch: Watch) -> socket.socket:
    # A name that is not answered holds this thread as long as the system's own
    # resolver waits; nobody waits for this thread.
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    last: OSError | None = None
    for family, kind, protocol, _, address in found:
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(min(_CONNECT_S, watch.left_s()))
            line.connect(address)
            line.settimeout(watch.left_s())
            watch.guard(line)
        except OSError as error:
            line.close()
            last = error
        else:
            return line
    raise last or OSError("the name has no address")


def _read(response: HTTPResponse) -> bytes:
    if response.status == 429:
        after = response.headers.get("Retry-After")
        raise TickerFault(Asked.TOO_MANY, "it was asked too often", after)
    if response.status != 200:
        raise TickerFault(Asked.STATUS, f"it answers with status {response.status}")
    body = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        raise TickerFault(Asked.TOO_LARGE, "its answer has no end")
    if response.length:
        raise TickerFault(Asked.INCOMPLETE, "its answer breaks off")
    return body


def _broken(error: Exception) -> TickerFault:
    if isinstance(error, TimeoutError):
        return TickerFault(Asked.SLOW, "it takes too long")
    if isinstance(error, ssl.SSLError):
        return TickerFault(Asked.UNTRUSTED, f"no TLS with it ({error.reason})")
    if isinstance(error, IncompleteRead):
        return TickerFault(Asked.INCOMPLETE, "its answer breaks off")
    name = type(error).__name__
    if isinstance(error, OSError):
        return TickerFault(Asked.UNREACHABLE, f"it cannot be reached ({name})")
    return TickerFault(Asked.MALFORMED, f"its answer is not HTTP ({name})")
