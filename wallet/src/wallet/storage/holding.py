"""What is read of holds: one, or a page of a wallet's, in the order of their making."""

from typing import Final

from ..clock import now_us
from ..ledger.held import HoldEnd, HoldState
from ..ledger.ids import is_hold_id
from .loading import to_hold
from .store import Store

_HOLDS: Final = """
SELECT wallet_id, id, amount_minor, captured_minor, note, state, created_at_us,
  expires_at_us, closed_at_us
FROM holds WHERE wallet_id = :wallet_id"""
_ONE: Final = f"{_HOLDS} AND id = :hold_id"
_PAGE: Final = f"{_HOLDS} AND id > :after ORDER BY id LIMIT :limit"
_BY_STATE: Final = f"""{_HOLDS} AND state = :state AND id > :after
ORDER BY id LIMIT :limit"""
_STILL_OPEN: Final = f"""{_HOLDS} AND state = 'open' AND id > :after
  AND expires_at_us > :now_us ORDER BY id LIMIT :limit"""
_JUST_EXPIRED: Final = f"""{_HOLDS} AND state = 'open' AND id > :after
  AND expires_at_us <= :now_us ORDER BY id LIMIT :limit"""
# In one statement: of two, a hold that is closed between them would be in neither.
_EXPIRED: Final = f"""
SELECT * FROM ({_BY_STATE}) AS closed
UNION ALL SELECT * FROM ({_JUST_EXPIRED}) AS still_open
ORDER BY id LIMIT :limit"""  # noqa: S608  made of the constants above


def find_hold(store: Store, wallet_id: str, hold_id: str) -> HoldState | None:
    """Read a hold as it is now."""
    if not is_hold_id(hold_id):
        return None
    found = store.reader.rows(_ONE, wallet_id=wallet_id, hold_id=hold_id)
    return to_hold(found[0]).at(now_us()) if found else None


def list_holds(
    store: Store, wallet_id: str, limit: int, after: str | None, state: HoldEnd | None
) -> list[HoldState]:
    """Read holds of a wallet after the one named, all or those in a state."""
    now, given = (
        now_us(),
        {"wallet_id": wallet_id, "after": after or "", "limit": limit},
    )
    rows = store.reader.rows
    if state is None:
        found = rows(_PAGE, **given)
    elif state is HoldEnd.OPEN:
        found = rows(_STILL_OPEN, **given, now_us=now)
    elif state is HoldEnd.EXPIRED:
        found = rows(_EXPIRED, **given, state=state.value, now_us=now)
    else:
        found = rows(_BY_STATE, **given, state=state.value)
    return [to_hold(row).at(now) for row in found]
