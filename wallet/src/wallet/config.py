"""Settings: one table, read from the environment, and a refusal of what is unsafe.

Every setting is an environment variable that begins with ``WALLET_``.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import URL

from .environment import meant_for_the_wallet
from .ledger.money import CURRENCIES
from .secret import (
    key_in,
    read_key,
    read_keys,
    read_operator_token,
    read_token,
    refuse_equal,
)
from .storage.address import read_address
from .storage.connections import Limits
from .values import luno_url, number, one_of, switch, time_zone


class ConfigError(Exception):
    """A setting cannot be used; the message says which, and what to change."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    :param read: makes a value of the text, or says in a ``ValueError`` what is wrong.
    """

    default: str
    meaning: str
    read: Callable[[str], Any] = str


class Secret(Setting):
    """A setting that may also be given as the path of a file."""


SETTINGS: Final = {
    "DATABASE_URL": Secret(
        "", "Where the data is; empty is a SQLite file in `WALLET_HOME`."
    ),
    "DATABASE_PASSWORD": Secret("", "Replaces the password in the URL."),
    "HOME": Setting(
        "./instance", "Folder of the SQLite file and of the generated secret."
    ),
    "SECRET_KEY": Secret("", "Signs wallet keys; at least 32 characters.", read_key),
    "SECRET_KEY_FALLBACKS": Secret(
        "",
        "Retired secret keys that are still accepted, separated by commas.",
        read_keys,
    ),
    "OPERATOR_TOKEN": Secret(
        "",
        "May do everything; at least 20 characters. Without it the service is local.",
        read_operator_token,
    ),
    "METRICS_TOKEN": Secret(
        "",
        "Opens `/metrics` of a shared service, which is closed without it.",
        read_token,
    ),
    "LOG_FORMAT": Setting(
        "text", "How logs are written: `text` or `json`.", one_of("text", "json")
    ),
    "LOG_LEVEL": Setting(
        "info",
        "`debug` logs every request, `info` refusals, `warning` failures.",
        one_of("debug", "info", "warning", "error"),
    ),
    "LOG_ADDRESS": Setting(
        "0",
        "`1` adds the client's address to each line: behind a proxy on a private"
        " network, the last one in `X-Forwarded-For`.",
        switch,
    ),
    "THREADS": Setting(
        "64", "Requests of a worker at once, beside slow clients.", number(1, 1024)
    ),
    "READERS": Setting(
        "4", "Database connections of a worker for reads.", number(1, 1000)
    ),
    "QUEUE_SIZE": Setting(
        "4096", "Commands that may wait to be written.", number(1, 1000000)
    ),
    "BATCH_SIZE": Setting(
        "512", "Commands that are committed together.", number(1, 8192)
    ),
    "WAIT_TIMEOUT_MS": Setting(
        "10000", "Longest wait for a turn to be written.", number(1, 600000)
    ),
    "LOCK_TIMEOUT_MS": Setting(
        "4000", "Longest wait for a lock in the database.", number(1, 600000)
    ),
    "STATEMENT_TIMEOUT_MS": Setting(
        "8000", "Longest run of one statement.", number(1, 600000)
    ),
    "REQUIRE_STANDBY": Setting(
        "0", "`1` writes nothing that a failover could lose.", switch
    ),
    "DISTRIBUTED": Setting(
        "0",
        "`1` spreads wallets over the machines of Citus; experimental.",
        switch,
    ),
    "TIME_ZONE": Setting(
        "",
        "Time zone of the pages, statements and `series`, such as"
        " `Africa/Johannesburg`; empty is the system's, else UTC.",
        time_zone,
    ),
    "DEFAULT_CURRENCY": Setting(
        "ZAR", "Currency of a new wallet that names none.", one_of(*sorted(CURRENCIES))
    ),
    "LUNO_URL": Setting(
        "https://api.luno.com/api/1/ticker",
        "Where the price of bitcoin is asked for; `off` asks nowhere.",
        luno_url,
    ),
}


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
    log_address: bool
    threads: int
    queue_size: int
    batch_size: int
    wait_timeout_ms: int
    time_zone: ZoneInfo
    default_currency: str
    luno_url: str | None
    limits: Limits

    @property
    def local(self) -> bool:
        """Whether the service serves this machine only, without credentials."""
        return self.operator_token is None


def read_environment() -> dict[str, str]:
    """Return what is set in the environment, by names without their prefix.

    :raises ConfigError: a name is no setting's.
    """
    files = [
        f"{name}_FILE" for name, each in SETTINGS.items() if isinstance(each, Secret)
    ]
    try:
        return meant_for_the_wallet(os.environ, [*SETTINGS, *files])
    except ValueError as error:
        raise ConfigError(str(error)) from error


def read_settings(given: Mapping[str, Any], make: bool = True) -> Settings:
    """Check the settings and fill in what is missing.

    :param given: names without prefix, as Flask's configuration has them.
    :param make: whether a secret key is made where there is none.
    :raises ConfigError: one of them is unreadable or unsafe.
    """
    values = {name: _value(given, name) for name in SETTINGS}
    _refuse_empty_token(given, values["OPERATOR_TOKEN"])
    home = Path(values.pop("HOME")).absolute()
    url = read_database_url(given)
    del values["DATABASE_URL"], values["DATABASE_PASSWORD"]
    try:
        values["SECRET_KEY"] = values["SECRET_KEY"] or key_in(
            home, local=values["OPERATOR_TOKEN"] is None, make=make
        )
        refuse_equal(values)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    names = [each.name for each in fields(Limits)]
    limits = Limits(**{name: values.pop(name.upper()) for name in names})
    others = {name.lower(): value for name, value in values.items()}
    return Settings(database_url=url, home=home, limits=limits, **others)


def read_database_url(given: Mapping[str, Any]) -> URL:
    """Read where the data is; nothing is made.

    :raises ConfigError: it is unreadable.
    """
    text, password, home = (
        _value(given, name) for name in ("DATABASE_URL", "DATABASE_PASSWORD", "HOME")
    )
    try:
        return read_address(text, password, Path(home).absolute() / "wallet.db")
    except ValueError as error:
        raise ConfigError(f"WALLET_DATABASE_URL {error}.") from error


def _value(given: Mapping[str, Any], name: str) -> Any:
    setting = SETTINGS[name]
    value, path = given.get(name), given.get(f"{name}_FILE")
    if isinstance(setting, Secret) and path:
        if value:
            raise ConfigError(f"Set WALLET_{name} or WALLET_{name}_FILE, not both.")
        try:
            value = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"WALLET_{name}_FILE cannot be read: name a readable text file."
            ) from error
    try:
        return setting.read(setting.default if value is None else str(value).strip())
    except ValueError as error:
        raise ConfigError(f"WALLET_{name} {error}.") from error


def _refuse_empty_token(given: Mapping[str, Any], token: str | None) -> None:
    # An empty token in the environment is a slip, and it must not open the service.
    named = given.get("OPERATOR_TOKEN", given.get("OPERATOR_TOKEN_FILE"))
    if token is None and named is not None:
        raise ConfigError(
            "WALLET_OPERATOR_TOKEN is empty: give it a value, or unset it to run"
            " locally without credentials."
        )
