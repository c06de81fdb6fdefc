import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from click.testing import CliRunner

from wallet import __version__
from wallet import server as serving
from wallet.api.answers import freeze
from wallet.audit import carry
from wallet.audit.verify import Report
from wallet.cli import main
from wallet.clock import now_us
from wallet.commands import common, stores
from wallet.config import read_settings
from wallet.ledger.commands import Kind
from wallet.storage.opening import open_store
from wallet.writer import Writer

from ..actions import a_submission, create_wallet


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command on a store of its own."""
    monkeypatch.setenv("WALLET_HOME", str(tmp_path))
    settings = read_settings({"HOME": str(tmp_path)})
    open_store(settings.database_url, settings.limits).close()

    def run(*arguments):
        return CliRunner().invoke(main, arguments)

    return run


def test_help_names_every_command(run):
    """Each has a line that says what it does."""
    text = run("--help").output
    assert all(
        f"\n  {name} " in text for name in ("serve", "verify", "backup", "copy", "key")
    )
    assert __version__ in run("--version").output


def test_a_store_that_is_not_durable_is_called_so(run, monkeypatch):
    """The start says what to set, and serves all the same."""
    unsafe = {"journal_mode": "delete", "synchronous": "2", "foreign_keys": "1"}
    monkeypatch.setattr(serving, "prepare", lambda _settings: unsafe)
    monkeypatch.setattr(serving, "serve", lambda *_arguments: None)
    assert "NOT kept through a loss of power" in run("serve", "--port", "1").output


def test_an_address_of_the_sixth_version_is_shown_as_one(run, monkeypatch):
    """Its colons are told apart from the one before the port."""
    monkeypatch.setattr(serving, "check", lambda *_arguments: None)
    monkeypatch.setattr(serving, "serve", lambda *_arguments: None)
    assert "http://[::1]:9 " in run("serve", "--host", "::1", "--port", "9").output


@pytest.mark.parametrize(
    ("asked", "options", "started"),
    [
        ("2", (), None),
        ("two", (), None),
        ("2", ("--workers", "1"), None),
        ("1", (), 1),
        ("", (), 1),
        ("2", ("--workers", "2"), 2),
    ],
)
def test_workers_that_would_not_be_started_are_refused(
    run, monkeypatch, asked, options, started
):
    """The variable is for Compose, and the sentence names the option."""
    monkeypatch.setenv("WALLET_WORKERS", asked)
    monkeypatch.setattr(serving, "check", lambda *_arguments: None)
    served = []
    monkeypatch.setattr(
        serving, "serve", lambda *arguments: served.append(arguments[3])
    )
    done = run("serve", "--port", "9", *options)
    if started is None:
        assert (done.exit_code, done.stdout, served) == (1, "", [])
        (line,) = done.stderr.splitlines()
        assert f"WALLET_WORKERS={asked} is for Docker Compose" in line
        assert "use the option --workers, or unset" in line
    else:
        assert (done.exit_code, served) == (0, [started]), done.stderr


def test_verify_shows_its_progress_on_a_terminal(run, monkeypatch):
    """Wallets are counted while it works, and the count is wiped away."""

    def many(_store, _heads, on_wallet, _freeze):
        for _ in range(200):
            on_wallet(None)
        return Report(200)

    monkeypatch.setattr(stores, "verify_store", many)
    monkeypatch.setattr(common, "on_a_terminal", lambda: True)
    done = run("verify")
    assert "\r200 wallets verified" in done.stderr
    assert done.stdout.startswith("200 wallets")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["key", "w_1"], "There is no wallet"),
        (["verify", "--heads", "/no/such/heads"], "cannot be read"),
        (["verify", "--write-heads", "/no/such/folder/heads"], "cannot be written"),
    ],
)
def test_a_command_that_cannot_do_what_was_asked_ends_badly(run, arguments, sentence):
    """With one sentence, even if the verification itself succeeded."""
    done = run(*arguments)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert sentence in line


def test_a_key_is_printed_only_with_the_secret_of_the_service(
    run, tmp_path, monkeypatch
):
    """With a new secret it would be worth nothing; none is made, and no folder."""
    settings = read_settings({"HOME": str(tmp_path)})
    store = open_store(settings.database_url, settings.limits)
    writer = Writer(store, freeze, now_us)
    wallet = create_wallet(writer)
    writer.stop()
    store.close()
    printed = run("key", wallet)
    assert (printed.exit_code, len(printed.stdout.split())) == (0, 1)
    monkeypatch.setenv("WALLET_DATABASE_URL", f"sqlite:///{tmp_path}/wallet.db")
    monkeypatch.setenv("WALLET_HOME", str(tmp_path / "absent"))
    for asked in (wallet, "w_1"):
        done = run("key", asked)
        assert (done.exit_code, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert "There is no secret key at" in line
        assert not (tmp_path / "absent").exists()
    monkeypatch.setenv("WALLET_SECRET_KEY", settings.secret_key)
    assert run("key", wallet).stdout == printed.stdout
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("command", ["verify", "serve", "backup", "--help"])
def test_what_cannot_be_printed_ends_with_one_sentence(run, tmp_path, command):
    """Though standard output is a full disk, and whichever command it is."""
    more = {"serve": ["--port", "9"], "backup": [str(tmp_path / "copy.db")]}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wallet", command, *more.get(command, [])],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: This cannot be printed: No space left on device.\n"


READS = [["verify"], ["backup", "x"], ["copy", "--to", "sqlite:///x"], ["key", "w_1"]]


@pytest.mark.parametrize("command", READS)
def test_a_command_that_reads_does_not_make_tables(run, tmp_path, command):
    """Only serving changes a database; an empty one is most likely the wrong one."""
    (tmp_path / "wallet.db").write_bytes(b"")
    done = run(*command)
    assert (done.exit_code, "start the service" in done.output) == (1, True)


@pytest.mark.parametrize("command", READS)
def test_a_command_that_reads_makes_nothing_where_nothing_is(
    run, tmp_path, monkeypatch, command
):
    """Neither a store nor a folder or a secret for it."""
    monkeypatch.setenv("WALLET_HOME", str(tmp_path / "absent"))
    done = run(*command)
    assert done.exit_code == 1
    assert f"There is no database at {tmp_path}/absent/wallet.db" in done.stderr
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Error: --to cannot be read: write it like postgresql://"),
        ("x", "Error: --to cannot be read: write it like postgresql://"),
        ("mysql://x/y", "Error: --to must begin with postgresql://"),
        ("sqlite://", "Error: --to must name a file"),
        ("sqlite:///{folder}/wallet.db", "Error: This is the store itself"),
        ("sqlite:///{folder}", "{folder} cannot be used: Is a directory"),
        (
            "postgresql://u:secret@/x?host=/nowhere",
            "Error: PostgreSQL at /nowhere/x cannot be used: connection",
        ),
    ],
)
def test_an_address_that_cannot_be_copied_to_is_refused(
    run, tmp_path, address, sentence
):
    """With one sentence, and nothing is made."""
    before = {path.name for path in tmp_path.iterdir()}
    done = run("copy", "--to", address.format(folder=tmp_path))
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert sentence.format(folder=tmp_path) in line
    assert "secret" not in line
    assert {path.name for path in tmp_path.iterdir()} == before


def test_copy_says_what_it_copied_and_what_does_not_come_along(
    run, tmp_path, monkeypatch
):
    """A terminal sees how far it is; the secret key has to be brought separately."""
    settings = read_settings({"HOME": str(tmp_path)})
    store = open_store(settings.database_url, settings.limits)
    writer = Writer(store, freeze, now_us)
    wallet = create_wallet(writer)
    for _ in range(2):
        writer.submit(a_submission(wallet, Kind.DEPOSIT, "1"))
    writer.stop()
    store.close()
    monkeypatch.setattr(common, "on_a_terminal", lambda: True)
    monkeypatch.setattr(carry, "_TOLD_EVERY", 1)
    done = run("copy", "--to", f"sqlite:///{tmp_path}/copy.db")
    assert (done.exit_code, type(done.exception)) == (0, type(None))
    for entries in (1, 2):
        told = f"\r0 of 1 wallets and {entries} of 2 entries copied"
        assert done.stderr.count(told) == 1
    assert "\r1 of 1 wallets and 2 of 2 entries copied" in done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == (
        "1 wallet, 2 entries, 2 operations: copied to"
        f" SQLite at {tmp_path}/copy.db, compared, and verified."
    )
    assert second.startswith("The secret key is not in the store")
    assert third.startswith("What is written to the old store from now on is not in")


@pytest.mark.parametrize("command", [*READS, ["serve", "--port", "9"]])
def test_an_unfinished_copy_is_not_used(run, tmp_path, monkeypatch, command):
    """Nobody serves from it, or takes it for a store."""
    monkeypatch.setattr(serving, "serve", lambda *_arguments: None)
    with closing(sqlite3.connect(tmp_path / "wallet.db")) as store:
        store.execute("CREATE TABLE unfinished_copy AS SELECT 'a store' AS source")
    done = run(*command)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "is an unfinished copy of a store: run wallet copy again" in line


DAMAGE = {
    "noise": lambda whole: bytes(range(256)) * 200,
    "cut": lambda whole: whole[:20_000],
    "head only": lambda whole: whole[:100],
    "holes": lambda whole: whole[:8192] + bytes(len(whole) - 8192),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("command", [["serve", "--port", "9"], ["verify"]])
def test_a_damaged_file_is_called_so(run, tmp_path, monkeypatch, command, damage):
    """With one sentence, and it stays as it is."""
    monkeypatch.setattr(serving, "serve", lambda *_arguments: None)
    path = tmp_path / "wallet.db"
    whole = path.read_bytes()
    assert len(whole) > 20_000
    path.write_bytes(DAMAGE[damage](whole))
    before = path.read_bytes()
    done = run(*command)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "damaged" in line
    assert path.read_bytes() == before


def test_a_damaged_table_is_called_so(run, tmp_path):
    """It is found by a statement of the driver alone."""
    path = tmp_path / "wallet.db"
    with closing(sqlite3.connect(path)) as database:
        of = "SELECT rootpage FROM sqlite_schema WHERE name = 'wallets'"
        ((page,),) = database.execute(of).fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    done = run("verify")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "The database is damaged" in line


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"HOME": "/dev/null/x", "SECRET_KEY": "s" * 32}, "Not a directory"),
        ({"DATABASE_URL": "sqlite:///{folder}"}, "{folder} cannot be used: Is a dir"),
        ({"DATABASE_URL": "postgresql:///?nothing=1"}, "does not know: nothing."),
        ({"DATABASE_URL": "postgresql:///x?host=/dev/null&port=-1"}, "cannot be"),
    ],
    ids=str,
)
def test_what_cannot_be_served_from_is_one_sentence(
    run, tmp_path, monkeypatch, settings, sentence
):
    """No traceback, whatever is in the way."""
    for name, value in settings.items():
        monkeypatch.setenv(f"WALLET_{name}", value.format(folder=tmp_path))
    done = run("serve", "--port", "9")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    (line,) = done.stderr.splitlines()
    assert sentence.format(folder=tmp_path) in line
