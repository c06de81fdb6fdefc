"""The call that tells what a bitcoin costs."""

from typing import Annotated
from typing import Literal

import msgspec
from flask import Blueprint
from flask import Response
from flask import request

from ..prices.rates import PAIR
from ..prices.rates import newest_rate
from ..storage import queries as reading
from ..web.auth import identify
from ..web.fields import encode
from ..web.fields import timestamp
from ..web.hooks import query_of
from ..web.problems import Problem
from ..web.service import current_service
from ..web.service import now_us
from . import parameters
from .bodies import told

prices = Blueprint("prices", __name__, url_prefix="/v1/rates")


class RateAnswer(msgspec.Struct):
    """What a bitcoin costs, and when and where that was seen."""

    pair: Literal["XBTZAR"]
    rate: Annotated[str, told(description="Rand for one bitcoin, with every digit.")]
    rate_at: str
    source: Literal["luno"] = "luno"


@prices.get("/<pair>")
def read_rate(pair: str) -> Response:
    """Tell what a bitcoin costs, as seen within the last 24 hours."""
    service = current_service()
    caller = identify(request, service.settings.operator_token, service.keys)
    if caller.wallet_id is not None:
        # A key that was replaced opens nothing.
        caller.must_open(reading.find_wallet(service.store, caller.wallet_id))
    parameters.read_query(query_of(request), set())
    if pair != PAIR:
        raise Problem("not-found", f"Only the rate of {PAIR} is known.")
    rate = newest_rate(service.store, now_us())
    if rate is None:
        raise Problem("no-rate")
    answer = RateAnswer("XBTZAR", str(rate.price), timestamp(rate.at_us))
    return Response(encode(answer), mimetype="application/json")
