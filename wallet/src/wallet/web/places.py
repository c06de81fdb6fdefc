"""Places for slow clients: one that sends or reads slowly holds a thread meanwhile.

Such a wait ends when the client goes, or stands still for so long that it is cut off.
So each kind has a number of places, and beyond it is refused at once. The threads for
them come on top of those that ``WALLET_THREADS`` asks for, which therefore stay free
for everybody else.
"""

from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Final

from flask import Response

from ..ledger.commands import Principal
from .problems import Problem

#: Most clients that take a place are quick. If none is given back for so long, they
#: stand still, and the next ones do not wait any more.
_PATIENCE_S: Final = 1.0


class Places:
    """A number of places, of which each is taken and given back."""

    def __init__(
        self, count: int, refusal: str, patience_s: float = _PATIENCE_S
    ) -> None:
        self.count = count
        self._patience_s = patience_s
        self._refusal = refusal
        # A queue is taken from and put to at a fraction of what a semaphore costs.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)
        self._stand_still = False

    def take(self) -> None:
        """Take a place, which the caller must give back.

        :raises Problem: unavailable; whatever of a body was not read ends with it.
        """
        try:
            self._free.get(not self._stand_still, self._patience_s)
        except Empty as error:
            self._stand_still = True
            raise Problem(
                "unavailable", self._refusal, headers={"Connection": "close"}
            ) from error

    def give_back(self) -> None:
        self._stand_still = False
        self._free.put(None)

    def place(self) -> "Place":
        """Take a place as :meth:`take` does; it is given back even if it is forgotten.

        :raises Problem: unavailable.
        """
        self.take()
        return Place(self)


class Place:
    """A place that was taken, and is given back once."""

    __slots__ = ("_places",)

    def __init__(self, places: Places) -> None:
        self._places: Places | None = places

    def give_back(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.give_back()

    __del__ = give_back

    def send(self, response: Response, parts: Iterable[bytes]) -> None:
        """Have a response made of parts, and give the place back when it has ended."""

        def sent() -> Iterator[bytes]:
            try:
                yield from parts
            finally:
                self.give_back()

        response.response = sent()
        # It may end before the first part is asked for.
        response.call_on_close(self.give_back)


class SlowClients:
    """The places of a worker; strangers, owners and the operator have their own."""

    def __init__(self, threads: int) -> None:
        def share(part: int, what: str, patience_s: float = _PATIENCE_S) -> Places:
            refusal = f"Too many {what} are under way. Try again in a moment."
            return Places(max(1, threads // part), refusal, patience_s)

        self.bodies = {
            None: share(8, "forms"),
            Principal.OWNER: share(4, "bodies"),
            Principal.OPERATOR: share(2, "bodies"),
        }
        self.statements = {
            Principal.OWNER: share(16, "statements"),
            Principal.OPERATOR: share(16, "statements"),
        }
        # A place that is taken stays so for long, so nobody waits for one.
        self.followers = {
            Principal.OWNER: share(2, "waiting calls", 0),
            Principal.OPERATOR: share(2, "waiting calls", 0),
        }
        self.files = share(8, "files")

    @property
    def threads(self) -> int:
        """How many threads all of them can hold."""
        by_caller = (self.bodies, self.statements, self.followers)
        all_of_them = [places for kind in by_caller for places in kind.values()]
        return sum(places.count for places in (*all_of_them, self.files))
