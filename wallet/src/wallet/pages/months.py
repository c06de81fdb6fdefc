"""Where the money of a wallet went, and where it came from, month by month."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from flask import Blueprint, render_template

from ..clock import now_us
from ..history import payees
from ..history.course import begin_of
from ..history.periods import instant
from ..history.series import end_of
from ..web.problems import malformed
from ..web.service import current_service
from . import access
from .wording import local_time

months = Blueprint("months", __name__)

_MONTH: Final = re.compile("(19|[2-8][0-9])[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)
#: So many are named on each side; the rest of them is one line.
_MOST_NAMED: Final = 100


@months.get("/wallets/<wallet_id>/months")
@months.get("/wallets/<wallet_id>/months/<month>")
def show(wallet_id: str, month: str = "") -> str:
    """Show a month, the present one if none is named."""
    service = current_service()
    caller = access.current_caller()
    wallet = service.open_wallet(caller, wallet_id)
    oldest = _month_of(begin_of(service.store, wallet))
    newest = _month_of(end_of(wallet, now_us()))
    first = _read(month) if month else newest
    following = _following(first)
    times = _begin(first), _begin(following)
    moved = payees.moved_within(service.store, wallet, *times)
    named = [*moved.went[:_MOST_NAMED], *moved.came[:_MOST_NAMED]] if moved else []
    names = service.names_for(caller)
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
        most_named=_MOST_NAMED,
        names=names.of({each.counterparty for each in named} - {""}) if names else {},
        most_added=payees.MOST_ADDED,
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
