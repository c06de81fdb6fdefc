"""How an answer is read: what came of each move, and what it shows of wallets.

What a new kind of call shows needs a line in ``readings`` or in ``sightings``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from .asked import Move, moves, parameters, target
from .record import Call

#: Refusals by the rules of the ledger: they are kept under the key of the request.
KEPT = {
    "insufficient-funds",
    "self-transfer",
    "unknown-recipient",
    "currency-mismatch",
    "balance-too-large",
    "already-reversed",
    "not-reversible",
    "archived",
    "hold-closed",
    "hold-expired",
    "hold-exceeded",
}
#: Refusals of one move or change that are not kept.
FORGOTTEN = {"unknown-entry", "unknown-hold", "floor-too-high", "not-empty"}
#: All that may be answered to a call that writes; each is justified or it is a fault.
REFUSALS = (
    KEPT
    | FORGOTTEN
    | {"key-reused", "batch-refused", "version-mismatch", "unknown-wallet"}
)

_DONE = b'{"status":201,'
_REFUSED = b'{"status":422,"problem":'
_UNKNOWN = b'{"status":404,"problem":'


@dataclass(frozen=True)
class Outcome:
    """What was answered to one move: the bytes that are kept for it."""

    move: Move
    status: int
    frozen: bytes

    @property
    def entry(self) -> dict[str, Any] | None:
        return self._member("entry")

    @property
    def hold(self) -> dict[str, Any] | None:
        return self._member("hold")

    @property
    def problem(self) -> str | None:
        if self.status == 201:
            return None
        if self.status not in (404, 422):
            return "not done"
        kind = msgspec.json.decode(self.frozen)["type"]
        return str(kind).removeprefix("/problems/")

    def _member(self, name: str) -> dict[str, Any] | None:
        if self.status != 201:
            return None
        member: dict[str, Any] | None = msgspec.json.decode(self.frozen).get(name)
        return member


@dataclass(frozen=True)
class Reading:
    """What a call showed of a wallet as it was at one moment.

    :param row: all that it showed of it, unless it was a page of its history.
    """

    wallet: str
    version: int
    balance: Decimal | None = None
    row: dict[str, Any] | None = None


def moment(text: str) -> float:
    """Read a time of the service as those of the clients are counted."""
    return datetime.fromisoformat(text).timestamp()


def outcomes(call: Call) -> list[Outcome]:
    """List what was answered to each move of a call, if that is known."""
    asked = moves(call.request)
    if not asked or call.status in (None, 204) or call.status >= 500:
        return []
    if target(call.request)[1] == "batches":
        if call.status != 200 and call.problem != "batch-refused":
            return []
        raws = _raw_outcomes(call.data)
        if len(raws) != len(asked):
            return []
        return [_unwrapped(*pair) for pair in zip(asked, raws, strict=True)]
    known = KEPT | {"key-reused", "unknown-hold", "unknown-entry"}
    if call.status == 201 or call.problem in known:
        return [Outcome(asked[0], call.status, call.data)]
    return []


def _raw_outcomes(data: bytes) -> list[bytes]:
    class Answer(msgspec.Struct):
        outcomes: list[msgspec.Raw]

    return [bytes(raw) for raw in msgspec.json.decode(data, type=Answer).outcomes]


def _unwrapped(move: Move, raw: bytes) -> Outcome:
    if raw.startswith(_DONE):
        return Outcome(move, 201, b"{" + raw.removeprefix(_DONE))
    for status, wrapping in ((422, _REFUSED), (404, _UNKNOWN)):
        if raw.startswith(wrapping):
            return Outcome(move, status, raw.removeprefix(wrapping)[:-1])
    return Outcome(move, int(msgspec.json.decode(raw)["status"]), raw)


def looked_up(call: Call) -> tuple[int, bytes]:
    """Return the status and the bytes that an operation was answered with.

    A 204 has none, which is told as ``null``.
    """

    class Answer(msgspec.Struct):
        status: int
        body: msgspec.Raw

    answer = msgspec.json.decode(call.data, type=Answer)
    return answer.status, b"" if answer.status == 204 else bytes(answer.body)


def readings(call: Call) -> list[Reading]:
    """List the versions that a call showed as those of its moment."""
    if call.status != 200:
        return []
    wallet, what = target(call.request)
    if what == "wallet" and call.request.method in ("GET", "PATCH"):
        return [_reading(call.json)]
    if call.request.method != "GET":
        return []
    if what == "wallets":
        return [_reading(each) for each in call.json["wallets"]]
    if wallet is not None and what == "entries":
        asked, entries = parameters(call.request), call.json["entries"]
        # A page from the middle does not show how far the history went.
        if asked.keys() <= {"limit", "before"}:
            top = entries[0]["version"] if entries else 0
            before = asked.get("before")
            if before is None or top < int(before) - 1:
                balance = Decimal(entries[0]["balance"]) if entries else None
                return [Reading(wallet, top, balance)]
    return []


def _reading(row: dict[str, Any]) -> Reading:
    return Reading(row["id"], row["version"], Decimal(row["balance"]), row)


def sightings(call: Call) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry that a call showed, with its wallet."""
    for outcome in outcomes(call):
        if outcome.entry is not None:
            yield outcome.move.wallet, outcome.entry
    wallet, what = target(call.request)
    if call.status == 200 and what == "entries" and wallet is not None:
        for entry in call.json["entries"]:
            yield wallet, entry
    if call.status == 200 and what == "operations":
        status, body = looked_up(call)
        told = msgspec.json.decode(body) if status == 201 else {}
        if "entry" in told:
            yield parameters(call.request)["wallet"], told["entry"]


def holds_shown(call: Call) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield each hold that a call showed, and whether it was as it was at that time.

    An answer that is kept shows it as it was when it was decided.
    """
    for outcome in outcomes(call):
        if outcome.hold is not None:
            yield outcome.hold, False
    if call.status == 200 and call.request.method == "GET":
        what = target(call.request)[1]
        if what == "hold":
            yield call.json["hold"], True
        if what == "holds":
            for hold in call.json["holds"]:
                yield hold, True
        if what == "operations":
            status, body = looked_up(call)
            told = msgspec.json.decode(body) if status == 201 else {}
            if "hold" in told:
                yield told["hold"], False
