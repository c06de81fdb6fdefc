import os
import re
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from wallet.api.answers import freeze
from wallet.audit.heads import HeadsError, read_heads, write_heads
from wallet.audit.replay import Fault, Replayed
from wallet.audit.totals import check_totals
from wallet.audit.verify import verify
from wallet.clock import now_us
from wallet.ledger.commands import (
    Kind,
    PlaceHold,
    RaiseKeyVersion,
    ReleaseHold,
    Reverse,
    SetBalance,
    Submission,
)
from wallet.ledger.digests import fingerprint, reseal, row_digest
from wallet.ledger.ids import new_hold_id, new_operation_id
from wallet.ledger.money import Amount, read_amount
from wallet.ledger.outcomes import Held
from wallet.storage.connections import Limits
from wallet.storage.queries import find_entry, list_entries, list_wallets
from wallet.storage.rows import is_sealed
from wallet.storage.store import Store
from wallet.storage.tables import changes, holds, operations
from wallet.writer import Writer

from ..actions import a_submission, create_wallet

#: A line of the first format in a file of the second.
HALF = f"wallet heads 2\nw_{'0' * 32} 0 {'0' * 64}\n"
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
                "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid)"
                " FROM pg_constraint"
                " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
            )
        )
        rules = found.all()
        for table, name, _ in rules:
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        for statement in statements:
            used = {name: given[name] for name in given if f":{name}" in statement}
            if "CASE version" in statement:
                connection.execute(
                    text("ALTER TABLE entries DROP CONSTRAINT entries_pkey CASCADE")
                )
            connection.execute(text(statement), used)
        for table, name, rule in rules:
            again = f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule} NOT VALID"
            connection.exec_driver_sql(again.replace("%", "%%"))
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


def heads_of(store):
    heads = []
    verify(store, on_wallet=heads.append)
    return heads


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


#: What a forger makes of a kept answer, part by part.
FORGED_ANSWERS = {
    "an amount": ('"amount":"5.00"', '"amount":"9.00"'),
    "a note": ('"note":null', '"note":"bribe"'),
    "a time": ('"at":"2', '"at":"1'),
    "an amount before the right one": ('"amount":', '"amount":"900.00","amount":'),
    "a blank": ('"amount":', '"amount": '),
    "a boolean for one": ('"version":1', '"version":true'),
    "a float for one": ('"version":1', '"version":1.0'),
    "an escape for a letter": ('"deposit"', '"\\u0064eposit"'),
    "a member more": ('{"operation"', '{"x":1,"operation"'),
}


@pytest.mark.parametrize("what", FORGED_ANSWERS)
def test_a_kept_answer_is_compared_byte_by_byte(store, people, what):
    """A client that repeats the request would be told what never happened."""
    row = text("SELECT id, body FROM operations WHERE key = 'k'")
    written, forged = FORGED_ANSWERS[what]
    with store.writing.begin() as connection:
        operation, body = connection.execute(row).one()
        assert written in body
        connection.execute(
            text("UPDATE operations SET body = :body WHERE id = :id"),
            {"body": body.replace(written, forged), "id": operation},
        )
    with pytest.raises(Fault, match=r"version 1: its operation .* says otherwise"):
        verify(store, freeze=freeze)


def test_what_was_answered_is_what_is_made_anew(store, people):
    """No sound store is suspected."""
    assert verify(store, freeze=freeze).operations == 4


