import json
import re
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from wallet.api.answers import freeze
from wallet.audit.heads import HeadsError, read_heads, write_heads
from wallet.audit.replay import Fault, Replayed
from wallet.audit.totals import check_totals
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import (
    Kind,
    RaiseKeyVersion,
    Reverse,
    SetBalance,
    Submission,
)
from wallet.ledger.ids import new_operation_id
from wallet.ledger.money import read_amount
from wallet.storage.connections import Limits
from wallet.storage.queries import find_entry, list_entries, list_wallets
from wallet.storage.store import Store
from wallet.writer import Writer

from ..actions import a_submission, create_wallet

#: Statements that a forger with all rights over the database can make.
FORGERIES = {
    "a payee is changed": (
        "UPDATE entries SET payee = 'Mallory' WHERE wallet_id = :ada AND version = 2",
        "version 2: its digest",
    ),
    "a payee is removed": (
        "UPDATE entries SET payee = NULL WHERE wallet_id = :ada AND version = 2",
        "version 2: its digest",
    ),
    "a payee is added": (
        "UPDATE entries SET payee = 'Mallory' WHERE wallet_id = :bob",
        "version 1: its digest",
    ),
    "an amount is changed": (
        "UPDATE entries SET amount_minor = amount_minor + 1,"
        " balance_minor = balance_minor + 1 WHERE wallet_id = :ada AND version = 2",
        "version 2: its balance does not follow|version 2: its digest",
    ),
    "a balance is changed": (
        "UPDATE entries SET balance_minor = balance_minor + 1"
        " WHERE wallet_id = :ada AND version = 2",
        "version 2: its balance",
    ),
    "a note is changed": (
        "UPDATE entries SET note = 'x' WHERE wallet_id = :ada AND version = 2",
        "version 2: its digest",
    ),
    "a time is changed": (
        "UPDATE entries SET at_us = at_us + 1 WHERE wallet_id = :ada AND version = 4",
        "version 4: its digest",
    ),
    "a time goes back": (
        "UPDATE entries SET at_us = 1 WHERE wallet_id = :ada AND version = 2",
        "version 2: it is older",
    ),
    "a digest is changed": (
        "UPDATE entries SET digest = :zeros WHERE wallet_id = :ada AND version = 2",
        "version 2: its digest",
    ),
    "a counterparty is changed": (
        "UPDATE entries SET counterparty = :cleo"
        " WHERE wallet_id = :ada AND kind = 'transfer'",
        "version 4: its digest",
    ),
    "an entry is gone": (
        "DELETE FROM entries WHERE wallet_id = :ada AND version = 2",
        "version 3: the entry before it is missing",
    ),
    "the last entry is gone": (
        "DELETE FROM entries WHERE wallet_id = :ada AND version = 4",
        "its row has the version 4, but its entries make it 3",
    ),
    "all entries are gone": (
        "DELETE FROM entries WHERE wallet_id = :bob",
        "its row has the version 1, but its entries make it 0",
    ),
    "two entries change places": (
        "UPDATE entries SET version = CASE version WHEN 2 THEN 3 ELSE 2 END"
        " WHERE wallet_id = :ada AND version IN (2, 3)",
        "version 2: it does not point",
    ),
    "an entry points elsewhere": (
        "UPDATE entries SET previous_version = 1"
        " WHERE wallet_id = :ada AND version = 3",
        "version 3: it does not point",
    ),
    "an entry is moved to another wallet": (
        "UPDATE entries SET wallet_id = :cleo WHERE wallet_id = :bob",
        "its row has the version 1|version 1: its digest",
    ),
    "an entry is copied to another wallet": (
        "INSERT INTO entries SELECT :cleo, version, previous_version,"
        " previous_balance_minor, kind, amount_minor, balance_minor, operation_id,"
        " counterparty, note, at_us, digest, payee, reverses, hold_id FROM entries"
        " WHERE wallet_id = :ada AND version = 1",
        "version 1: its operation .* says otherwise",
    ),
    "a wallet's balance is changed": (
        "UPDATE wallets SET balance_minor = balance_minor + 1 WHERE id = :ada",
        "its row has the balance 701, but its entries make it 700",
    ),
    "a wallet's version is changed": (
        "UPDATE wallets SET version = 9 WHERE id = :ada",
        "its row has the version 9",
    ),
    "a wallet's digest is changed": (
        "UPDATE wallets SET digest = :zeros WHERE id = :ada",
        "its row has the digest",
    ),
    "a wallet's last time is changed": (
        "UPDATE wallets SET last_entry_at_us = last_entry_at_us + 1 WHERE id = :ada",
        "its row has the time",
    ),
    "a wallet is renamed": (
        "UPDATE wallets SET name = 'Eve' WHERE id = :ada",
        "its row is not what its last change made it",
    ),
    "an empty wallet is renamed": (
        "UPDATE wallets SET name = 'Eve' WHERE id = :cleo",
        "its row has the digest",
    ),
    "a wallet's floor is lowered": (
        "UPDATE wallets SET floor_minor = -900 WHERE id = :ada",
        "its row is not what its last change made it",
    ),
    "a wallet is gone": (
        "DELETE FROM wallets WHERE id = :bob",
        "there is an entry, but no such wallet",
    ),
    "an operation is gone": (
        "DELETE FROM operations WHERE wallet_id = :ada AND id ="
        " (SELECT operation_id FROM entries WHERE wallet_id = :ada AND version = 2)",
        "version 2: its operation .* says otherwise",
    ),
    "an operation's answer is changed": (
        'UPDATE operations SET body = replace(body, \'"balance":"\', \'"balance":"9\')'
        " WHERE wallet_id = :ada AND status = 201",
        "version 1: its operation .* says otherwise",
    ),
    "an operation's answer is no answer": (
        "UPDATE operations SET body = '[' WHERE wallet_id = :ada AND status = 201",
        "version 1: its operation .* says otherwise",
    ),
    "an operation's request is changed": (
        "UPDATE operations SET fingerprint = :zeros WHERE wallet_id = :ada",
        "version 1: its operation .* says otherwise",
    ),
    "an operation is turned into a refusal": (
        "UPDATE operations SET status = 422, key = 'x' || id WHERE wallet_id = :ada",
        "version 1: its operation .* says otherwise",
    ),
    "a key of an answer is changed": (
        "UPDATE operations SET key = 'another' WHERE wallet_id = :ada AND key = 'k'",
        "version 1: its digest",
    ),
    "a key of an answer is removed": (
        "UPDATE operations SET key = NULL WHERE wallet_id = :ada AND key = 'k'",
        "version 1: its digest",
    ),
    "a key is given to an answer that had none": (
        "UPDATE operations SET key = 'planted' WHERE wallet_id = :ada AND id ="
        " (SELECT operation_id FROM entries WHERE wallet_id = :ada AND version = 2)",
        "version 2: its digest",
    ),
    "an answer is given to somebody else": (
        "UPDATE operations SET principal = 'owner' WHERE wallet_id = :ada"
        " AND status = 201",
        "version 1: its digest",
    ),
    "a refusal is gone": (
        "DELETE FROM operations WHERE wallet_id = :ada AND status = 422",
        "its kept refusals, its changes or its holds are not",
    ),
    "a refusal is changed": (
        "UPDATE operations SET body = '{}' WHERE wallet_id = :ada AND status = 422",
        "its kept refusals, its changes or its holds are not",
    ),
    "a refusal is planted": (
        "INSERT INTO operations SELECT wallet_id, 'o_x', principal, 'planted',"
        " fingerprint, status, body, at_us FROM operations"
        " WHERE wallet_id = :ada AND status = 422",
        "its kept refusals, its changes or its holds are not",
    ),
    "nothing to do is gone": (
        "DELETE FROM operations WHERE wallet_id = :bob AND key = 'nothing'",
        "its kept refusals, its changes or its holds are not",
    ),
    "nothing to do is turned into a refusal": (
        "UPDATE operations SET body = '{}' WHERE wallet_id = :bob AND key = 'nothing'",
        "its kept refusals, its changes or its holds are not",
    ),
    "nothing to do is given another key": (
        "UPDATE operations SET key = 'x' WHERE wallet_id = :bob AND key = 'nothing'",
        "its kept refusals, its changes or its holds are not",
    ),
    "nothing to do is planted": (
        "INSERT INTO operations SELECT :ada, id, principal, key, fingerprint, status,"
        " body, at_us FROM operations WHERE wallet_id = :bob",
        "its kept refusals, its changes or its holds are not",
    ),
    "nothing to do is called done": (
        "UPDATE operations SET status = 201 WHERE wallet_id = :bob",
        "its kept refusals, its changes or its holds are not"
        "|1 operations were carried out, but the entries show 0",
    ),
    "a key version is lowered": (
        "UPDATE wallets SET key_version = 1 WHERE id = :ada",
        "its row is not what its last change made it",
    ),
    "a key version is raised": (
        "UPDATE wallets SET key_version = 2 WHERE id = :bob",
        "its row is not what its last change made it",
    ),
    "a change is undone, its row removed": (
        "UPDATE wallets SET key_version = 1, changes = 0 WHERE id = :ada;"
        "DELETE FROM changes WHERE wallet_id = :ada",
        "its kept refusals, its changes or its holds are not",
    ),
    "the last change is removed": (
        "DELETE FROM changes WHERE wallet_id = :ada AND number = 1",
        "its row has 1 changes, but there are 0",
    ),
    "the first change is removed": (
        "DELETE FROM changes WHERE wallet_id = :ada AND number = 0",
        "its change 0 is missing",
    ),
    "a change of no wallet is added": (
        "INSERT INTO changes SELECT 'w_nobody', number, name, floor_minor,"
        " archived_at_us, key_version, version, at_us FROM changes",
        "w_nobody: there is a change, but no such wallet",
    ),
    "an operation without entries is added": (
        "INSERT INTO operations SELECT :bob, id, principal, key, fingerprint, status,"
        " body, at_us FROM operations WHERE wallet_id = :ada AND status = 201",
        "4 operations were carried out, but the entries show 0",
    ),
    "an operation of no wallet is added": (
        "INSERT INTO operations SELECT 'w_nobody', id, principal, key, fingerprint,"
        " status, body, at_us FROM operations WHERE wallet_id = :ada",
        "w_nobody: there is an operation, but no such wallet",
    ),
}


