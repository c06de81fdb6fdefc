"""Moves that are told afterwards: written with their own time, and read by it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.history.course import begin_of
from wallet.history.series import balance_at
from wallet.ledger.commands import Kind
from wallet.ledger.outcomes import Moved, Refused
from wallet.storage.queries import find_wallet, list_entries
from wallet.web.service import service_of

from ..actions import a_submission, create_wallet


def instant(year, month, day):
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000_000


def move(writer, wallet, amount, at_us, kind=Kind.DEPOSIT, **more):
    submission = a_submission(wallet, kind, amount, at_us=at_us, **more)
    (result,) = writer.submit(submission)
    return result.outcome


def test_a_history_from_before_its_wallet_is_sound(store, writer):
    """It is verified, and tells what was held then; what is out of order is refused."""
    wallet = create_wallet(writer)
    for day in range(2, 32):
        assert isinstance(move(writer, wallet, "1", instant(2020, 1, day)), Moved)
    before = find_wallet(store, wallet)
    assert isinstance(move(writer, wallet, "1", instant(2020, 1, 1)), Refused)
    assert find_wallet(store, wallet) == before
    assert before.created_at_us > before.last_entry_at_us
    for year, month, day, held in (
        *((2019, 12, 31, 0), (2020, 1, 2, 1), (2020, 1, 3, 2)),
        *((2020, 1, 30, 29), (2020, 1, 31, 30), (2026, 1, 1, 30)),
    ):
        found = balance_at(store, before, instant(year, month, day))
        assert found.version == held
    assert begin_of(store, before) == instant(2020, 1, 2)
    assert verify(store, freeze=freeze).entries == 30


def test_a_transfer_of_the_past_has_one_time_on_both_sides(store, writer):
    """And what comes today comes after it."""
    ada, bob = create_wallet(writer), create_wallet(writer)
    then = instant(2021, 6, 1)
    assert isinstance(move(writer, ada, "9", then), Moved)
    move(writer, ada, "4", then, Kind.TRANSFER, recipient=bob)
    move(writer, bob, "1", None)
    times = [entry.at_us for entry in list_entries(store, bob, 9, None)]
    assert (len(times), times[-1]) == (2, then)
    assert times[0] >= find_wallet(store, bob).created_at_us
    assert verify(store, freeze=freeze).entries == 4


def test_series_and_chart_begin_with_an_older_entry(app, local):
    """So that nothing of the history is left out."""
    wallet = local.create()
    assert local.get(f"/v1/wallets/{wallet}/series?step=year").status_code == 200
    move(service_of(app).writer, wallet, "5", instant(2020, 5, 5))
    answer = local.get(f"/v1/wallets/{wallet}/series?step=year")
    assert answer.status_code == 200
    first, *others = answer.json["points"]
    assert first["from"].startswith("2019-12-31T22:00")
    assert (first["opening"], first["closing"]) == ("0.00", "5.00")
    assert {point["opening"] for point in others} == {"5.00"}
    page = app.test_client().get(f"/wallets/{wallet}?range=all")
    assert page.status_code == 200
    assert "2020-05-" in page.text
    assert "R\u00a05.00" in page.text


def test_the_database_itself_keeps_the_time_of_an_empty_wallet(store, writer):
    """Only an entry moves it."""
    create_wallet(writer)
    with pytest.raises(IntegrityError), store.transaction() as connection:
        connection.execute(text("UPDATE wallets SET last_entry_at_us = 5"))
