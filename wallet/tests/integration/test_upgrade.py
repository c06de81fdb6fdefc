"""A store of the version before is brought up to date in place, and stays as it was."""

import json
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import make_url, text

from wallet.api.answers import freeze
from wallet.audit.replay import Fault
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import CreateWallet, Kind, Principal, Submission
from wallet.ledger.outcomes import Created, Replayed
from wallet.storage import migrations
from wallet.storage.connections import Limits
from wallet.storage.opening import open_store
from wallet.storage.queries import find_wallet, list_entries
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import a_submission

#: Every row of a store that the version with schema 0004 wrote.
BEFORE = Path(__file__).parent / "stores" / "0004.json"
ADA, BOB, CLEO = (f"w_{n:012x}7000800000000000000{n}" for n in (1, 2, 3))
BYTES = {"digest", "fingerprint"}


@pytest.fixture
def before(empty_database_url):
    """The rows, in a database whose tables are those of the version before."""
    rows = json.loads(BEFORE.read_text())
    store = Store(make_url(empty_database_url), Limits())
    with store.transaction() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for table, of_table in rows.items():
            names = of_table[0].keys()
            values = ", ".join(f":{name}" for name in names)
            insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})"
            for row in of_table:
                given = {
                    name: bytes.fromhex(value) if name in BYTES else value
                    for name, value in row.items()
                }
                connection.execute(text(insert), given)
    store.close()
    return rows


@pytest.fixture
def upgraded(before, empty_database_url):
    store = open_store(make_url(empty_database_url), Limits())
    yield store
    store.close()


@pytest.fixture
def writer(upgraded):
    writer = Writer(upgraded, freeze, now_us)
    yield writer
    writer.stop()


def test_it_is_sound_and_nothing_in_it_has_changed(before, upgraded):
    """Each entry and each answer is there, byte for byte."""
    report = verify(upgraded, freeze=freeze)
    assert (report.wallets, report.entries, report.operations) == (3, 76, 75)
    with upgraded.snapshot() as connection:
        for table, rows in before.items():
            names = rows[0].keys()
            found = connection.execute(text(f"SELECT {', '.join(names)} FROM {table}"))
            now = [
                {
                    name: bytes(value).hex() if name in BYTES else value
                    for name, value in zip(names, row, strict=True)
                }
                for row in found
            ]
            key = json.dumps
            assert sorted(now, key=key) == sorted(rows, key=key), table


def test_its_answers_are_repeated(before, upgraded, writer):
    """Those that were done, those that were refused, and the creation."""
    asked = [
        a_submission(ADA, Kind.DEPOSIT, "100.5", note="salary \u2602", key="k1"),
        a_submission(ADA, Kind.WITHDRAWAL, "999", key="refused"),
        a_submission(
            BOB, Kind.WITHDRAWAL, "0.25", principal=Principal.OWNER, key="mine"
        ),
    ]
    kept = {row["key"]: row["body"] for row in before["operations"]}
    for submission in asked:
        (result,) = writer.submit(submission)
        assert isinstance(result.outcome, Replayed)
        assert result.frozen.body == kept[submission.commands[0].key]
    again = CreateWallet("w_x", "Ada", "ZAR", -5000, "creation")
    (result,) = writer.submit(Submission((again,)))
    assert isinstance(result.outcome, Created)
    assert result.outcome.replayed
    assert result.outcome.wallet.id == ADA
    assert verify(upgraded, freeze=freeze).entries == 76


def test_its_history_goes_on(upgraded, writer):
    """In the new format of digests, after the old one."""
    first = list_entries(upgraded, ADA, 1, None)[0]
    writer.submit(a_submission(ADA, Kind.DEPOSIT, "1", key="new"))
    writer.submit(a_submission(ADA, Kind.TRANSFER, "1", recipient=CLEO, key="no"))
    (last,) = list_entries(upgraded, ADA, 1, None)
    assert (last.version, last.balance_minor) == (
        first.version + 1,
        first.balance_minor + 100,
    )
    assert find_wallet(upgraded, ADA).key_version == 3
    assert verify(upgraded, freeze=freeze).entries == 77


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE operations SET body = '{}' WHERE status = 422",
        "DELETE FROM operations WHERE status = 422",
        "UPDATE wallets SET key_version = 1",
        "UPDATE entries SET payee = 'x' WHERE version = 1",
    ],
)
def test_a_forgery_in_it_is_found(upgraded, forgery):
    """What was there before the upgrade is sealed by it."""
    with upgraded.writing.begin() as connection:
        connection.execute(text(forgery))
    with pytest.raises(Fault):
        verify(upgraded)


def test_an_entry_of_the_old_format_cannot_follow_one_of_the_new(upgraded, writer):
    """Nobody writes without a key what a digest of today would have to name."""
    from wallet.ledger.digests import old_entry_digest

    writer.submit(a_submission(BOB, Kind.DEPOSIT, "1", key="k"))
    writer.submit(a_submission(BOB, Kind.DEPOSIT, "2", key="l"))
    last, before = list_entries(upgraded, BOB, 2, None)
    forged = old_entry_digest(before.digest, last)
    with upgraded.writing.begin() as connection:
        for table, where in (
            ("entries", "wallet_id = :id AND version = :version"),
            ("wallets", "id = :id AND version = :version"),
        ):
            connection.execute(
                text(f"UPDATE {table} SET digest = :digest WHERE {where}"),
                {"digest": forged, "id": BOB, "version": last.version},
            )
    with pytest.raises(Fault, match="its digest does not follow"):
        verify(upgraded)