@pytest.fixture
def people(store, writer):
    """Ada with four entries, a refusal and a new key, Bob with one entry and a balance
    that was set to what it is, Cleo new."""
    names = ("ada", "bob", "cleo")
    ids = {name: create_wallet(writer, name=name) for name in names}
    ada = ids["ada"]
    writer.submit(a_submission(ada, Kind.DEPOSIT, "5", key="k"))
    writer.submit(a_submission(ada, Kind.DEPOSIT, "5", note="gift", payee="Eve"))
    writer.submit(a_submission(ada, Kind.WITHDRAWAL, "1"))
    writer.submit(a_submission(ada, Kind.TRANSFER, "2", recipient=ids["bob"]))
    writer.submit(a_submission(ada, Kind.WITHDRAWAL, "99", key="refused"))
    same = SetBalance(new_operation_id(), ids["bob"], read_amount("2"), key="nothing")
    writer.submit(Submission((same,), ids["bob"]))
    writer.submit(Submission((RaiseKeyVersion(ada),), ada))
    return ids


def forge(store, ids, *statements):
    """Write past every constraint."""
    given = {**ids, "zeros": bytes(32)}
    sqlite = store.writing.dialect.name == "sqlite"
    with store.writing.connect() as connection:
        if sqlite:
            raw = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                used = {name: given[name] for name in given if f":{name}" in statement}
                _rewrite(raw, statement, used)
            raw.execute("PRAGMA foreign_keys = ON")
            raw.execute("PRAGMA ignore_check_constraints = OFF")
            return
        connection.execute(text("SET session_replication_role = replica"))
        found = connection.execute(
            text(
                "SELECT conrelid::regclass, conname FROM pg_constraint"
                " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
            )
        )
        for table, name in found.all():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        for statement in statements:
            used = {name: given[name] for name in given if f":{name}" in statement}
            if "CASE version" in statement:
                connection.execute(
                    text("ALTER TABLE entries DROP CONSTRAINT entries_pkey CASCADE")
                )
            connection.execute(text(statement), used)
        connection.execute(text("SET session_replication_role = DEFAULT"))
        connection.commit()


