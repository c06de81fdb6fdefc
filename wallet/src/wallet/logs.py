"""Logs: one line an event, with the request's id, and without any secret.

The lines are for a terminal, or JSON for a collector. Secrets are taken out as each
line is written, the driver's lines too, because they may quote anything.
"""

import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from flask import g, has_request_context

from .config import Settings

#: A wallet's key: what is signed may be told, the signature may not.
_WALLET_KEY: Final = re.compile(r"(w_[0-9a-f]{32}\.[0-9]+)\.[A-Za-z0-9_-]+")
#: What would end a line, steer a terminal, or show letters in another order.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_HIDDEN: Final = "***"


class Formatter(logging.Formatter):
    """Writes an event as one line.

    :param form: ``text`` or ``json``.
    :param secrets: what must not be written.
    """

    def __init__(self, form: str, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._as_json = form == "json"
        # The longest first, or what is left of it would be shown.
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Write an event as one line."""
        told = self._told(record)
        line = _json_line(told) if self._as_json else _text_line(told)
        return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], line)

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        about: Any = g if has_request_context() else {}
        told: dict[str, Any] = {
            "at": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request": about.get("request_id"),
            "address": about.get("address"),
            "message": self._hide(record.getMessage()),
        }
        if record.exc_info:
            told["error"] = self._hide(self.formatException(record.exc_info))
        return told

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _WALLET_KEY.sub(rf"\1.{_HIDDEN}", text)


def set_up(settings: Settings) -> None:
    """Send every event of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(settings.log_format, secrets_of(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # The steps of a migration are told at the start of every server.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    server = logging.getLogger("_granian")
    server.handlers.clear()
    server.propagate = True


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """List what must not be written."""
    given = (settings.operator_token, settings.metrics_token)
    password = settings.database_url.password
    return (
        settings.secret_key,
        *settings.secret_key_fallbacks,
        *(each for each in (*given, password) if each),
    )


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json_line(told: dict[str, Any]) -> str:
    return json.dumps({name: each for name, each in told.items() if each is not None})


def _text_line(told: dict[str, Any]) -> str:
    asked = [told["request"] or "-", *filter(None, [told["address"]])]
    line = f"{told['at']} {told['level']:<7} {' '.join(asked)} {told['message']}"
    if "error" in told:
        line += " | " + " | ".join(told["error"].splitlines())
    return line
