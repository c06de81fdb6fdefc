"""Refusals, raised with the name of their kind and answered as clients get them."""

from collections.abc import Mapping
from typing import Any, Final

from ..ledger.outcomes import Refused
from ..storage.errors import Crowded, OutcomeUnknown, StoreFailure
from .kinds import KINDS

_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_LATER: Final = {"Retry-After": "1"}
#: Headers that every problem with this status carries.
_HEADERS: Final = {401: _CHALLENGE, 429: {"Retry-After": "60"}, 503: _LATER}


class Problem(Exception):
    """Raised to answer a request with a problem.

    :param name: one of :data:`KINDS`.
    :param members: further members, such as the field that is malformed.
    :param headers: headers that the answer must carry.
    """

    def __init__(
        self,
        name: str,
        detail: str | None = None,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.kind = KINDS[name]
        self.detail = detail or self.kind.detail
        self.members = dict(members or {})
        self.headers = {**_HEADERS.get(self.kind.status, {}), **(headers or {})}

    def body(self) -> dict[str, Any]:
        """List the members of the answer in a fixed order."""
        return {
            "type": f"/problems/{self.kind.name}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            **self.members,
        }


def malformed(field: str, reason: str) -> Problem:
    """Return the problem of a field, and say what is wrong with it."""
    return Problem("malformed", f"{field} {reason}", members={"field": field})


def refused(outcome: Refused, at: str = "") -> Problem:
    """Return the problem for a refusal of the ledger.

    :param at: the path in the body to the item of the malformed member.
    """
    if outcome.field is not None:
        return malformed(f"{at}{outcome.field}", outcome.reason or "is malformed")
    return Problem(outcome.refusal.value)


def failed(failure: StoreFailure) -> Problem:
    """Return the problem for a failure of the database.

    What is unknown stays so, whatever else fails while that is told.
    """
    error: BaseException | None = failure
    while error is not None and not isinstance(error, OutcomeUnknown):
        error = error.__context__
    if error is not None:
        return Problem("outcome-unknown")
    if isinstance(failure, Crowded):
        return Problem("unavailable", "Too many reads are under way. Try again.")
    return Problem("unavailable")
