"""The call that returns the price of bitcoin."""

from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Response, request

from ..clock import now_us, timestamp
from ..prices.rates import PAIR, newest_rate
from ..web.body import query_of
from ..web.described import described
from ..web.fields import read_query
from ..web.problems import Problem
from ..web.replies import json_response
from ..web.service import current_service, identify
from ..web.values import Moment
from .parameters import NoQuery

prices = Blueprint("prices", __name__, url_prefix="/v1/rates")


class RateAnswer(msgspec.Struct):
    """The price of bitcoin, and when and where it was seen."""

    pair: Literal["XBTZAR"]
    rate: Annotated[str, described("Rand for one bitcoin, with every digit.")]
    rate_at: Moment
    source: Literal["luno"]


@prices.get("/<pair>")
def read_rate(pair: str) -> Response:
    """Read the price of bitcoin, as seen in the last 24 hours."""
    service = current_service()
    caller = identify(request)
    if caller.wallet_id is not None:
        # A key that was replaced opens nothing.
        service.open_wallet(caller, caller.wallet_id)
    read_query(query_of(request), NoQuery)
    if pair != PAIR:
        raise Problem("not-found", f"{PAIR} is the only pair.")
    rate = newest_rate(service.store, now_us())
    if rate is None:
        raise Problem("no-rate")
    answer = RateAnswer(PAIR, str(rate.price), timestamp(rate.at_us), "luno")
    return json_response(answer)
