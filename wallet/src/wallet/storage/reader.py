"""Every read: one statement, by the driver alone, on a connection kept for that.

What SQLAlchemy does beside that on every execution takes ten times as long as finding
a row; it only opens the connections.
"""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Engine

from . import errors
from .connections import Limits, dialect_of


class Reader:
    """A few connections, each lent for one statement at a time.

    :param admit: is called before each statement, and may make it wait or refuse it.
    """

    def __init__(
        self, engine: Engine, limits: Limits, admit: Callable[[], None] = lambda: None
    ) -> None:
        self._engine = engine
        self._admit = admit
        self._text = dialect_of(engine, limits).text
        self._wait_s = limits.lock_timeout_ms / 1000
        self._closed = False
        # Nothing stands for a connection that may be opened.
        self._free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(limits.readers):
            self._free.put(None)

    def rows(self, sql: str, /, **given: Any) -> list[tuple[Any, ...]]:
        """Execute a statement with the values of its parameters, ``:name``.

        :raises NotWritten: the database does not answer, or others take too long.
        """
        self._admit()
        text = self._text(sql)
        try:
            return self._look_up(text, given)
        except errors.TryAgain:
            # The connection was lost; all that are opened from now on are new.
            return self._look_up(text, given)

    def close(self) -> None:
        """Close all connections; one that is lent is closed when it comes back."""
        self._closed = True
        self._close_free()

    def _close_free(self) -> None:
        for _ in range(self._free.qsize()):
            with suppress(Empty):
                driver = self._free.get_nowait()
                self._free.put(None)
                if driver is not None:
                    driver.close()

    def _look_up(self, text: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        try:
            driver = self._free.get(timeout=self._wait_s)
        except Empty as error:
            raise errors.Crowded from error
        kept = None
        try:
            if driver is None:
                driver = self._open()
            rows: list[tuple[Any, ...]] = driver.execute(text, given).fetchall()
            kept = driver
        except Exception:
            # What ended one connection has likely ended all.
            self._close_free()
            with errors.before_commit(driver):
                raise
        finally:
            if kept is None and driver is not None:
                driver.close()
            self._free.put(kept)
            if self._closed:
                self._close_free()
        return rows

    def _open(self) -> Any:
        connection = self._engine.raw_connection()
        driver = connection.driver_connection
        # It is ours from now on, and no longer one of those that the engine lends.
        connection.detach()
        return driver
