"""Settings: defaults, environment, and a refusal of what is unsafe.

Every setting is read from an environment variable that begins with ``WALLET_``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .secret import made_once
from .storage.connections import Limits


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; a secret may also be given as the path of a file with it."""

    default: str
    meaning: str
    secret: bool = False


SETTINGS: Final = {
    "DATABASE_URL": Setting(
        "", "Where the data is; empty is a SQLite file in `WALLET_HOME`.", secret=True
    ),
    "DATABASE_PASSWORD": Setting("", "Replaces the password in the URL.", secret=True),
    "HOME": Setting(
        "./instance", "Folder of the SQLite file and of the generated secret."
    ),
    "SECRET_KEY": Setting(
        "", "Signs wallet keys; at least 32 characters.", secret=True
    ),
    "SECRET_KEY_FALLBACKS": Setting(
        "",
        "Retired secret keys that are still accepted, separated by commas.",
        secret=True,
    ),
    "OPERATOR_TOKEN": Setting(
        "", "May do everything; without it the service is local.", secret=True
    ),
    "METRICS_TOKEN": Setting(
        "", "Opens `/metrics` of a shared service, which is closed without it.", True
    ),
    "LOG_FORMAT": Setting("text", "How logs are written: `text` or `json`."),
    "LOG_LEVEL": Setting(
        "info", "`debug` logs every request, `info` refusals, `warning` failures."
    ),
    "THREADS": Setting("64", "Requests that a worker handles at the same time."),
    "READERS": Setting("4", "Database connections of a worker for reads."),
    "QUEUE_SIZE": Setting("4096", "Commands that may wait to be written."),
    "BATCH_SIZE": Setting("512", "Commands that are committed together."),
    "WAIT_TIMEOUT_MS": Setting("10000", "Longest wait for a turn to be written."),
    "LOCK_TIMEOUT_MS": Setting("4000", "Longest wait for a lock in the database."),
    "STATEMENT_TIMEOUT_MS": Setting("8000", "Longest run of one statement."),
    "LUNO_URL": Setting(
        "https://api.luno.com/api/1/ticker",
        "Where the price of bitcoin is asked for; `off` asks nowhere.",
    ),
}

_SHORTEST_SECRET: Final = 32