#: Values of no kind that is ever written, and the place that is named.
DAMAGE = {
    "a principal": (
        "UPDATE operations SET principal = 'x' WHERE key = 'k'",
        ":ada version 1: it has a value",
    ),
    "a kind": (
        "UPDATE entries SET kind = 'depasit' WHERE wallet_id = :ada AND version = 2",
        ":ada version 2: it has a value",
    ),
    "a state of a hold": ("UPDATE holds SET state = 'opem'", ":bob: it has a value"),
    "an answer that never ends": (
        "UPDATE operations SET body = replace(:zeros_as_text, '0', '[')"
        " WHERE key = 'k'",
        ":ada version 1: its operation .* says otherwise",
    ),
    "a currency": (
        "UPDATE wallets SET currency = 'ZAX' WHERE id = :ada",
        ":ada version 1: its digest does not follow",
    ),
}
#: Columns of SQLite take every type; its text need not be any.
LOOSE = {
    "text for an amount": (
        "UPDATE entries SET amount_minor = 'x' WHERE wallet_id = :ada AND version = 2",
        ":ada version 2: it has a value",
    ),
    "a float for a time": (
        "UPDATE entries SET at_us = at_us + 0.5 WHERE wallet_id = :ada AND version = 4",
        ":ada version 4: it has a value",
    ),
    "text for a floor": (
        "UPDATE wallets SET floor_minor = 'x' WHERE id = :cleo",
        ":cleo: its row has the digest|:cleo: it has a value",
    ),
    "text for a digest": (
        "UPDATE wallets SET digest = 'x' WHERE id = :cleo",
        ":cleo: it has a value",
    ),
    "text for what is held": (
        "UPDATE holds SET amount_minor = 'x'",
        ":bob: it has a value",
    ),
    "a note that is no text": (
        "UPDATE entries SET note = CAST(x'c3ff41' AS TEXT)"
        " WHERE wallet_id = :ada AND version = 2",
        ":ada: it has a value",
    ),
    "a name that is no text": (
        "UPDATE wallets SET name = CAST(x'c3ff41' AS TEXT) WHERE id = :cleo",
        ":cleo: it has a value",
    ),
}


@pytest.mark.parametrize("name", [*DAMAGE, *LOOSE])
@pytest.mark.parametrize("making", [freeze, None], ids=["with answers", "without"])
def test_a_value_that_nobody_writes_is_a_fault(store, writer, people, name, making):
    """A damaged row is named like a forged one, instead of ending the program."""
    if name in LOOSE and store.writing.dialect.name != "sqlite":
        pytest.skip("its columns have types")
    set_aside(writer, people["bob"])
    statement, complaint = (DAMAGE | LOOSE)[name]
    endless = f"'{'0' * 100_000}'"
    forge(store, people, statement.replace(":zeros_as_text", endless))
    with pytest.raises(
        Fault, match=re.sub(r":(\w+)", lambda m: people.get(m[1], m[0]), complaint)
    ):
        verify(store, freeze=making)


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


#: What takes an index away, and what is named then.
DROPS = {
    "DROP INDEX operations_by_key": "unique index operations_by_key wallet_id",
    "DROP INDEX entries_reversals": "unique index entries_reversals wallet_id",
    "DROP INDEX holds_by_state": "index holds_by_state wallet_id",
    "DROP INDEX operations_by_key; CREATE INDEX operations_by_key"
    " ON operations (wallet_id, principal, key)": "unique index operations_by_key",
}
#: The name of a constraint, how SQLite has it, and what is named.
CONSTRAINTS = {
    "wallets_floor": (
        "CONSTRAINT wallets_floor CHECK (floor_minor <= 0)",
        "check wallets_floor of the table wallets",
    ),
    "changes_wallet_id_fkey": (
        "REFERENCES wallets (id)",
        "foreign key on wallet_id of the table changes",
    ),
}


