"""Ids are UUIDs of version 7 that sort as they were made."""

import time
from uuid import RFC_4122, UUID

from wallet.ledger.ids import is_wallet_id, made_at_us, new_operation_id, new_wallet_id

#: The time goes on by more than the 4,096th part of a millisecond.
_STEP_NS = 250


def test_an_id_is_a_uuid_of_version_7_with_the_time_of_its_making():
    earliest = time.time_ns() // 1_000_000
    wallet, operation = new_wallet_id(), new_operation_id()
    latest = time.time_ns() // 1_000_000
    assert earliest <= made_at_us(operation) // 1_000 <= latest
    assert is_wallet_id(wallet)
    assert operation.startswith("o_")
    for made in (wallet, operation):
        uuid = UUID(made[2:])
        assert (uuid.version, uuid.variant) == (7, RFC_4122)
        assert earliest <= uuid.int >> 80 <= latest


def test_ids_of_one_millisecond_sort_as_they_were_made(monkeypatch):
    begin = 1_700_000_000_000_000_000
    times = iter(range(begin, begin + 2_000_000, _STEP_NS))
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    made = [new_wallet_id() for _ in range(2_000_000 // _STEP_NS)]
    assert made == sorted(made)
    assert len({wallet[:14] for wallet in made}) == 2


def test_ids_of_one_moment_differ(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_999_999)
    made = {new_operation_id() for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(UUID(each[2:]).version == 7 for each in made)