class ConfigError(Exception):
    """A setting cannot be used; the message says which, and what to change."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, checked."""

    database_url: URL
    home: Path
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    operator_token: str | None
    metrics_token: str | None
    log_format: str
    log_level: str
    threads: int
    queue_size: int
    batch_size: int
    wait_timeout_ms: int
    luno_url: str | None
    limits: Limits

    @property
    def local(self) -> bool:
        """Whether the service serves this machine only, without credentials."""
        return self.operator_token is None


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Check the settings and fill in what is missing.

    :param given: names without prefix, as Flask's configuration has them.
    :raises ConfigError: one of them is unreadable or unsafe.
    """
    values = {name: _value(given, name) for name in SETTINGS}
    home = Path(values["HOME"]).absolute()
    operator_token = values["OPERATOR_TOKEN"] or None
    _refuse_empty_token(given, operator_token)
    return Settings(
        database_url=_database_url(values, home),
        home=home,
        secret_key=_secret_key(values["SECRET_KEY"], operator_token, home),
        secret_key_fallbacks=_fallbacks(values["SECRET_KEY_FALLBACKS"]),
        operator_token=operator_token,
        metrics_token=_metrics_token(values["METRICS_TOKEN"], operator_token),
        log_format=_choice(values, "LOG_FORMAT", ("text", "json")),
        log_level=_choice(values, "LOG_LEVEL", ("debug", "info", "warning", "error")),
        threads=_number(values, "THREADS", 1, 1024),
        queue_size=_number(values, "QUEUE_SIZE", 1, 1_000_000),
        batch_size=_number(values, "BATCH_SIZE", 1, 8_192),
        wait_timeout_ms=_number(values, "WAIT_TIMEOUT_MS", 1, 600_000),
        luno_url=_luno_url(values["LUNO_URL"]),
        limits=Limits(
            lock_timeout_ms=_number(values, "LOCK_TIMEOUT_MS", 1, 600_000),
            statement_timeout_ms=_number(values, "STATEMENT_TIMEOUT_MS", 1, 600_000),
            readers=_number(values, "READERS", 1, 1_000),
        ),
    )


def _value(given: Mapping[str, Any], name: str) -> str:
    setting = SETTINGS[name]
    value, path = given.get(name), given.get(f"{name}_FILE")
    if setting.secret and path:
        if value:
            raise ConfigError(f"Set WALLET_{name} or WALLET_{name}_FILE, not both.")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"WALLET_{name}_FILE cannot be read: name a readable text file."
            ) from error
    return setting.default if value is None else str(value).strip()


def _refuse_empty_token(given: Mapping[str, Any], token: str | None) -> None:
    # An empty token in the environment is a slip, and it must not open the service.
    named = given.get("OPERATOR_TOKEN", given.get("OPERATOR_TOKEN_FILE"))
    if token is None and named is not None:
        raise ConfigError(
            "WALLET_OPERATOR_TOKEN is empty: give it a value, or unset it to run"
            " locally without credentials."
        )
    if token is not None and (not token.isascii() or not token.isprintable()):
        raise ConfigError("WALLET_OPERATOR_TOKEN must be printable ASCII.")


def _choice(values: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    if values[name] not in known:
        raise ConfigError(f"WALLET_{name} must be one of {', '.join(known)}.")
    return values[name]


def _metrics_token(token: str, operator_token: str | None) -> str | None:
    if token and token == operator_token:
        raise ConfigError(
            "WALLET_METRICS_TOKEN must differ from WALLET_OPERATOR_TOKEN: whoever"
            " reads metrics must not move money."
        )
    return token or None


def _number(values: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = values[name]
    if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
        raise ConfigError(f"WALLET_{name} must be a number from {low} to {high}.")
    return int(text)


def _database_url(values: Mapping[str, str], home: Path) -> URL:
    if not values["DATABASE_URL"]:
        return URL.create("sqlite", database=str(home / "wallet.db"))
    try:
        url = make_url(values["DATABASE_URL"])
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "WALLET_DATABASE_URL cannot be read: write it like"
            " postgresql://user@host/database or sqlite:////path/to/wallet.db."
        ) from error
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        url = url.set(drivername="postgresql+psycopg")
        password = values["DATABASE_PASSWORD"]
        return url.set(password=password) if password else url
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:" or url.query:
            raise ConfigError(
                "WALLET_DATABASE_URL must name a file, such as"
                " sqlite:////path/to/wallet.db."
            )
        return url.set(database=str(Path(url.database).absolute()))
    raise ConfigError("WALLET_DATABASE_URL must begin with postgresql:// or sqlite://.")


def _secret_key(secret: str, operator_token: str | None, home: Path) -> str:
    if not secret and operator_token is not None:
        raise ConfigError(
            "WALLET_SECRET_KEY is missing: with an operator token, wallet keys need a"
            " secret of your own of at least 32 characters."
        )
    if not secret:
        try:
            return made_once(home / "secret_key")
        except OSError as error:
            raise ConfigError(
                f"{home} cannot be written: set WALLET_HOME to a folder of your own."
            ) from error
    if secret == operator_token:
        raise ConfigError("WALLET_SECRET_KEY must differ from WALLET_OPERATOR_TOKEN.")
    return _long_enough(secret, "WALLET_SECRET_KEY")


def _luno_url(text: str) -> str | None:
    if text in ("", "off"):
        return None
    try:
        parts = urlsplit(text)
        parts.hostname.encode("idna")  # type: ignore[union-attr]
        known = parts.scheme in ("http", "https") and parts.port != 0
    except (AttributeError, ValueError):
        known = False
    if not known or "@" in text or not re.fullmatch("[\x21-\x7e]+", text):
        raise ConfigError(
            "WALLET_LUNO_URL cannot be used: write it like"
            " https://api.luno.com/api/1/ticker, without a password, or off."
        )
    return parts._replace(fragment="").geturl()


def _fallbacks(text: str) -> tuple[str, ...]:
    given = [part.strip() for part in text.split(",") if part.strip()]
    return tuple(_long_enough(part, "WALLET_SECRET_KEY_FALLBACKS") for part in given)


def _long_enough(secret: str, name: str) -> str:
    if len(secret) < _SHORTEST_SECRET:
        raise ConfigError(
            f"{name} is too short: use at least {_SHORTEST_SECRET} characters."
        )
    return secret
