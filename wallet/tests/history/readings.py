"""How a call is read: the moves that it asks for, and what its answer shows.

A new kind of move needs a line in ``KINDS`` and one in ``SIDES``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from .record import Call, Request

#: The last part of an address, and the kind of move that it asks for.
KINDS = {
    "deposits": "deposit",
    "withdrawals": "withdrawal",
    "transfers": "transfer",
}

#: How a move changes the balances of wallets.
SIDES: dict[str, Callable[[str, dict[str, Any], Decimal], dict[str, Decimal]]] = {
    "deposit": lambda wallet, _, amount: {wallet: amount},
    "withdrawal": lambda wallet, _, amount: {wallet: -amount},
    "transfer": lambda wallet, item, amount: {item["to"]: amount, wallet: -amount},
}

#: Refusals by the rules of the ledger: they are kept under the key of the request.
KEPT = {
    "insufficient-funds",
    "self-transfer",
    "unknown-recipient",
    "currency-mismatch",
    "balance-too-large",
}
#: All that may be answered to a call that writes; each is justified or it is a fault.
REFUSALS = KEPT | {"key-reused", "batch-refused", "version-mismatch", "unknown-wallet"}

_DONE = b'{"status":201,'
_REFUSED = b'{"status":422,"problem":'


@dataclass(frozen=True)
class Move:
    """One move of money that was asked for. Its note belongs to it alone."""

    wallet: str
    kind: str
    sides: tuple[tuple[str, Decimal], ...]
    note: str
    key: str | None
    principal: str
    to: str | None

    @property
    def scope(self) -> tuple[str, str, str] | None:
        return None if self.key is None else (self.wallet, self.principal, self.key)

    @property
    def change(self) -> Decimal:
        """What it does to the wallet that is addressed."""
        return dict(self.sides)[self.wallet]


@dataclass(frozen=True)
class Outcome:
    """What was answered to one move: the bytes that are kept for it."""

    move: Move
    status: int
    frozen: bytes

    @property
    def entry(self) -> dict[str, Any] | None:
        return None if self.status != 201 else msgspec.json.decode(self.frozen)["entry"]

    @property
    def problem(self) -> str | None:
        if self.status == 201:
            return None
        if self.status != 422:
            return "not done"
        kind = msgspec.json.decode(self.frozen)["type"]
        return str(kind).removeprefix("/problems/")


@dataclass(frozen=True)
class Reading:
    """What a call showed of a wallet as it was at one moment."""

    wallet: str
    version: int
    balance: Decimal | None = None


def target(request: Request) -> tuple[str | None, str]:
    """Return the wallet that is addressed, and the last part of the address."""
    parts = request.path.partition("?")[0].split("/")[2:]
    if parts[0] != "wallets" or len(parts) == 1:
        return None, parts[0]
    return parts[1], parts[2] if len(parts) > 2 else "wallet"


def moves(request: Request) -> list[Move]:
    """List the moves that a request asks for."""
    wallet, what = target(request)
    if request.method != "POST" or wallet is None or request.body is None:
        return []
    if what == "batches":
        items = request.body["operations"]
        return [
            _move(request, wallet, item["kind"], item, item.get("key"))
            for item in items
        ]
    if what in KINDS:
        return [_move(request, wallet, KINDS[what], request.body, request.key)]
    return []


def _move(
    request: Request, wallet: str, kind: str, item: dict[str, Any], key: str | None
) -> Move:
    sides = SIDES[kind](wallet, item, Decimal(item["amount"]))
    return Move(
        wallet=wallet,
        kind=kind,
        sides=tuple(sorted(sides.items())),
        note=item["note"],
        key=key,
        principal=request.principal,
        to=item.get("to"),
    )


def outcomes(call: Call) -> list[Outcome]:
    """List what was answered to each move of a call, if that is known."""
    asked = moves(call.request)
    if not asked or call.status is None or call.status >= 500:
        return []
    if target(call.request)[1] == "batches":
        if call.status != 200 and call.problem != "batch-refused":
            return []
        raws = _raw_outcomes(call.data)
        if len(raws) != len(asked):
            return []
        return [_unwrapped(*pair) for pair in zip(asked, raws, strict=True)]
    known = call.status == 201 or call.problem in KEPT | {"key-reused"}
    return [Outcome(asked[0], call.status, call.data)] if known else []


def _raw_outcomes(data: bytes) -> list[bytes]:
    class Answer(msgspec.Struct):
        outcomes: list[msgspec.Raw]

    return [bytes(raw) for raw in msgspec.json.decode(data, type=Answer).outcomes]


def _unwrapped(move: Move, raw: bytes) -> Outcome:
    if raw.startswith(_DONE):
        return Outcome(move, 201, b"{" + raw.removeprefix(_DONE))
    if raw.startswith(_REFUSED):
        return Outcome(move, 422, raw.removeprefix(_REFUSED)[:-1])
    return Outcome(move, int(msgspec.json.decode(raw)["status"]), raw)


def looked_up(call: Call) -> tuple[int, bytes]:
    """Return the status and the bytes that an operation was answered with."""

    class Answer(msgspec.Struct):
        status: int
        body: msgspec.Raw

    answer = msgspec.json.decode(call.data, type=Answer)
    return answer.status, bytes(answer.body)


def readings(call: Call) -> list[Reading]:
    """List the versions that a call showed as those of its moment."""
    if call.request.method != "GET" or call.status != 200:
        return []
    wallet, what = target(call.request)
    if what == "wallets":
        return [_reading(each) for each in call.json["wallets"]]
    if wallet is not None and what == "wallet":
        return [_reading(call.json)]
    if wallet is not None and what == "entries":
        entries = call.json["entries"]
        top = entries[0]["version"] if entries else 0
        # A page from the middle does not show how far the history went.
        before = parameters(call.request).get("before")
        if before is None or top < int(before) - 1:
            balance = Decimal(entries[0]["balance"]) if entries else None
            return [Reading(wallet, top, balance)]
    return []


def _reading(wallet: dict[str, Any]) -> Reading:
    return Reading(wallet["id"], wallet["version"], Decimal(wallet["balance"]))


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
        if status == 201:
            yield parameters(call.request)["wallet"], msgspec.json.decode(body)["entry"]


def parameters(request: Request) -> dict[str, str]:
    """Return the parameters of an address; none of them needs to be unquoted."""
    query = request.path.partition("?")[2]
    return dict(each.split("=", 1) for each in query.split("&") if each)
