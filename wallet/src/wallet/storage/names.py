"""What other wallets are called, beside what is read about one of them."""

from typing import Final

from .queries import find_names
from .store import Store

_MOST_KEPT: Final = 10_000


class Names:
    """Looks names up once: whatever is renamed meanwhile keeps its name here.

    A wallet may have dealt with any number of others, so beyond 10,000 none is kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, str] = {}

    def of(self, wallet_ids: set[str]) -> dict[str, str]:
        """Read what some wallets are called."""
        known = {each: self._kept[each] for each in wallet_ids & self._kept.keys()}
        if len(known) == len(wallet_ids):
            return known
        found = find_names(self._store, wallet_ids - known.keys())
        if len(self._kept) < _MOST_KEPT:
            self._kept |= found
        return known | found
