"""The parameters of the calls: what they may be, and what they say of themselves."""

import re
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from ..clock import find_zone
from ..history.periods import (
    MOST_PERIODS,
    Step,
    TooManyPeriods,
    instant,
    split,
    split_coarsely,
)
from ..web.auth import Caller
from ..web.described import described
from ..web.fields import KEY, WALLET_ID, IfMatch, KeyHeader
from ..web.problems import malformed

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: RFC 3339; microseconds are the finest that is kept.
_TIME: Final = re.compile(
    _DATE.pattern + r"T([01][0-9]|2[0-3])(:[0-9]{2}){2}(\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-9]{2})",
    re.ASCII,
)
_TIME_FORM: Final = 'must be a time such as "2026-11-01T08:30:00Z", with + as %2B'
#: No wallet is as old, and zones are known from about then.
_EARLIEST_YEAR: Final = 1900

#: What is taken for a series without a step, if it makes few enough points.
_STEPS: Final = tuple(Step)[1:]
_TIME_OR_DATE: Final = [
    {"type": "string", "format": each} for each in ("date-time", "date")
]

Choice = TypeVar("Choice", bound=StrEnum)

#: The headers that calls take.
HEADERS: Final = {
    "Idempotency-Key": Annotated[
        KeyHeader,
        described(
            "Makes the request safe to repeat: one key has one outcome, for ever."
        ),
    ],
    "If-Match": Annotated[
        IfMatch, described("The version that the wallet must still have, or *.")
    ],
}


class NoQuery(msgspec.Struct):
    """The query of a call that takes no parameters."""


class SideQuery(msgspec.Struct):
    """The wallet through which an operation is asked for."""

    # Checked later, as below.
    wallet: (
        Annotated[
            str,
            described(
                "The wallet that was addressed, or the one on the other side. With a"
                " wallet's key it may be left out: then it is that wallet.",
                pattern=f"^({WALLET_ID})$",
            ),
        ]
        | None
    ) = None

    def wallet_for(self, caller: Caller) -> str:
        """Return the wallet; without one, that of the caller's key.

        :raises Problem: the operator names none.
        """
        wallet = caller.wallet_id if self.wallet is None else self.wallet
        if wallet is None:
            # No index leads to an operation without its wallet, and on Citus nothing
            # else tells which machine has it.
            raise malformed(
                "wallet", "is missing: an operation is found through a wallet alone"
            )
        return wallet


class OperationQuery(msgspec.Struct):
    """Which operation is asked for."""

    # Checked later: a caller with a worthless key learns that first.
    wallet: Annotated[
        str, described("The wallet that was addressed.", pattern=f"^({WALLET_ID})$")
    ]
    key: Annotated[str, described("The idempotency key.", pattern=f"^({KEY})$")]


class BalanceQuery(msgspec.Struct):
    """The moment at which a balance is asked for."""

    at: (
        Annotated[str, described("The moment; the default is now.", format="date-time")]
        | None
    ) = None

    def moment(self, end_us: int) -> int:
        """Return the moment, the present one if none is given.

        :param end_us: until when anything is known.
        :raises Problem: the moment is malformed, or in the future.
        """
        if self.at is None:
            return end_us - 1
        at_us = read_time("at", self.at)
        if at_us >= end_us:
            raise malformed("at", "must not be in the future")
        return at_us


class SeriesQuery(msgspec.Struct, kw_only=True):
    """The periods for which balances are asked for."""

    from_: (
        Annotated[
            str,
            described(
                "A time, or a date in the zone; the default is the wallet's creation,"
                " or an older entry.",
                anyOf=_TIME_OR_DATE,
            ),
        ]
        | None
    ) = msgspec.field(name="from", default=None)
    to: (
        Annotated[
            str,
            described(
                "The end, not included: a time, or a date in the zone; the default is"
                " now.",
                anyOf=_TIME_OR_DATE,
            ),
        ]
        | None
    ) = None
    step: (
        Annotated[
            Step,
            described(
                "The length of each period; the default is a day, or what is longer"
                f" where there would be more than {MOST_PERIODS} points."
            ),
        ]
        | None
    ) = None
    tz: (
        Annotated[
            str,
            described(
                "The time zone in which days begin, such as Europe/Berlin; the default"
                " is that of the service."
            ),
        ]
        | None
    ) = None

    def zone(self, default: ZoneInfo) -> ZoneInfo:
        """Return the time zone in which days begin.

        :raises Problem: there is none of that name.
        """
        zone = default if self.tz is None else find_zone(self.tz)
        if zone is None:
            raise malformed("tz", 'must be the name of a zone, such as "Europe/Berlin"')
        return zone

    def periods(
        self, start_us: int, end_us: int, zone: ZoneInfo
    ) -> tuple[Step, list[int]]:
        """Return the step, and the bounds of the periods.

        :param start_us: where they start by default.
        :param end_us: until when anything is known.
        :raises Problem: a parameter is malformed, or there are too many periods.
        """
        from_us, to_us = start_us, end_us
        if self.from_ is not None:
            from_us = read_time("from", self.from_, zone)
        if self.to is not None:
            to_us = read_time("to", self.to, zone)
            if to_us <= from_us:
                raise malformed("to", "must be after from")
        if from_us >= end_us:
            raise malformed("from", "must not be in the future")
        to_us = min(to_us, end_us)
        if self.step is None:
            return split_coarsely(from_us, to_us, _STEPS, zone, MOST_PERIODS)
        try:
            return self.step, split(from_us, to_us, self.step, zone)
        except TooManyPeriods as error:
            reason = f"makes more than {MOST_PERIODS} points: take a longer step or a"
            raise malformed("step", f"{reason} shorter time") from error


def read_time(field: str, text: str, zone: tzinfo | None = None) -> int:
    """Read a time, or where there is a zone also a date, which is its first moment."""
    if _TIME.fullmatch(text) is None and (zone is None or not _DATE.fullmatch(text)):
        raise malformed(field, _TIME_FORM + (", or a date" if zone else ""))
    try:
        shown = datetime.fromisoformat(text)
    except ValueError as error:
        raise malformed(field, "is not in the calendar") from error
    if shown.year < _EARLIEST_YEAR:
        raise malformed(field, f"must be in the year {_EARLIEST_YEAR} or later")
    return instant(shown, shown.tzinfo or zone or UTC)


def choose(field: str, text: str, choices: type[Choice]) -> Choice:
    """Read one of some words.

    :raises Problem: it is another one.
    """
    try:
        return choices(text)
    except ValueError as error:
        raise malformed(field, f"must be one of {', '.join(choices)}") from error
