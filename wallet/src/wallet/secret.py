"""Secrets: how long they are, and one that is made once for every process."""

import os
import secrets
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Final

_SHORTEST_KEY: Final = 32
_SHORTEST_TOKEN: Final = 8
_SHORTEST_OPERATOR_TOKEN: Final = 20


def read_token(text: str, shortest: int = _SHORTEST_TOKEN) -> str | None:
    """Read a token; the ``ValueError`` says what is wrong with it."""
    if text and (not text.isascii() or not text.isprintable()):
        raise ValueError("must be printable ASCII")
    if text and len(text) < shortest:
        raise ValueError(f"is too short: use at least {shortest} characters")
    return text or None


def read_operator_token(text: str) -> str | None:
    """Read the token that may do everything, which must be too long to be guessed."""
    return read_token(text, _SHORTEST_OPERATOR_TOKEN)


def read_key(text: str) -> str:
    """Read a secret key; the ``ValueError`` says what is wrong with it."""
    if text and len(text) < _SHORTEST_KEY:
        raise ValueError(f"is too short: use at least {_SHORTEST_KEY} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Without the cause, which has the secret.
        raise ValueError("must be text in UTF-8") from None
    return text


def read_keys(text: str) -> tuple[str, ...]:
    """Read secret keys, separated by commas."""
    return tuple(read_key(part.strip()) for part in text.split(",") if part.strip())


def refuse_equal(values: Mapping[str, Any]) -> None:
    """Refuse two secrets that are one: to know one must not mean to know another."""
    secrets = [
        (name, secret)
        for name in ("SECRET_KEY", "METRICS_TOKEN", "SECRET_KEY_FALLBACKS")
        for secret in _all_of(values[name])
    ]
    secrets.append(("OPERATOR_TOKEN", values["OPERATOR_TOKEN"]))
    for (one, value), (other, same) in combinations(secrets, 2):
        # A retired key that is given twice is one secret all the same.
        if value == same and one != other:
            raise ValueError(f"WALLET_{one} must differ from WALLET_{other}.")


def _all_of(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def key_in(home: Path, local: bool, make: bool) -> str:
    """Return the secret key in a folder; the ``ValueError`` says what to change.

    :param local: whether it may be there.
    :param make: whether it is made if it is not.
    """
    if not local:
        raise ValueError(
            "WALLET_SECRET_KEY is missing: with an operator token, wallet keys need a"
            f" secret of your own of at least {_SHORTEST_KEY} characters."
        )
    path = home / "secret_key"
    if not make and not path.exists():
        raise ValueError(
            f"There is no secret key at {path}: look at WALLET_HOME and"
            " WALLET_SECRET_KEY, which must be those of the service."
        )
    try:
        key = made_once(path)
    except OSError as error:
        raise ValueError(
            f"{home} cannot be written: set WALLET_HOME to a folder of your own."
        ) from error
    if not key.isprintable() or len(key) < _SHORTEST_KEY:
        raise ValueError(
            f"{path} holds no secret key: restore it from a backup, or remove it to"
            " have a new one made, which makes all wallet keys worthless."
        )
    return key


def made_once(path: Path) -> str:
    """Read the secret; if it is not there, make it first.

    :raises OSError: it can be neither read nor written.
    """
    if path.exists():
        # Read without writing: the disk may be full, or the folder closed.
        return _read(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked, so that a second process finds all of it or none; and
    # on the disk before it has its name, so that a loss of power leaves no empty file.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.touch(mode=0o600)
    try:
        with aside.open("w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
        _sync_folder(path.parent)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return _read(path)


def _read(path: Path) -> str:
    if not path.is_file():
        # To read a pipe would wait for its writer.
        return ""
    return path.read_bytes().decode("ascii", "replace").strip()


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