def _rewrite(raw, statement, used):
    if "CASE version" not in statement:
        raw.execute(statement, used)
        return
    # SQLite checks uniqueness row by row, so the rows change places in three steps.
    for old, new in ((2, 99), (3, 2), (99, 3)):
        raw.execute(
            "UPDATE entries SET version = ? WHERE wallet_id = ? AND version = ?",
            (new, used["ada"], old),
        )


def test_a_sound_store_is_verified(store, people):
    """Everything is counted, and nothing is wrong."""
    seen = []
    report = verify(store, on_wallet=seen.append)
    counted = (report.wallets, report.entries, report.operations)
    assert (counted, len(seen)) == ((3, 5, 4), 3)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_and_named(store, people, name):
    """Whatever row is forged, removed, added or moved, the first bad one is named."""
    statements, complaint = FORGERIES[name]
    forge(store, people, *statements.split(";"))
    with pytest.raises(Fault, match=complaint):
        verify(store, freeze=freeze)


@pytest.mark.parametrize(
    ("member", "forged"),
    [("amount", "9.00"), ("note", "bribe"), ("at", "2020-01-01T00:00:00.000000Z")],
)
def test_a_kept_answer_is_compared_whole(store, people, member, forged):
    """A client that repeats the request would be told what never happened."""
    row = text("SELECT id, body FROM operations WHERE key = 'k'")
    with store.writing.begin() as connection:
        operation, body = connection.execute(row).one()
        answer = json.loads(body)
        answer["entry"][member] = forged
        connection.execute(
            text("UPDATE operations SET body = :body WHERE id = :id"),
            {"body": json.dumps(answer), "id": operation},
        )
    with pytest.raises(Fault, match=r"version 1: its operation .* says otherwise"):
        verify(store, freeze=freeze)


