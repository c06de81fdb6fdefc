"""The prices that are kept, and which of them counts when."""

from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from wallet.prices.rates import MAX_AGE_US, Rate, keep_rate, newest_rate, rates_at
from wallet.storage.connections import is_sqlite

from ..actions import heard

NOW_US = 1_800_000_000_000_000


def keep(store, price, at_us):
    with store.transaction() as connection:
        keep_rate(connection, Decimal(price), at_us)


def test_where_no_price_was_ever_seen_none_counts(store):
    """Neither for now nor for any other moment."""
    assert newest_rate(store, NOW_US) is None
    assert rates_at(store, [0, NOW_US, NOW_US]) == [None, None, None]
    assert rates_at(store, []) == []


def test_a_price_is_kept_with_every_digit(store):
    """As it was written, however long."""
    keep(store, "1000000000000.1234567890123456789", NOW_US)
    kept = newest_rate(store, NOW_US)
    assert str(kept.price) == "1000000000000.1234567890123456789"


def test_the_newest_rate_at_or_before_a_moment_counts(store):
    """In the order of the question, which may name a moment twice."""
    keep(store, "10.00", NOW_US)
    keep(store, "20.00", NOW_US + 60)
    first, second = Rate(Decimal("10.00"), NOW_US), Rate(Decimal("20.00"), NOW_US + 60)
    asked = [NOW_US + 60, NOW_US - 1, NOW_US, NOW_US + 59, NOW_US + 61, NOW_US]
    assert rates_at(store, asked) == [second, None, first, first, second, first]


def test_a_rate_counts_for_24_hours(store):
    """To the microsecond: exactly so old it counts, one more and it does not."""
    keep(store, "10.00", NOW_US)
    assert newest_rate(store, NOW_US + MAX_AGE_US) == Rate(Decimal("10.00"), NOW_US)
    assert newest_rate(store, NOW_US + MAX_AGE_US + 1) is None
    assert MAX_AGE_US == 86_400_000_000


def test_the_time_of_a_rate_never_goes_back(store):
    """A clock that does gives the next rate a time just after the last."""
    keep(store, "10", NOW_US)
    keep(store, "20", NOW_US - 3_600_000_000)
    keep(store, "30", NOW_US)
    keep(store, "40", NOW_US + 5)
    times = [NOW_US, NOW_US + 1, NOW_US + 2, NOW_US + 5]
    assert [rate.at_us for rate in rates_at(store, times)] == times
    assert newest_rate(store, NOW_US + 5).price == Decimal("40")


def test_an_unchanged_price_is_kept_as_often_as_it_is_seen(store):
    """Each time it counts for another 24 hours."""
    keep(store, "10", NOW_US)
    keep(store, "10", NOW_US + MAX_AGE_US)
    assert newest_rate(store, NOW_US + 2 * MAX_AGE_US).at_us == NOW_US + MAX_AGE_US


def test_rates_of_many_moments_take_one_statement_that_seeks(store):
    """A thousand points cost a thousand seeks, and neither a scan nor a sort."""
    keep(store, "10", NOW_US)
    with heard(store) as sent:
        found = rates_at(store, [NOW_US + place for place in range(1000)])
    assert len(found) == 1000
    assert None not in found
    ((statement, parameters),) = sent
    plan = plan_of(store, statement, parameters)
    assert "SEARCH rates USING" in plan or "Index Scan using rates_pkey" in plan
    assert "SEARCH earlier USING" in plan or "rates_pkey on rates earlier" in plan
    # By the moment, too: a plan that begins with the rates looks at each of them.
    assert "(pair=? AND at_us=?)" in plan or "AND (at_us = (SubPlan" in plan
    for wrong in ("SCAN rates", "SCAN earlier", "Seq Scan", "Sort", "ORDER BY"):
        assert wrong not in plan


def plan_of(store, statement, parameters):
    explain = "EXPLAIN QUERY PLAN" if is_sqlite(store.reading) else "EXPLAIN"
    with store.reading.connect() as connection:
        if not is_sqlite(store.reading):
            # One row is read faster without the index.
            for choice in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET enable_{choice} = off")
        rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
        plan = "\n".join(str(row[-1]) for row in rows)
        connection.invalidate()
    return plan


@pytest.mark.parametrize(
    "row", ["('XBTZAR', -1, '10')", "('XBTZAR', 1, '')", "('XBTZAR', 1, NULL)"]
)
def test_the_database_itself_refuses_a_rate_that_cannot_be(store, row):
    """Without a time, or without a price."""
    with pytest.raises(IntegrityError), store.transaction() as connection:
        connection.exec_driver_sql(f"INSERT INTO rates VALUES {row}")
