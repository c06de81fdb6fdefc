"""What a bitcoin cost in rand, when, and what a balance was worth by it.

A price counts from the moment it was seen, for 24 hours or until the next one. Where
none counts there is no worth at all: nothing is guessed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Select,
    bindparam,
    case,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from ..ledger.money import CURRENCIES
from ..storage import errors as failures
from ..storage.store import Store
from ..storage.tables import rates

PAIR: Final = "XBTZAR"
#: How long a price counts; exactly so old, it still does.
MAX_AGE_US: Final = 24 * 60 * 60 * 1_000_000

#: The currency in which a balance's worth is told.
_COUNTERPART: Final = {"ZAR": "BTC", "BTC": "ZAR"}

_now = bindparam("now", type_=BigInteger)
_last = select(func.max(rates.c.at_us)).where(rates.c.pair == bindparam("of"))
_after = func.coalesce(_last.scalar_subquery() + 1, 0)
_insert = insert(rates).values(
    pair=bindparam("of"),
    at_us=case((_after > _now, _after), else_=_now),
    price=bindparam("text"),
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A price of one bitcoin in rand, with every digit, and when it was seen."""

    price: Decimal
    at_us: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a balance is worth in another currency, and by which rate."""

    value_minor: int
    currency: str
    rate: Rate


def rates_at(store: Store, times_us: Sequence[int]) -> list[Rate | None]:
    """Read the newest rate at or before each moment, none if it is too old."""
    sqlite = store.reading.dialect.name == "sqlite"
    times = json.dumps(times_us) if sqlite else list(times_us)
    given = {"pair": PAIR, "times": times, "max_age": MAX_AGE_US}
    with failures.before_commit(), store.reading.connect() as connection:
        rows = connection.execute(_newest_at(sqlite), given)
        found = {row.time_us: Rate(Decimal(row.price), row.at_us) for row in rows}
    return [found.get(time_us) for time_us in times_us]


def newest_rate(store: Store, now_us: int) -> Rate | None:
    """Read the rate that counts now, if there is one."""
    (rate,) = rates_at(store, [now_us])
    return rate


def quote(balance_minor: int, currency: str, rate: Rate | None) -> Quote | None:
    """Tell what a balance of rand is worth in bitcoin, or one of bitcoin in rand.

    This alone rounds: half-even, to the minor unit.
    """
    if rate is None or currency not in _COUNTERPART:
        return None
    counterpart = _COUNTERPART[currency]
    price = Fraction(rate.price)
    worth = Fraction(balance_minor, 10 ** CURRENCIES[currency])
    worth = worth / price if currency == "ZAR" else worth * price
    value_minor = round(worth * 10 ** CURRENCIES[counterpart])
    return Quote(value_minor, counterpart, rate)


def keep_rate(connection: Connection, price: Decimal, now_us: int) -> None:
    """Keep a price that was just seen; its time is always after the one before."""
    connection.execute(_insert, {"of": PAIR, "text": format(price, "f"), "now": now_us})


def _times(sqlite: bool) -> FromClause:
    if sqlite:
        value = func.json_each(bindparam("times")).table_valued("value").c.value
        return select(value.label("time_us")).subquery("given")
    times = bindparam("times", type_=ARRAY(BigInteger))
    unnested = func.unnest(times).table_valued(column("time_us", BigInteger))
    return unnested.render_derived("given")


@cache
def _newest_at(sqlite: bool) -> Select[Any]:
    given = _times(sqlite)
    earlier = rates.alias("earlier")
    newest = (
        select(earlier.c.at_us)
        .where(
            earlier.c.pair == bindparam("pair"),
            earlier.c.at_us <= given.c.time_us,
            earlier.c.at_us >= given.c.time_us - bindparam("max_age"),
        )
        .order_by(earlier.c.at_us.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(given.c.time_us, rates.c.at_us, rates.c.price).join_from(
        given, rates, (rates.c.pair == bindparam("pair")) & (rates.c.at_us == newest)
    )
