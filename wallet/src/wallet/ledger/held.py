"""Money that is set aside in a wallet, for a while."""

from enum import StrEnum
from typing import NamedTuple


class HoldEnd(StrEnum):
    """Whether a hold still counts, and what ended it."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class HoldState(NamedTuple):
    """A hold as its row has it."""

    wallet_id: str
    id: str
    amount_minor: int
    captured_minor: int
    note: str | None
    state: HoldEnd
    created_at_us: int
    expires_at_us: int
    closed_at_us: int | None

    @property
    def remaining_minor(self) -> int:
        """What can still be captured."""
        is_open = self.state is HoldEnd.OPEN
        return self.amount_minor - self.captured_minor if is_open else 0

    def at(self, now_us: int) -> "HoldState":
        """Give the hold as it is at a moment: expired from the very one that it names.

        Whether anything has touched it since makes no difference.
        """
        if self.state is not HoldEnd.OPEN or now_us < self.expires_at_us:
            return self
        return self._replace(state=HoldEnd.EXPIRED, closed_at_us=self.expires_at_us)
