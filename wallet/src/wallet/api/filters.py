"""The parameters that say which rows of a list are asked for."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ..history.held import within_times
from ..ledger.commands import Kind
from ..ledger.money import CURRENCIES, AmountError, parse_amount
from ..ledger.outcomes import WalletState
from ..storage.finding import (
    MOST_READ,
    Order,
    WalletOrder,
    WantedEntries,
)
from ..storage.queries import BEYOND_ALL
from ..storage.store import Store
from ..web.described import described
from ..web.fields import (
    DECIMALS,
    DEFAULT_PAGE,
    MAJOR,
    PRINTABLE,
    Archived,
    Currency,
    EntriesPage,
    Limit,
)
from ..web.problems import malformed
from .parameters import choose, read_time

_LONGEST_WAIT_S: Final = 60
#: What goes together in a call that waits: nothing that leaves out entries.
_FOLLOWED: Final = frozenset(("limit", "after", "order", "wait"))
_MAJOR_UNITS: Final = f"^{MAJOR}{DECIMALS}$"
_Text = Annotated[str, Meta(min_length=1, max_length=200), PRINTABLE]
_Moment = Annotated[str, described("The first moment.", format="date-time")]
_End = Annotated[str, described("The end, not included.", format="date-time")]
_Least = Annotated[
    str, described("The lowest amount, in or out.", pattern=_MAJOR_UNITS)
]
_Most = Annotated[
    str, described("The highest amount, in or out.", pattern=_MAJOR_UNITS)
]


class WalletsQuery(msgspec.Struct):
    """The wallets that are asked for."""

    limit: Limit = DEFAULT_PAGE
    after: Annotated[str, described("The next_cursor of the page before.")] | None = (
        None
    )
    text: (
        Annotated[
            _Text,
            described(
                "A part of the name, in capitals or not. A page passes at most"
                f" {MOST_READ:,} wallets."
            ),
        ]
        | None
    ) = None
    currency: Annotated[Currency, described("Their currency.")] | None = None
    archived: Archived = False
    order: Annotated[
        str,
        described(
            "Which come first: the oldest, those at the beginning of the alphabet"
            " (accented letters come after Z), for each currency the richest, or those"
            " that moved most recently. A wallet"
            " that moves while pages are read goes to the front, where only the first"
            " page shows it: ask for that again.",
            enum=[*WalletOrder],
        ),
    ] = WalletOrder.CREATED


class EntriesQuery(EntriesPage, kw_only=True):
    """The entries of a wallet's history that are asked for."""

    after: (
        Annotated[
            int,
            Meta(ge=0, le=10**18 - 1),
            described("Only entries after this version."),
        ]
        | None
    ) = None
    kind: Annotated[str, described("Their kind.", enum=[*Kind])] | None = None
    from_: _Moment | None = msgspec.field(name="from", default=None)
    to: _End | None = None
    least: _Least | None = msgspec.field(name="min", default=None)
    most: _Most | None = msgspec.field(name="max", default=None)
    text: (
        Annotated[
            _Text,
            described(
                "A part of the note, the payee or, for the operator, the counterparty's"
                " name, in capitals or not. A page passes at most"
                f" {MOST_READ:,} entries."
            ),
        ]
        | None
    ) = None
    payee: (
        Annotated[
            str,
            Meta(max_length=200),
            PRINTABLE,
            described(
                "The whole payee but for blanks around it; empty for entries without"
                " one."
            ),
        ]
        | None
    ) = None
    order: (
        Annotated[
            str,
            described(
                "Which come first: the newest by default, with wait the oldest.",
                enum=[*Order],
            ),
        ]
        | None
    ) = None
    wait: (
        Annotated[
            int,
            Meta(ge=0, le=_LONGEST_WAIT_S),
            described(
                "Seconds to wait if there are no entries after the version yet. It"
                " goes with after and limit alone, and the page always has a next."
            ),
        ]
        | None
    ) = None

    def followed(self) -> int:
        """Tell after which version entries are waited for.

        :raises Problem: they are asked for in another way, which could miss some.
        """
        names = zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True)
        for attribute, name in names:
            given = getattr(self, attribute)
            if name not in _FOLLOWED and given is not None:
                raise malformed(name, "cannot be combined with wait")
        order = self._order(Order.OLDEST)
        if order is not Order.OLDEST:
            raise malformed("order", "must be oldest with wait")
        return self.after or 0

    def wanted(self, store: Store, wallet: WalletState) -> WantedEntries:
        """Say which entries of a wallet are looked for.

        :raises Problem: a parameter is malformed, or contradicts another.
        """
        kind = None if self.kind is None else choose("kind", self.kind, Kind)
        order = self._order(Order.NEWEST)
        least = _read_amount("min", self.least, wallet, 0)
        most = _read_amount("max", self.most, wallet, BEYOND_ALL)
        if most < least:
            raise malformed("max", "must not be less than min")
        from_us, to_us = -BEYOND_ALL, BEYOND_ALL
        if self.from_ is not None:
            from_us = read_time("from", self.from_)
        if self.to is not None:
            to_us = read_time("to", self.to)
        if to_us <= from_us:
            raise malformed("to", "must be after from")
        after, before = self.after or 0, self.before or BEYOND_ALL
        if before <= after:
            raise malformed("before", "must be more than after")
        text = self.text or ""
        payee = None if self.payee is None else self.payee.strip()
        wanted = WantedEntries(
            kind, least, most, text, from_us, to_us, after, before, order, payee
        )
        return within_times(store, wallet, wanted)

    def _order(self, default: Order) -> Order:
        return default if self.order is None else choose("order", self.order, Order)


def _read_amount(
    field: str, text: str | None, wallet: WalletState, default: int
) -> int:
    try:
        exponent = CURRENCIES[wallet.currency]
        return default if text is None else parse_amount(text, exponent)
    except AmountError as error:
        raise malformed(field, str(error)) from error
