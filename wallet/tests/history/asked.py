"""What a request asks for: its address, and the moves in it.

A new kind of move needs a line in ``KINDS``, or one in ``OF_HOLDS``.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .record import Request

#: The last part of an address, and the kind of move that it asks for.
KINDS = {
    "deposits": "deposit",
    "withdrawals": "withdrawal",
    "transfers": "transfer",
    "reversals": "reversal",
    "balance": "balance",
}
OF_HOLDS = {"holds": "hold", "captures": "capture", "releases": "release"}


@dataclass(frozen=True)
class Move:
    """One move of money, or of what is set aside. Its note belongs to it alone.

    :param note: that of its entry or hold; a release, which has none, goes by its key.
    :param amount: ``None`` if it is not in the request.
    :param version: that of the entry to undo, or the one that a balance goes by.
    """

    wallet: str
    kind: str
    note: str
    key: str | None
    principal: str
    amount: Decimal | None = None
    to: str | None = None
    version: int = 0
    hold: str | None = None
    keep_open: bool = False
    expires_in: int = 0

    @property
    def scope(self) -> tuple[str, str, str] | None:
        return None if self.key is None else (self.wallet, self.principal, self.key)

    @property
    def sets_free_at_least(self) -> Decimal:
        """By how much the available money changes at least, if it is carried out."""
        amount = self.amount or Decimal(0)
        if self.kind in ("withdrawal", "transfer", "hold"):
            return -amount
        return amount if self.kind == "deposit" else Decimal(0)


def target(request: Request) -> tuple[str | None, str]:
    """Return the wallet that is addressed, and what of it."""
    parts = request.path.partition("?")[0].split("/")[2:]
    if parts[0] != "wallets" or len(parts) == 1:
        return None, parts[0]
    what = ("wallet", parts[-1], "hold", parts[-1])[len(parts) - 2]
    return parts[1], what


def parameters(request: Request) -> dict[str, str]:
    """Return the parameters of an address; none of them needs to be unquoted."""
    query = request.path.partition("?")[2]
    return dict(each.split("=", 1) for each in query.split("&") if each)


def moves(request: Request) -> list[Move]:
    """List the moves that a request asks for."""
    wallet, what = target(request)
    if request.method not in ("POST", "PUT") or wallet is None or request.body is None:
        return []
    if what == "batches":
        items = request.body["operations"]
        return [
            _move(request, wallet, item["kind"], item, item.get("key"))
            for item in items
        ]
    kind = (KINDS | OF_HOLDS).get(what)
    if kind is None:
        return []
    number = request.path.split("/")[5:6]
    item = dict(request.body)
    if kind in ("capture", "release"):
        item["hold"] = number[0]
    elif kind == "reversal":
        item["version"] = int(number[0])
    elif kind == "balance":
        item["version"] = request.if_match
    return [_move(request, wallet, kind, item, request.key)]


def _move(
    request: Request, wallet: str, kind: str, item: dict[str, Any], key: str | None
) -> Move:
    return Move(
        wallet=wallet,
        kind=kind,
        note=item["note"] if "note" in item else f"{kind} {key}",
        key=key,
        principal=request.principal,
        amount=Decimal(item["amount"]) if "amount" in item else None,
        to=item.get("to"),
        version=item.get("version", 0),
        hold=item.get("hold"),
        keep_open=item.get("keep_open", False),
        expires_in=item.get("expires_in", 0),
    )
