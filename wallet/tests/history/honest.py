"""An honest wallet in a few lines."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .asked import Move


class HonestWallet:
    """Keeps wallets, entries and holds as it should."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wallets: dict[str, dict[str, Any]] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.holds: dict[str, dict[str, Any]] = {}
        self._count = 0

    def carry_out(self, move: Move) -> tuple[int, dict[str, Any]]:
        self.expire()
        if move.kind == "release":
            row = self.holds[move.hold or ""]
            row |= {"state": "released", "remaining": "0.00"}
            return 201, {"hold": dict(row)}
        change = self.change_of(move)
        row = self.wallets[move.wallet]
        free = Decimal(row["balance"]) - self.held(move.wallet)
        if free + change < Decimal(row["floor"]) and move.kind != "capture":
            kind = "/problems/insufficient-funds"
            return 422, {"type": kind, "title": "", "status": 422}
        if move.kind == "hold":
            return 201, {"hold": dict(self.place(move))}
        kind, operation, to = move.kind, self.new("o"), move.to
        more: dict[str, Any] = {}
        if kind == "reversal":
            undone = self.entries[move.wallet][move.version - 1]
            more, to = {"reverses": undone["operation"]}, undone["counterparty"]
            for entry in self.entries[move.wallet] + self.entries.get(to or "", []):
                if entry["operation"] == undone["operation"]:
                    entry["reversed_by"] = operation
        if kind == "balance":
            kind = "deposit" if change > 0 else "withdrawal"
        if kind == "capture":
            kind = "transfer" if to else "withdrawal"
            more = {"hold": move.hold}
            self.pay(move, -change)
        made = move.wallet, kind, change, operation, move.note, to
        entry = self.append(*made, **more)
        if to is not None:
            more.pop("hold", None)
            made = to, kind, -change, operation, move.note, move.wallet
            self.append(*made, **more)
        return 201, {"operation": operation, "entry": dict(entry)}

    def change_of(self, move: Move) -> Decimal:
        """Return how a move changes the balance, or what is free of it."""
        if move.kind == "reversal":
            undone = self.entries[move.wallet][move.version - 1]
            return -Decimal(undone["amount"])
        if move.kind == "capture" and move.amount is None:
            return -Decimal(self.holds[move.hold or ""]["remaining"])
        amount = move.amount or Decimal(0)
        if move.kind == "balance":
            return amount - Decimal(self.wallets[move.wallet]["balance"])
        return amount if move.kind == "deposit" else -amount

    def place(self, move: Move) -> dict[str, Any]:
        made = self.now + 2.5
        row = {"id": self.new("h"), "wallet": move.wallet, "amount": str(move.amount)}
        row |= {"captured": "0.00", "remaining": str(move.amount), "state": "open"}
        row |= {"note": move.note, "created_at": at(made)}
        row |= {"expires_at": at(made + move.expires_in)}
        self.holds[row["id"]] = row
        return row

    def pay(self, move: Move, amount: Decimal) -> None:
        """Let a hold have paid out an amount."""
        row = self.holds[move.hold or ""]
        left = Decimal(row["remaining"]) - amount
        row["captured"] = str(Decimal(row["captured"]) + amount)
        row["remaining"] = str(left if move.keep_open else Decimal("0.00"))
        row["state"] = "open" if move.keep_open and left > 0 else "captured"

    def held(self, wallet: str) -> Decimal:
        self.expire()
        rows = [row for row in self.holds.values() if row["wallet"] == wallet]
        return sum((Decimal(row["remaining"]) for row in rows), Decimal("0.00"))

    def expire(self) -> None:
        """Let go of what has expired by the time of the next call."""
        for row in self.holds.values():
            if row["state"] == "open" and row["expires_at"] <= at(self.now + 2.5):
                row |= {"state": "expired", "remaining": "0.00"}

    def append(
        self,
        wallet: str,
        kind: str,
        change: Decimal,
        operation: str,
        note: str,
        counterparty: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        row = self.wallets[wallet]
        row["version"] += 1
        row["balance"] = str(Decimal(row["balance"]) + change)
        entry = {
            "version": row["version"],
            "kind": kind,
            "amount": str(change),
            "balance": row["balance"],
            "note": note,
            "at": at(self.now + 2.5),
            "operation": operation,
            "counterparty": counterparty,
            "reverses": None,
            "reversed_by": None,
            "hold": None,
        } | more
        self.entries[wallet].append(entry)
        return entry

    def new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:04}"


def at(now: float) -> str:
    """Write a moment as the service does."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