def test_what_was_answered_is_what_is_made_anew(store, people):
    """No sound store is suspected."""
    assert verify(store, freeze=freeze).operations == 4


@pytest.mark.parametrize("place", [0, 1])
def test_a_flipped_bit_is_found_in_the_table_and_in_the_index(sqlite_url, place):
    """With a wrong index of keys a repeated key would move money again."""
    store, key = Store(make_url(sqlite_url), Limits()), "a-key-to-flip"
    writer = Writer(store, freeze, now_us)
    wallet = create_wallet(writer)
    writer.submit(a_submission(wallet, Kind.DEPOSIT, "5", key=key))
    writer.stop()
    store.close()
    path = Path(make_url(sqlite_url).database)
    data = bytearray(path.read_bytes())
    places = [found.start() for found in re.finditer(key.encode(), bytes(data))]
    assert len(places) == 2
    data[places[place]] ^= 2
    path.write_bytes(data)
    damaged = Store(make_url(sqlite_url), Limits())
    with pytest.raises(Fault, match=r"the database is damaged: |1: its digest"):
        verify(damaged)
    damaged.close()


def test_the_indexes_of_postgresql_are_checked_where_it_can(postgresql_url):
    """The extension for it is never installed behind anyone's back."""
    store = Store(make_url(postgresql_url), Limits())
    create_wallet(Writer(store, freeze, now_us))
    assert verify(store).wallets == 1
    offered = text("SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'")
    with store.writing.begin() as connection:
        if connection.execute(offered).scalar():
            connection.execute(text("CREATE EXTENSION amcheck"))
    assert verify(store).wallets == 1
    store.close()


def test_a_transfer_with_one_side_is_found(store, people):
    """A whole wallet that fits together but does not fit its counterpart is found."""
    bob = people["bob"]
    forge(
        store,
        people,
        "DELETE FROM entries WHERE wallet_id = :bob",
        "UPDATE wallets SET version = 0, balance_minor = 0,"
        " last_entry_at_us = created_at_us WHERE id = :bob",
    )
    (wallet,) = (each for each in list_wallets(store, 9, None) if each.id == bob)
    _set_digest(store, bob, Replayed(wallet).digest)
    with pytest.raises(Fault, match="the two sides of the transfer"):
        verify(store)


def _set_digest(store, wallet, digest):
    with store.writing.begin() as connection:
        connection.execute(
            text("UPDATE wallets SET digest = :digest WHERE id = :id"),
            {"digest": digest, "id": wallet},
        )


def test_a_rewritten_history_is_found_only_with_a_head(store, people, writer, tmp_path):
    """A history that was cut and continued fits together; the kept head does not."""
    path = tmp_path / "heads"
    write_heads(path, list_wallets(store, 9, None))
    heads = read_heads(path)
    assert verify(store, heads).entries == 5
    writer.submit(a_submission(people["ada"], Kind.DEPOSIT, "1"))
    assert verify(store, heads).entries == 6
    ada, bob = people["ada"], people["bob"]
    previous = list_entries(store, ada, 9, 4)[0]
    cut = (
        "DELETE FROM operations WHERE wallet_id = :ada AND id IN (SELECT operation_id"
        " FROM entries WHERE wallet_id = :ada AND version > 3)",
        "DELETE FROM entries WHERE wallet_id = :ada AND version > 3",
        "DELETE FROM entries WHERE wallet_id = :bob",
        "UPDATE wallets SET version = 0, balance_minor = 0,"
        " last_entry_at_us = created_at_us WHERE id = :bob",
        "UPDATE wallets SET version = 3, balance_minor = 900, last_entry_at_us ="
        " (SELECT at_us FROM entries WHERE wallet_id = :ada AND version = 3)"
        " WHERE id = :ada",
    )
    forge(store, people, *cut)
    _set_digest(store, ada, previous.digest)
    (wallet,) = (each for each in list_wallets(store, 9, None) if each.id == bob)
    _set_digest(store, bob, Replayed(wallet).digest)
    assert verify(store).entries == 3
    for wallet_id, version in ((ada, 4), (bob, 1)):
        with pytest.raises(Fault, match=f"{wallet_id} version {version}: the entry is"):
            verify(store, {wallet_id: heads[wallet_id]})
    for _ in range(2):
        writer.submit(a_submission(ada, Kind.DEPOSIT, "7"))
    with pytest.raises(Fault, match="version 4: the history was rewritten"):
        verify(store, {ada: heads[ada]})


