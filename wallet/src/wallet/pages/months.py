"""Where the money of a wallet went, and where it came from, month by month."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from flask import Blueprint, render_template

from ..clock import now_us
from ..history.course import begin_of
from ..history.payees import moved_within
from ..history.periods import instant
from ..history.series import end_of
from ..web.problems import malformed
from ..web.service import current_service
from . import access
from .wording import local_time

months = Blueprint("months", __name__)

_MONTH: Final = re.compile("(19|[2-8][0-9])[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)


@months.get("/wallets/<wallet_id>/months")
@months.get("/wallets/<wallet_id>/months/<month>")
def show(wallet_id: str, month: str = "") -> str:
    """Show a month, the present one if none is named."""
    service = current_service()
    wallet = service.open_wallet(access.current_caller(), wallet_id)
    oldest = _month_of(begin_of(service.store, wallet))
    newest = _month_of(end_of(wallet, now_us()))
    first = _read(month) if month else newest
    following = _following(first)
    moved = moved_within(service.store, wallet, _begin(first), _begin(following))
    return render_template(
        "month.html",
        wallet=wallet,
        first=first,
        last=following - timedelta(days=1),
        earlier=min(_month(first - timedelta(days=1)), newest),
        later=max(following, oldest),
        oldest=oldest,
        newest=newest,
        moved=moved,
    )


def _read(month: str) -> date:
    if _MONTH.fullmatch(month) is None:
        raise malformed("month", "must be a month such as 2026-11")
    return date.fromisoformat(f"{month}-01")


def _month_of(at_us: int) -> date:
    return _month(local_time(at_us).date())


def _month(day: date) -> date:
    return day.replace(day=1)


def _following(month: date) -> date:
    return _month(month + timedelta(days=31))


def _begin(month: date) -> int:
    zone = current_service().settings.time_zone
    return instant(datetime.combine(month, time()), zone)
