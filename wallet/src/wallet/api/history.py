"""The calls about time: what a wallet held at a moment, and over periods."""

from typing import Annotated

import msgspec
from flask import Blueprint, Response, request

from ..clock import now_us, timestamp
from ..history.course import begin_of
from ..history.series import Point, Step, balance_at, end_of, read_series
from ..ledger.money import CURRENCIES, format_amount
from ..web.body import query_of
from ..web.described import described
from ..web.fields import Currency, WalletId, read_query
from ..web.replies import json_response
from ..web.service import current_service, identify
from ..web.values import Moment, Money
from .parameters import BalanceQuery, SeriesQuery

timeline = Blueprint("timeline", __name__, url_prefix="/v1/wallets/<wallet_id>")


class BalanceAnswer(msgspec.Struct):
    """What a wallet held at a moment, and how many entries it had."""

    wallet: WalletId
    currency: Currency
    at: Moment
    balance: Money
    version: int


class PointAnswer(msgspec.Struct):
    """What a wallet held from a moment until before another, and its worth then."""

    from_: Moment = msgspec.field(name="from")
    to: Moment
    opening: Money
    low: Annotated[Money, described("The lowest balance, the opening included.")]
    high: Annotated[Money, described("The highest balance, the opening included.")]
    closing: Money
    value: Annotated[
        Money | None,
        described("The worth of the closing balance, null without a rate."),
    ]
    value_currency: Currency | None
    rate: str | None
    rate_at: Moment | None


class SeriesAnswer(msgspec.Struct):
    """What a wallet held over time; each point begins where the one before ends."""

    wallet: WalletId
    currency: Currency
    step: Step
    tz: str
    points: list[PointAnswer]


@timeline.get("/balance")
def read_balance(wallet_id: str) -> Response:
    """Read what a wallet held at a moment."""
    now = now_us()
    wallet = current_service().open_wallet(identify(request), wallet_id)
    end_us = end_of(wallet, now)
    at_us = read_query(query_of(request), BalanceQuery).moment(end_us)
    held = balance_at(current_service().store, wallet, at_us)
    return json_response(
        BalanceAnswer(
            wallet=wallet.id,
            currency=wallet.currency,
            at=timestamp(at_us),
            balance=format_amount(held.balance_minor, CURRENCIES[wallet.currency]),
            version=held.version,
        )
    )


@timeline.get("/series")
def read_points(wallet_id: str) -> Response:
    """Read what a wallet held over hours, days, weeks, months, years or decades."""
    now = now_us()
    wallet = current_service().open_wallet(identify(request), wallet_id)
    end_us = end_of(wallet, now)
    asked = read_query(query_of(request), SeriesQuery)
    zone = asked.zone(current_service().settings.time_zone)
    store = current_service().store
    step, bounds = asked.periods(begin_of(store, wallet), end_us, zone)
    points = read_series(store, wallet, bounds, end_us)
    return json_response(
        SeriesAnswer(
            wallet=wallet.id,
            currency=wallet.currency,
            step=step,
            tz=zone.key,
            points=[_point_answer(point, wallet.currency) for point in points],
        )
    )


def _point_answer(point: Point, currency: str) -> PointAnswer:
    exponent, quote = CURRENCIES[currency], point.quote
    answer = PointAnswer(
        from_=timestamp(point.from_us),
        to=timestamp(point.to_us),
        opening=format_amount(point.opening_minor, exponent),
        low=format_amount(point.low_minor, exponent),
        high=format_amount(point.high_minor, exponent),
        closing=format_amount(point.closing_minor, exponent),
        value=None,
        value_currency=None,
        rate=None,
        rate_at=None,
    )
    if quote is not None:
        answer.value = format_amount(quote.value_minor, CURRENCIES[quote.currency])
        answer.value_currency = quote.currency
        answer.rate = format(quote.rate.price, "f")
        answer.rate_at = timestamp(quote.rate.at_us)
    return answer