def test_a_wallet_that_is_gone_is_found_with_a_head(store, people, tmp_path):
    """An empty wallet leaves no trace but its head; a new one has another digest."""
    path = tmp_path / "heads"
    write_heads(path, list_wallets(store, 9, None))
    forge(store, people, "UPDATE wallets SET name = 'Eve' WHERE id = :cleo")
    with pytest.raises(Fault, match=r"its row has the digest|was rewritten"):
        verify(store, read_heads(path))
    forge(store, people, "DELETE FROM wallets WHERE id = :cleo")
    assert verify(store).wallets == 2
    with pytest.raises(Fault, match="the wallet is gone"):
        verify(store, read_heads(path))


@pytest.mark.parametrize("contents", ["", "x", "wallet heads 1\nw_1 2 3", "\u00e9"])
def test_a_file_that_holds_no_heads_is_refused(tmp_path, contents):
    """A wrong file must not look like a successful comparison."""
    path = tmp_path / "heads"
    path.write_text(contents)
    with pytest.raises(HeadsError):
        read_heads(path)


def test_sums_beyond_sixty_three_bits_are_compared(store, writer):
    """All balances together may be larger than any one may."""
    for _ in range(3):
        wallet = create_wallet(writer)
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "92233720368547758.07"))
    assert verify(store).entries == 3


def test_the_sums_of_a_currency_are_compared(store, people):
    """Money that appears in a balance appears in the sum of its currency."""
    forge(
        store,
        people,
        "UPDATE wallets SET balance_minor = 1, version = 1 WHERE id = :cleo",
    )
    with pytest.raises(Fault, match="ZAR: the balances sum to 901"):
        verify_totals(store)


def verify_totals(store):
    with store.snapshot() as connection:
        check_totals(connection)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET reverses = 'o_nothing' WHERE kind = 'reversal'",
        "UPDATE entries SET amount_minor = amount_minor + 1 WHERE version = 1"
        " AND wallet_id = :ada",
        "UPDATE entries SET version = 9 WHERE version = 1 AND wallet_id = :ada",
        "UPDATE entries SET kind = 'reversal' WHERE version = 1 AND wallet_id = :ada",
        "UPDATE entries SET counterparty = :cleo WHERE kind = 'reversal'",
    ],
)
def test_a_reversal_fits_what_it_undoes(store, writer, people, statement):
    """That is there, came before it, and was as much, on the same side."""
    ada = people["ada"]
    undone = find_entry(store, ada, 1)
    command = Reverse(new_operation_id(), ada, undone.operation_id, undone.kind, -500)
    writer.submit(Submission((command,), ada))
    verify_totals(store)
    forge(store, people, statement)
    with pytest.raises(Fault, match=r"it undoes nothing|the two sides"):
        verify_totals(store)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amount_minor = amount_minor + 1 WHERE wallet_id = :bob",
        "UPDATE entries SET counterparty = :cleo WHERE wallet_id = :bob",
        "UPDATE entries SET wallet_id = :cleo WHERE wallet_id = :bob",
        "INSERT INTO entries SELECT wallet_id, version + 9, previous_version,"
        " previous_balance_minor, kind, amount_minor, balance_minor, operation_id,"
        " counterparty, note, at_us, digest, payee, reverses, hold_id FROM entries"
        " WHERE kind = 'transfer'",
    ],
)
def test_both_sides_of_a_transfer_fit_together(store, people, statement):
    """There are two, they sum to zero, and they name each other."""
    verify_totals(store)
    forge(store, people, statement)
    with pytest.raises(Fault, match="the two sides of the transfer"):
        verify_totals(store)