@pytest.mark.parametrize("statements", DROPS)
def test_an_index_that_is_not_there_is_named(store, people, statements):
    """Without its index a key could move money twice."""
    with store.writing.begin() as connection:
        for statement in statements.split(";"):
            connection.execute(text(statement))
    with pytest.raises(Fault, match=f"the database lacks the {DROPS[statements]}"):
        verify(store, freeze=freeze)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_that_is_not_there_is_named(store, people, name):
    """What the database no longer refuses may be written some day."""
    rule, complaint = CONSTRAINTS[name]
    table = name.split("_")[0]
    with store.writing.connect() as connection:
        run = connection.exec_driver_sql
        if store.writing.dialect.name == "postgresql":
            run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            connection.commit()
        else:
            run("PRAGMA writable_schema = ON")
            change = "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?"
            nothing = "CHECK (1)" if "CHECK" in rule else ""
            assert run(change, (rule, nothing, table)).rowcount == 1
            connection.commit()
            run("PRAGMA writable_schema = RESET")
    store.writing.dispose()
    store.reading.dispose()
    with pytest.raises(Fault, match=f"the database lacks the {complaint}"):
        verify(store, freeze=freeze)


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
    write_heads(path, heads_of(store))
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
    write_heads(path, heads_of(store))
    forge(store, people, "UPDATE wallets SET name = 'Eve' WHERE id = :cleo")
    with pytest.raises(Fault, match=r"its row has the digest|was rewritten"):
        verify(store, read_heads(path))
    forge(store, people, "DELETE FROM wallets WHERE id = :cleo")
    assert verify(store).wallets == 2
    with pytest.raises(Fault, match="the wallet is gone"):
        verify(store, read_heads(path))


#: What a forger makes of the rows beside the entries, and then seals anew.
RESEALED = {
    "a key version is lowered, so that a stolen key works again": (
        "UPDATE changes SET key_version = 1 WHERE wallet_id = :ada;"
        "UPDATE wallets SET key_version = 1 WHERE id = :ada",
        "its first 1 changes of name, floor, archive and key are not those",
    ),
    "a floor is lowered": (
        "UPDATE changes SET floor_minor = -900 WHERE wallet_id = :ada AND number = 1;"
        "UPDATE wallets SET floor_minor = -900 WHERE id = :ada",
        "its first 1 changes of name, floor, archive and key are not those",
    ),
    "all changes are removed": (
        "DELETE FROM changes WHERE wallet_id = :ada;"
        "UPDATE wallets SET changes = 0, key_version = 1 WHERE id = :ada",
        "its first 1 changes of name, floor, archive and key are not those",
    ),
    "an open hold is removed": (
        "DELETE FROM holds; UPDATE wallets SET held_minor = 0, next_expiry_us = NULL",
        "it has 0 holds beside its entries, though a head with 1 was kept",
    ),
    "a hold is made smaller": (
        "UPDATE holds SET amount_minor = 50;"
        "UPDATE wallets SET held_minor = 50 WHERE id = :bob",
        "its kept refusals or its holds were rewritten",
    ),
    "a hold is let go": (
        "UPDATE holds SET state = 'released', closed_at_us = created_at_us + 1;"
        "UPDATE wallets SET held_minor = 0, next_expiry_us = NULL WHERE id = :bob",
        "its kept refusals or its holds were rewritten",
    ),
    "a refusal is removed": (
        "DELETE FROM operations WHERE wallet_id = :ada AND status = 422",
        "it has 0 answers beside its entries, though a head with 1 was kept",
    ),
    "a refusal is changed": (
        "UPDATE operations SET body = '{}' WHERE wallet_id = :ada AND status = 422",
        "its kept refusals or its holds were rewritten",
    ),
}


@pytest.mark.parametrize("name", RESEALED)
def test_what_is_beside_a_history_is_proved_by_a_head(
    store, writer, people, tmp_path, name
):
    """A forger can make every seal anew, but not the head that was kept."""
    set_aside(writer, people["bob"])
    write_heads(tmp_path / "heads", heads_of(store))
    heads = read_heads(tmp_path / "heads")
    assert verify(store, heads, freeze=freeze).wallets == 3
    statements, complaint = RESEALED[name]
    forge(store, people, *statements.split(";"))
    for wallet in people.values():
        seal(store, wallet)
    assert verify(store, freeze=freeze).wallets == 3
    with pytest.raises(Fault, match=complaint):
        verify(store, heads, freeze=freeze)


def set_aside(writer, wallet, seconds=60):
    hold = new_hold_id()
    command = PlaceHold(new_operation_id(), wallet, hold, read_amount("1"), seconds)
    (result,) = writer.submit(Submission((command,), wallet))
    assert isinstance(result.outcome, Held)
    return hold


