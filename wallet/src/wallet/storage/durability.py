"""Whether what was answered is kept: through a loss of power, and of a server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .errors import NotWritten

SQLITE_PRAGMAS: Final = {
    "journal_mode": "wal",
    # 2 is FULL: a commit is on the disk before it is answered.
    "synchronous": 2,
    "foreign_keys": 1,
}
#: What PostgreSQL must have; a commit waits for the disk of its own server, and for
#: the standbys that are named.
_SAFE_ON_SERVER: Final = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_write", "remote_apply"),
}


class UnsafeDatabase(Exception):
    """The database does not keep what it is told to keep."""


def is_durable(settings: Mapping[str, str]) -> bool:
    """Tell whether an answered commit survives a loss of power with these settings."""
    if "fsync" in settings:
        return all(settings[name] in safe for name, safe in _SAFE_ON_SERVER.items())
    return all(settings[name] == str(safe) for name, safe in SQLITE_PRAGMAS.items())


def waits_for_standby(settings: Mapping[str, str]) -> bool:
    """Tell whether a commit is answered only when another server has it, too."""
    named = settings.get("synchronous_standby_names", "")
    name = "synchronous_commit"
    return named != "" and settings[name] in _SAFE_ON_SERVER[name]


def require_standby(settings: Mapping[str, str]) -> None:
    """Refuse to write what would be lost with its server.

    :raises UnsafeDatabase: the sentence says what to change.
    """
    if not waits_for_standby(settings):
        raise UnsafeDatabase(
            "A failover could lose what is answered, and WALLET_REQUIRE_STANDBY"
            " forbids that: name standbys in synchronous_standby_names of PostgreSQL,"
            " and set its synchronous_commit to on."
        )


class DatabaseFile:
    """The file of a database in SQLite, as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = self._look()

    def require(self) -> None:
        """Refuse to write where nobody would find it again.

        :raises NotWritten: the file was removed, or another one is in its place.
        """
        if self._look() != self._opened:
            reason = f"{self._path} was removed or replaced since it was opened"
            raise NotWritten from FileNotFoundError(reason)

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
