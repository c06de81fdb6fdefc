"""A copy of a store in SQLite, made while the service runs.

SQLite itself copies one snapshot, and no write has to wait for it. The copy
gets its name only after it was verified and is on the disk: so a file with that name is
whole, whatever breaks the backup off.
"""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from sqlalchemy import URL

from ..storage.connections import Limits
from ..storage.opening import open_current_store
from ..storage.store import Store
from .heads import Head
from .replay import Fault, Freeze
from .verify import Report, verify

#: A step copies so many pages, 4 MiB, and has them written to the disk.
_PAGES_OF_A_STEP: Final = 1024


class BackupError(Exception):
    """Nothing was saved; the message says why."""


def back_up(
    url: URL,
    file: Path,
    freeze: Freeze,
    on_wallet: Callable[[Head], None] = lambda head: None,
    *,
    force: bool = False,
) -> Report:
    """Save a verified copy of a store, and tell what it holds.

    :param freeze: makes answers anew, to compare the kept ones with.
    :param on_wallet: is called with the head of each wallet of the copy that is right.
    :param force: replace a file that is there.
    :raises BackupError: nothing was saved, and what was there is as it was.
    """
    if url.get_backend_name() != "sqlite":
        raise BackupError(
            "A store in PostgreSQL is backed up with pg_dump: see docs/operations.md."
        )
    file = file.absolute()
    _require_free(file, Path(url.database or ""), force)
    # When this is broken off, a folder stays whose name says that it is a part.
    with TemporaryDirectory(".part", f"{file.name}.", file.parent) as folder:
        copy = Path(folder) / file.name
        with closing(open_current_store(url, Limits())) as store:
            _copy(store, copy)
        report = _verify(copy, freeze, on_wallet)
        _sync(copy)
        _require_free(file, Path(url.database or ""), force)
        copy.replace(file)
    _sync(file.parent)
    return report


def _require_free(file: Path, store: Path, force: bool) -> None:
    if not file.parent.is_dir():
        raise BackupError(f"There is no folder {file.parent}.")
    there = os.path.lexists(file)
    own = [f"{store.resolve()}{end}" for end in ("", "-wal", "-shm")]
    if str(file.parent.resolve() / file.name) in own or (
        there and not stat.S_ISREG(file.lstat().st_mode)
    ):
        raise BackupError(f"{file} is no place for a backup: name another file.")
    if there and not force:
        raise BackupError(f"{file} is there already: name another, or use --force.")


def _copy(store: Store, copy: Path) -> None:
    descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        with closing(sqlite3.connect(copy)) as target, store.snapshot() as connection:
            # What is left of a copy that fails is thrown away, so it needs no journal,
            # and each step is synced as a whole.
            target.execute("PRAGMA journal_mode = off")
            target.execute("PRAGMA synchronous = off")
            # The snapshot is that of the first look. Without it each step would have
            # its own, and begin anew after every write.
            connection.exec_driver_sql("SELECT 1 FROM wallets LIMIT 1")
            source = cast("Any", connection.connection.driver_connection)
            # Writes wait for the same disk: never for all of a copy at once.
            _run(source, target, lambda *_state: os.fdatasync(descriptor))
    finally:
        os.close(descriptor)


def _run(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    after_step: Callable[..., None],
) -> None:
    try:
        source.backup(target, pages=_PAGES_OF_A_STEP, progress=after_step)
    except sqlite3.Error as error:
        raise BackupError(f"The copy could not be made: {error}.") from error


def _verify(copy: Path, freeze: Freeze, on_wallet: Callable[[Head], None]) -> Report:
    url = URL.create("sqlite", database=str(copy))
    with closing(open_current_store(url, Limits())) as store:
        try:
            return verify(store, on_wallet=on_wallet, freeze=freeze)
        except Fault as fault:
            raise BackupError(
                f"The copy is not as it must be, and was not kept: {fault}."
                " Look whether the store is, with wallet verify."
            ) from fault


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
