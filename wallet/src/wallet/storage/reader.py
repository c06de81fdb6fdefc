"""Reads by the driver alone: one statement, on a connection that is kept for that.

SQLAlchemy opens the connections and writes each statement, once. What it does beside
that on every execution takes ten times as long as finding a row.
"""

from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import URL, PoolProxiedConnection, Select

from . import errors as failures
from .connections import Limits, make_opening_engine


class Reader:
    """A few connections, each lent for one statement at a time."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self._engine = make_opening_engine(url, limits)
        self._error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._wait_s = limits.lock_timeout_ms / 1000
        self._texts: dict[Select[Any], tuple[str, dict[str, Any]]] = {}
        # Nothing stands for a connection that may be opened.
        self._free: SimpleQueue[PoolProxiedConnection | None] = SimpleQueue()
        for _ in range(limits.readers):
            self._free.put(None)

    def rows(
        self, statement: Select[Any], given: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Execute a statement with the values that its parameters are given.

        :raises NotWritten: the database does not answer, or others take too long.
        """
        text, values = self.written(statement, given)
        try:
            return self._look_up(text, values)
        except failures.TryAgain:
            # The connection was lost; all that are opened from now on are new.
            return self._look_up(text, values)

    def close(self) -> None:
        """Close what is not lent; what ended one connection has likely ended all."""
        for _ in range(self._free.qsize()):
            with suppress(Empty):
                connection = self._free.get_nowait()
                self._free.put(None)
                if connection is not None:
                    connection.close()

    def written(
        self, statement: Select[Any], given: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        """Tell the text and the values that the driver is handed."""
        known = self._texts.get(statement)
        if known is None:
            compiled = statement.compile(dialect=self._engine.dialect)
            fixed = {
                name: each for name, each in compiled.params.items() if each is not None
            }
            known = self._texts[statement] = (str(compiled), fixed)
        text, fixed = known
        return text, {**fixed, **given} if fixed else given

    def _look_up(self, text: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            connection = self._free.get(timeout=self._wait_s)
        except Empty as error:
            raise failures.NotWritten from error
        kept = None
        driver: Any = None
        try:
            if connection is None:
                connection = self._engine.raw_connection()
            driver = connection.driver_connection
            rows: list[tuple[Any, ...]] = driver.execute(text, values).fetchall()
            kept = connection
        except self._error:
            self.close()
            dialect = self._engine.dialect
            with failures.before_commit(), failures.of_driver(dialect, driver):
                raise
        finally:
            if kept is None and connection is not None:
                connection.close()
            self._free.put(kept)
        return rows
