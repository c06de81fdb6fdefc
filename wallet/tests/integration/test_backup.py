"""A copy of a store in SQLite, and what is no place for one."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import make_url

from wallet.api.answers import freeze
from wallet.audit import backup
from wallet.audit.backup import BackupError, back_up

#: PostgreSQL brings its own program.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def save(database_url):
    """Save the store of the application."""

    def save(file, **options):
        return back_up(make_url(database_url), file, freeze, **options)

    return save


def files_in(folder):
    """Read every file but those that SQLite itself works with."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if not path.name.endswith(("-wal", "-shm"))
    }


def test_whoever_writes_is_not_kept_waiting_and_not_copied(
    local, save, tmp_path, monkeypatch
):
    """A deposit between two steps is done at once; the copy is of one moment."""
    wallet, done = local.create(), []

    def deposit(_descriptor):
        assert len(done) < 1000, "each step begins the copy anew"
        done.append(local.deposit(wallet, 1).status_code)

    monkeypatch.setattr(backup, "_PAGES_OF_A_STEP", 1)
    monkeypatch.setattr(backup.os, "fdatasync", deposit)
    report = save(tmp_path / "wallet.backup")
    assert len(done) > 5
    assert set(done) == {201}
    assert (report.wallets, report.entries, report.operations) == (1, 0, 0)
    assert local.balance(wallet) == (f"{len(done)}.00", len(done))


@pytest.mark.parametrize(
    ("name", "force", "sentence"),
    [
        ("earlier", False, "is there already"),
        ("wallet.db", False, "is no place"),
        ("wallet.db", True, "is no place"),
        ("link", True, "is no place"),
        ("folder/../wallet.db-wal", True, "is no place"),
        ("wallet.db-shm", False, "is no place"),
        ("folder", True, "is no place"),
        ("absent/x", True, "There is no folder"),
    ],
)
def test_what_is_no_place_for_a_backup_is_refused(
    local, save, tmp_path, name, force, sentence
):
    """A backup replaces neither the store nor anything that is not meant."""
    local.deposit(local.create(), 1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "earlier").write_bytes(b"an older one")
    (tmp_path / "link").symlink_to(tmp_path / "wallet.db")
    before = files_in(tmp_path)
    with pytest.raises(BackupError, match=sentence):
        save(tmp_path / name, force=force)
    assert files_in(tmp_path) == before


def test_a_backup_is_replaced_when_that_is_asked_for(local, save, tmp_path):
    """By a newer one, which is whole."""
    file = tmp_path / "wallet.backup"
    assert save(file).wallets == 0
    local.create()
    assert save(file, force=True).wallets == 1


def test_a_store_that_is_not_as_it_must_be_replaces_no_backup(local, save, tmp_path):
    """The fault is named, and the older backup stays."""
    wallet, file = local.create(), tmp_path / "wallet.backup"
    local.deposit(wallet, 1)
    save(file)
    with closing(sqlite3.connect(tmp_path / "wallet.db")) as store:
        store.execute("UPDATE entries SET note = 'forged'")
        store.commit()
    before = files_in(tmp_path)
    with pytest.raises(BackupError, match=f"not kept: {wallet} version 1"):
        save(file, force=True)
    assert files_in(tmp_path) == before


def test_a_backup_that_is_broken_off_leaves_nothing(local, save, tmp_path):
    """Ctrl-C takes its part away."""
    local.create()

    def break_off(_wallet):
        raise KeyboardInterrupt

    before = files_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "wallet.backup", on_wallet=break_off)
    assert files_in(tmp_path) == before


def test_the_command_for_postgresql_is_named(database_url, tmp_path):
    """It is not made up for."""
    with pytest.raises(BackupError, match=r"pg_dump: see docs/operations\.md"):
        back_up(make_url("postgresql+psycopg:///x"), tmp_path / "x", freeze)
    assert not (tmp_path / "x").exists()
