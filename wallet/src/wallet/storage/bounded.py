"""Connections to PostgreSQL: none waits for ever, and none leads into the past.

A server that stands still acknowledges everything and answers nothing, so the network
never gives it up. And one that was deposed may go on answering: each promotion begins
a timeline with a higher number, by which it is known.
"""

import logging
from collections.abc import Iterable
from itertools import zip_longest
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

import psycopg
from psycopg import Cursor, OperationalError
from psycopg.abc import RV, Params, PQGen, QueryNoTemplate
from psycopg.errors import ConnectionFailure, Diagnostic, PipelineAborted

log = logging.getLogger(__name__)

#: Which cluster it is, and its timeline: 0 for a standby, which has none of its own.
#: Every role may ask this.
_TIMELINE: Final = """
SELECT system_identifier, CASE WHEN pg_is_in_recovery() THEN 0 ELSE
  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END
FROM pg_control_system()
"""


# Every exchange comes this way, and to look for it through super() takes twice as long.
_wait: Final = psycopg.Connection.wait


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that ends when an exchange takes too long.

    What was sent may still be done by the server; only of a commit is that of interest.
    """

    #: How long an exchange may take.
    limit_s: float | None = None
    cluster = timeline = 0
    #: Whether its server has a successor.
    deposed = False
    _cursor: Cursor[Any] | None = None
    #: What the server last warned of.
    _warning: str | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.add_notice_handler(self._notice)

    def _notice(self, diagnosis: Diagnostic) -> None:
        if diagnosis.severity_nonlocalized == "WARNING":
            self._warning = diagnosis.message_primary

    def commit(self) -> None:
        """Commit, on every server that has to have it.

        :raises ConnectionFailure: this one has it, and warns that another may not: it
            waits for its standby no more, or has lost a machine behind it.
        """
        self._warning = None
        super().commit()
        if self._warning is not None:
            raise ConnectionFailure(f"the server warns: {self._warning}")

    def execute(  # type: ignore[override]
        self, query: QueryNoTemplate, params: Params | None = None
    ) -> Cursor[Any]:
        """Execute a statement; what it found is there until the next one.

        One cursor serves all, and from the last time knows the types of the columns. To
        make one for each takes a tenth of a balance.
        """
        if self._cursor is None:
            self._cursor = self.cursor()
        return self._cursor.execute(query, params)

    def wait(
        self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None
    ) -> RV:
        """Exchange something with the server.

        :raises OperationalError: without a state if the server was not heard in time.
        """
        try:
            if self.deposed:
                raise OperationalError("the server was replaced by a newer one")
            return _wait(self, gen, interval, timeout or self.limit_s)
        except OperationalError as error:
            # Whatever comes later would be taken for the answer to something else.
            if error.sqlstate is None and not isinstance(error, PipelineAborted):
                self.close()
            raise


class _Timelines:
    """The newest timeline of each cluster that this process has met."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._newest: dict[int, int] = {}
        self._connections: WeakSet[BoundedConnection] = WeakSet()
        self._warned = False

    def admit(self, connection: BoundedConnection) -> None:
        """Take a connection, and depose those to servers that came before its own.

        :raises OperationalError: its own came before another.
        """
        found = self._ask(connection)
        if found is None:
            return
        connection.cluster, connection.timeline = found
        cluster, timeline = found
        with self._lock:
            newest = self._newest.get(cluster, 0)
            if 0 < timeline < newest:
                raise OperationalError(
                    f"The server is on timeline {timeline}, and one on timeline"
                    f" {newest} was met before: it was deposed, or restored to the past"
                )
            self._connections.add(connection)
            if timeline > newest:
                self._newest[cluster] = timeline
                for each in self._connections:
                    if each.cluster == cluster and 0 < each.timeline < timeline:
                        each.deposed = True

    def _ask(self, connection: BoundedConnection) -> tuple[int, int] | None:
        try:
            # The one that is kept is made later: types may be registered until then.
            cursor = connection.cursor().execute(_TIMELINE)
            found: tuple[int, int] | None = cursor.fetchone()
        except psycopg.Error as error:
            if connection.closed:
                raise
            if not self._warned:
                log.warning("a deposed server would not be known as one: %s", error)
            self._warned = True
            return None
        return found


_timelines: Final = _Timelines()
#: Hosts that could not be used when they were last tried.
_failed: Final[set[tuple[str | None, str | None]]] = set()


def connect(
    parameters: dict[str, Any],
    limit_s: float | None,
    kind: type[BoundedConnection] = BoundedConnection,
) -> BoundedConnection:
    """Connect to the first of several hosts that can be used.

    Who waits for one that stands still does so once: next time it comes last.

    :raises OperationalError: there is none.
    """
    failures = []
    for host in sorted(_hosts(parameters), key=_failed.__contains__):
        try:
            one = dict(zip(("host", "port"), host, strict=True))
            connection = _connect(parameters | one, limit_s, kind)
        except OperationalError as failure:
            _failed.add(host)
            failures.append(failure)
        else:
            _failed.discard(host)
            return connection
    if len(failures) == 1:
        raise failures[0]
    raise OperationalError("; ".join(str(each).strip() for each in failures))


def _connect(
    parameters: dict[str, Any], limit_s: float | None, kind: type[BoundedConnection]
) -> BoundedConnection:
    connection = kind.connect(**parameters, autocommit=True)
    try:
        connection.limit_s = limit_s
        _timelines.admit(connection)
        connection.autocommit = False
    except Exception:
        connection.close()
        raise
    return connection


def _hosts(parameters: dict[str, Any]) -> Iterable[tuple[str | None, str | None]]:
    """Part the hosts; the driver would stop at the first that answers."""
    host, port = (str(parameters.get(name, "")) for name in ("host", "port"))
    if "," not in host or "hostaddr" in parameters:
        return [(host or None, port or None)]
    return [
        (host or None, port or None)
        for host, port in zip_longest(host.split(","), port.split(","))
    ]
