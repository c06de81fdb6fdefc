"""Holds as they are told."""

from typing import Annotated, Literal

import msgspec

from ..clock import timestamp
from ..ledger.held import HoldEnd, HoldState
from ..ledger.money import CURRENCIES, format_amount
from ..web.described import described, named
from ..web.fields import WalletId
from ..web.values import Moment, Money

HOLD_ID = "h_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}"
HoldId = Annotated[str, described(**named("HoldId"))]


class HoldAnswer(msgspec.Struct):
    """Money that is set aside in a wallet."""

    id: HoldId
    wallet: WalletId
    amount: Money
    captured: Money
    remaining: Money
    state: HoldEnd
    note: str | None
    created_at: Moment
    expires_at: Moment


class HeldAnswer(msgspec.Struct):
    """A hold, as it was placed, or let go."""

    hold: HoldAnswer


class HeldOutcome(HeldAnswer):
    """An item that placed a hold or let it go, now or under the same key before."""

    status: Literal[201]


class HoldsAnswer(msgspec.Struct):
    """A page of a wallet's holds, in the order of their making."""

    holds: list[HoldAnswer]
    next: str | None
    next_cursor: Annotated[HoldId | None, described("The next page's after.")]


def hold_answer(hold: HoldState, currency: str) -> HoldAnswer:
    """Describe a hold."""
    exponent = CURRENCIES[currency]
    return HoldAnswer(
        id=hold.id,
        wallet=hold.wallet_id,
        amount=format_amount(hold.amount_minor, exponent),
        captured=format_amount(hold.captured_minor, exponent),
        remaining=format_amount(hold.remaining_minor, exponent),
        state=hold.state,
        note=hold.note,
        created_at=timestamp(hold.created_at_us),
        expires_at=timestamp(hold.expires_at_us),
    )
