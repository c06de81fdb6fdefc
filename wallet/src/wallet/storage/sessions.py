"""Sessions of the pages that were ended, until their time would be over anyway."""

from typing import Final

from sqlalchemy import delete, insert

from .errors import Collision
from .side_tables import ended_sessions
from .store import Store

#: How far the clocks of servers may be apart.
_CLOCKS_APART_US: Final = 24 * 60 * 60 * 1_000_000

_ENDED: Final = "SELECT id FROM ended_sessions WHERE id = :id"


def has_ended(store: Store, session_id: str) -> bool:
    """Look whether a session was ended."""
    return bool(store.reader.rows(_ENDED, id=session_id))


def end_session(store: Store, session_id: str, until_us: int, now_us: int) -> None:
    """End a session, and forget those whose time is over in any case.

    :raises StoreFailure: it may go on.
    """
    over = ended_sessions.c.until_us < now_us - _CLOCKS_APART_US
    try:
        with store.transaction() as connection:
            connection.execute(
                insert(ended_sessions).values(id=session_id, until_us=until_us)
            )
            connection.execute(delete(ended_sessions).where(over))
    except Collision:
        # It was ended by another request at the same time.
        return
