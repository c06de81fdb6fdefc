"""What a bitcoin cost in rand, when, and what a balance was worth by it.

A price counts from the moment it was seen, for 24 hours or until the next one. Where
none counts there is no worth at all: nothing is guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec
from sqlalchemy import Connection, text

from ..ledger.money import CURRENCIES
from ..storage.store import Store

PAIR: Final = "XBTZAR"
#: How long a price counts; exactly so old, it still does.
MAX_AGE_US: Final = 24 * 60 * 60 * 1_000_000

#: The currency in which a balance's worth is told.
_COUNTERPART: Final = {"ZAR": "BTC", "BTC": "ZAR"}

_KEEP: Final = """
INSERT INTO rates (pair, at_us, price)
SELECT :pair, CASE WHEN next_us > :now_us THEN next_us ELSE :now_us END, :price
FROM (
  SELECT coalesce(max(at_us) + 1, 0) AS next_us FROM rates WHERE pair = :pair
) AS last
"""
# Were it not a left join, SQLite would begin with the rates, and look for the newest of
# each moment once for each of them.
_NEWEST_AT: Final = """
SELECT time_us, rates.at_us, rates.price
FROM {given} LEFT JOIN rates ON rates.pair = :pair AND rates.at_us = (
  SELECT earlier.at_us FROM rates AS earlier
  WHERE earlier.pair = :pair AND earlier.at_us <= time_us
    AND earlier.at_us >= time_us - :max_age_us
  ORDER BY earlier.at_us DESC LIMIT 1
)
"""
_ANY: Final = "SELECT at_us FROM rates WHERE pair = :pair LIMIT 1"


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
    sql = _NEWEST_AT.format(given=store.dialect.given("time_us bigint"))
    times = msgspec.json.encode([(time_us,) for time_us in times_us]).decode()
    rows = store.reader.rows(sql, pair=PAIR, rows=times, max_age_us=MAX_AGE_US)
    found = {
        time_us: None if price is None else Rate(Decimal(price), at_us)
        for time_us, at_us, price in rows
    }
    return [found[time_us] for time_us in times_us]


def newest_rate(store: Store, now_us: int) -> Rate | None:
    """Read the rate that counts now, if there is one."""
    (rate,) = rates_at(store, [now_us])
    return rate


def any_rate(store: Store) -> bool:
    """Whether a rate was ever seen."""
    return bool(store.reader.rows(_ANY, pair=PAIR))


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
    given = {"pair": PAIR, "price": format(price, "f"), "now_us": now_us}
    connection.execute(text(_KEEP), given)