def seal(store, wallet):
    """Seal what is beside a wallet's entries, as anybody can."""
    with store.writing.begin() as connection:
        digests = [
            row_digest(table.name, row)
            for table in (operations, changes, holds)
            for row in connection.execute(select(table))
            if row.wallet_id == wallet
            and (table is not operations or is_sealed(row.status, row.body))
        ]
        connection.execute(
            text("UPDATE wallets SET seal = :seal WHERE id = :id"),
            {"seal": reseal(bytes(32), digests), "id": wallet},
        )


def test_what_happens_after_a_head_is_no_forgery(store, people, tmp_path):
    """However much is refused, set aside, let go, changed, or just expires."""
    now = now_us()
    writer = Writer(store, freeze, lambda: now)
    ada, bob = people["ada"], people["bob"]
    hold = set_aside(writer, bob)
    write_heads(tmp_path / "heads", heads_of(store))
    heads = read_heads(tmp_path / "heads")
    release = ReleaseHold(new_operation_id(), bob, hold)
    for submission in (
        # The first finds the hold expired, and keeps nothing but that.
        a_submission(bob, Kind.WITHDRAWAL, "99"),
        a_submission(bob, Kind.WITHDRAWAL, "99", key="refused"),
        Submission((release,), bob),
        Submission((RaiseKeyVersion(ada),), ada),
        Submission((RaiseKeyVersion(bob),), bob),
        a_submission(ada, Kind.TRANSFER, "1", recipient=bob),
    ):
        now += 60_000_000
        writer.submit(submission)
        assert verify(store, heads, freeze=freeze).wallets == 3
    assert set_aside(writer, bob)
    assert verify(store, heads, freeze=freeze).wallets == 3
    writer.stop()


def test_a_hold_that_is_called_expired_too_early_is_found(store, writer, people):
    """What was set aside would be free before its time."""
    set_aside(writer, people["bob"])
    forge(
        store,
        people,
        "UPDATE holds SET state = 'expired', closed_at_us = created_at_us + 1",
        "UPDATE wallets SET held_minor = 0, next_expiry_us = NULL WHERE id = :bob",
    )
    seal(store, people["bob"])
    with pytest.raises(Fault, match="expired before or after its time"):
        verify(store)


def test_heads_of_an_older_program_are_compared_as_far_as_they_go(
    store, people, tmp_path
):
    """They prove histories, and say nothing of what is beside them."""
    path = tmp_path / "heads"
    lines = (f"{h.wallet_id} {h.version} {h.digest.hex()}\n" for h in heads_of(store))
    path.write_text("wallet heads 1\n" + "".join(lines))
    heads = read_heads(path)
    assert len(heads) == 3
    assert verify(store, heads).wallets == 3
    forge(store, people, "DELETE FROM wallets WHERE id = :cleo")
    with pytest.raises(Fault, match="the wallet is gone"):
        verify(store, heads)


def test_a_disk_without_room_keeps_the_heads_that_were_there(store, people, tmp_path):
    """And nothing is left beside them."""
    path = tmp_path / "heads"
    write_heads(path, heads_of(store))
    before = path.read_bytes()
    path.with_name(f"heads.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_heads(path, heads_of(store))
    assert [each.name for each in tmp_path.glob("heads*")] == ["heads"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [2, 4])
def test_an_answer_belongs_to_a_request_that_leaves_such_an_entry(
    store, people, version
):
    """Setting a balance names no payee, and nobody on the other side."""
    ada = people["ada"]
    entry = find_entry(store, ada, version)
    other = SetBalance("", ada, Amount(entry.balance_minor, 2), entry.note)
    with store.writing.begin() as connection:
        connection.execute(
            text("UPDATE operations SET fingerprint = :asked WHERE id = :id"),
            {"asked": fingerprint(other), "id": entry.operation_id},
        )
    with pytest.raises(Fault, match=f"version {version}: its operation"):
        verify(store, freeze=freeze)


@pytest.mark.parametrize(
    "contents", ["", "x", "wallet heads 1\nw_1 2 3", "\u00e9", HALF]
)
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
