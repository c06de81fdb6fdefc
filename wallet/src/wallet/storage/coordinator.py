"""Connections to the machine of Citus that shares out what it is asked."""

from typing import Any, Final

import psycopg
from psycopg import Error
from psycopg.abc import RV, PQGen
from psycopg.errors import ConnectionFailure
from psycopg.types.numeric import Int8Dumper

from .bounded import BoundedConnection

#: The machine that has a wallet waits for its lock, and must be told for how long. All
#: that a batch writes on one machine goes over one connection.
OPTIONS: Final = (
    "-c citus.propagate_set_commands=local -c citus.multi_shard_modify_mode=sequential"
)
#: What is said of a machine that is lost: by its connection, by the one that asked it,
#: or by nobody, which makes it an internal error.
_OF_A_MACHINE: Final = ("08", "57", "58", "XX000")


class Connection(BoundedConnection):
    """A connection to a machine that, if it loses another one in a commit, cannot know
    either what became of that.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # Of one type, a statement is prepared once, however large its numbers are.
        self.adapters.register_dumper(int, Int8Dumper)

    # Of several statements that are sent at once each has a cursor of its own.
    execute = psycopg.Connection.execute

    def wait(
        self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None
    ) -> RV:
        """Exchange something with the server.

        :raises ConnectionFailure: a machine behind it is lost.
        """
        try:
            return super().wait(gen, interval, timeout)
        except Error as error:
            state = error.sqlstate
            if self.closed or state is None or not state.startswith(_OF_A_MACHINE):
                raise
            # Without the answer that would say that all is rolled back.
            raise ConnectionFailure(str(error)) from error
