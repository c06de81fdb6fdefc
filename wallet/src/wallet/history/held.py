"""What a wallet held at many moments, and within many ranges of its history.

A moment is found through the times of the spans and at most one run of entries. What
is read never changes any more, so several statements need no common snapshot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from ..ledger.outcomes import WalletState
from ..storage.finding import WantedEntries
from ..storage.spans import SIZES, Range
from ..storage.store import Store

#: The lowest and the highest balance.
Extremes = tuple[int, int]

# All rows come out as one document: one by one, each would be read by itself. What is
# found for a row is an array, because a second subquery would read the rows again.

# The small run in which a moment is ends at ``stop``; from there backwards, at most a
# run is passed. Before the first entry there is none. Were it not materialized, SQLite
# would look for the first moment's run only.
_MOMENTS: Final = """
WITH near AS MATERIALIZED (
  SELECT place, given.at_us, CASE WHEN given.at_us > (
    SELECT at_us FROM entries WHERE wallet_id = :wallet_id AND version = 1
  ) THEN coalesce((
    SELECT (number + 1) * size FROM spans
    WHERE wallet_id = :wallet_id AND size = :size AND last_at_us >= given.at_us
    ORDER BY last_at_us, number LIMIT 1
  ), :version) ELSE 0 END AS stop
  FROM {given}
)
SELECT CAST({all}({array}(place, {json}((
  SELECT {array}(version, balance_minor) FROM entries
  WHERE wallet_id = :wallet_id AND version <= near.stop AND at_us < near.at_us
  ORDER BY version DESC LIMIT 1
)))) AS text) FROM near
"""
_SPANS: Final = """
SELECT CAST({all}({array}(place, {json}((
  SELECT {array}(min(low_minor), max(high_minor), count(*)) FROM spans
  WHERE wallet_id = :wallet_id AND size = given.size
    AND number BETWEEN given.first AND given.last
)))) AS text) FROM {given}
"""
_ENTRIES: Final = """
SELECT CAST({all}({array}(place, {json}((
  SELECT {array}(min(balance_minor), max(balance_minor)) FROM entries
  WHERE wallet_id = :wallet_id
    AND version BETWEEN given.first * given.size + 1 AND (given.last + 1) * given.size
)))) AS text) FROM {given}
"""
_MOMENT: Final = ("place bigint", "at_us bigint")
_RANGE: Final = ("place bigint", "size bigint", "first bigint", "last bigint")


@dataclass(frozen=True, slots=True)
class Held:
    """What a wallet held, and how many entries it had."""

    version: int
    balance_minor: int


def held_before(
    store: Store, wallet: WalletState, times_us: Sequence[int]
) -> list[Held]:
    """Tell what a wallet held just before each of some moments.

    Entries that were added after the wallet was read are left out.
    """
    empty, now = Held(0, 0), Held(wallet.version, wallet.balance_minor)
    last_us = wallet.last_entry_at_us
    held = [now if time_us > last_us else empty for time_us in times_us]
    asked = [
        (place, time_us) for place, time_us in enumerate(times_us) if time_us <= last_us
    ]
    more = {"version": wallet.version, "size": SIZES[0]}
    for place, found in _look_up(store, wallet, _MOMENTS, _MOMENT, asked, **more):
        held[place] = Held(*found) if found else empty
    return held


def within_times(
    store: Store, wallet: WalletState, wanted: WantedEntries
) -> WantedEntries:
    """Turn the times of what is looked for into versions, by which it is found."""
    if not wanted.timed:
        return wanted
    # Times only grow from version to version.
    first, end = held_before(store, wallet, (wanted.from_us, wanted.to_us))
    before = wanted.before
    if wanted.to_us <= wallet.last_entry_at_us:
        before = min(before, end.version + 1)
    return replace(wanted, after=max(wanted.after, first.version), before=before)


def extremes_within(
    store: Store, wallet: WalletState, ranges: Sequence[Range]
) -> list[Extremes]:
    """Tell the lowest and the highest balance within each of some ranges."""
    asked = [(n, each.size, each.first, each.last) for n, each in enumerate(ranges)]
    of_spans = [each for each in asked if each[1] > 1]
    extremes: dict[int, Extremes] = {}
    for place, found in _look_up(store, wallet, _SPANS, _RANGE, of_spans):
        low, high, count = found
        # Where a program wrote that knew no spans, some are missing.
        if count == ranges[place].last - ranges[place].first + 1:
            extremes[place] = (low, high)
    of_entries = [each for each in asked if each[0] not in extremes]
    for place, found in _look_up(store, wallet, _ENTRIES, _RANGE, of_entries):
        extremes[place] = found
    return [extremes[place] for place in range(len(ranges))]


def _look_up(
    store: Store,
    wallet: WalletState,
    template: str,
    columns: Sequence[str],
    asked: Sequence[tuple[int, ...]],
    **more: int,
) -> list[tuple[int, Any]]:
    if not asked:
        return []
    words, given = store.dialect.WORDS, store.dialect.given(*columns)
    sql = template.format(given=given, **words)
    rows = msgspec.json.encode(asked).decode()
    ((document,),) = store.reader.rows(sql, wallet_id=wallet.id, rows=rows, **more)
    return msgspec.json.decode(document, type=list[tuple[int, Any]])
