"""Asks Luno once what a bitcoin costs: a bounded call, and never a guess.

Whatever is wrong becomes a :class:`TickerFault`, which quotes nothing of the answer.
"""

import json
import logging
import re
import ssl
import time
from contextlib import closing
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest, Request, Response, exceptions
from requests.adapters import HTTPAdapter

from .. import __version__
from .rates import PAIR

#: Longest wait for the answer to begin, and then for each byte; and no byte is read
#: when so long has passed since the question.
TIMEOUT_S: Final = 10.0
#: A real answer has 200 bytes.
LARGEST_ANSWER: Final = 64 * 1024

#: One address that swallows everything must not use up the time of the others.
_CONNECT_S: Final = 3.0
_LONGEST_PRICE: Final = 40
_PRICE: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_LOWEST, _HIGHEST = Decimal(1), Decimal(10**12)
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": f"wallet/{__version__}",
}

# Its warnings quote the address and the answer.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class AskOutcome(StrEnum):
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
        self, outcome: AskOutcome, reason: str, retry_after: str | None = None
    ) -> None:
        super().__init__(reason)
        self.outcome, self.retry_after = outcome, retry_after


def ask_price(url: str, timeout_s: float = TIMEOUT_S) -> Decimal:
    """Ask what a bitcoin costs, in rand.

    :raises TickerFault: there is no answer in time, or none with a price.
    """
    until_s = time.monotonic() + timeout_s
    response: Response | None = None
    # The adapter without a session: a session would take a proxy or a password from
    # the environment, and read the body of a redirect to its end.
    with closing(HTTPAdapter()) as adapter:
        try:
            response = adapter.send(
                _request(url),
                stream=True,
                timeout=(min(_CONNECT_S, timeout_s), timeout_s),
                verify=_authorities(),
            )
            with response:
                body = _body(response, until_s)
        except exceptions.RequestException as error:
            raise _fault(error, has_begun=response is not None) from error
    return read_price(body)


def read_price(body: bytes) -> Decimal:
    """Find the price in an answer.

    :raises TickerFault: there is none, or none that can be.
    """
    try:
        # Digits, never floats; and numbers of any length are text as well.
        ticker: Any = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise TickerFault(AskOutcome.MALFORMED, "its answer is not JSON") from error
    if not isinstance(ticker, dict):
        raise TickerFault(AskOutcome.MALFORMED, "its answer is not a ticker")
    if ticker.keys() & {"error", "error_code"}:
        raise TickerFault(AskOutcome.ERROR, "its answer is an error")
    if ticker.get("pair", PAIR) != PAIR:
        raise TickerFault(AskOutcome.WRONG_PAIR, "its answer is about another pair")
    ask = str(ticker.get("ask"))
    is_number = len(ask) <= _LONGEST_PRICE and _PRICE.fullmatch(ask)
    if not is_number or not _LOWEST <= Decimal(ask) <= _HIGHEST:
        raise TickerFault(AskOutcome.BAD_PRICE, "its answer has no possible price")
    return Decimal(ask)


def _request(url: str) -> PreparedRequest:
    has_pair = "pair" in parse_qs(urlsplit(url).query, keep_blank_values=True)
    params = {} if has_pair else {"pair": PAIR}
    return Request("GET", url, params=params, headers=_HEADERS).prepare()


def _authorities() -> str | bool:
    """Where this machine keeps the certificates it trusts; else those of requests."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _body(response: Response, until_s: float) -> bytes:
    status, body = response.status_code, bytearray()
    if status == 429:
        retry_after = response.headers.get("Retry-After")
        raise TickerFault(AskOutcome.TOO_MANY, "it was asked too often", retry_after)
    if status != 200:
        raise TickerFault(AskOutcome.STATUS, f"it answers with status {status}")
    if "Content-Encoding" in response.headers:
        raise TickerFault(AskOutcome.MALFORMED, "its answer is packed")
    # Byte by byte, because a larger piece is waited for until its last byte.
    for byte in response.iter_content(1):
        body += byte
        if len(body) > LARGEST_ANSWER:
            raise TickerFault(AskOutcome.TOO_LARGE, "its answer has no end")
        if time.monotonic() > until_s:
            raise TickerFault(AskOutcome.SLOW, "it takes too long")
    return bytes(body)


def _fault(error: exceptions.RequestException, has_begun: bool) -> TickerFault:
    if isinstance(error, exceptions.SSLError):
        return TickerFault(AskOutcome.UNTRUSTED, "there is no trusted TLS with it")
    if isinstance(error, exceptions.ChunkedEncodingError):
        return TickerFault(AskOutcome.INCOMPLETE, "its answer breaks off")
    # Once the answer has begun, a timeout has no name of its own.
    if has_begun or isinstance(error, exceptions.Timeout):
        return TickerFault(AskOutcome.SLOW, "it takes too long")
    return TickerFault(AskOutcome.UNREACHABLE, "it cannot be reached")
