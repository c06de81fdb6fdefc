"""An honest wallet in a few lines, whose clients take one another's turns.

It makes histories for the tests of the judge, which then break a promise in one place.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .asked import Move, moves
from .record import LAST_LOOK, Call, Request


class Teller:
    """Keeps wallets, and the calls that its clients saw."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Call] = []
        self.wallets: dict[str, dict[str, Any]] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.holds: dict[str, dict[str, Any]] = {}
        self.kept: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._count = 0

    # ---- what clients do

    def create(self, name: str, floor: str = "0.00") -> str:
        wallet = {"id": f"w_{name}", "name": name, "currency": "ZAR"}
        wallet |= {"balance": "0.00", "floor": floor, "version": 0, "created_at": "0"}
        wallet |= {"archived": False, "held": "0.00", "available": "0.00"}
        self.wallets[wallet["id"]] = wallet
        self.entries[wallet["id"]] = []
        request = Request("create", "POST", "/v1/wallets", {"name": name})
        self.saw(request, 201, wallet)
        return str(wallet["id"])

    def move(self, wallet: str, kind: str, amount: str, **more: Any) -> Call:
        """Ask for one move, and carry it out."""
        key, action = more.pop("key", None), more.pop("action", kind)
        if_match = more.pop("if_match", None)
        body = {"amount": amount, "note": self.new("n")} | more
        path = f"/v1/wallets/{wallet}/{kind}s"
        request = Request(action, "POST", path, body, key, if_match)
        return self.send(request)

    def hold(self, wallet: str, amount: str, expires_in: int = 1_000) -> Call:
        return self.move(wallet, "hold", amount, expires_in=expires_in)

    def capture(self, wallet: str, hold: str, **more: Any) -> Call:
        path = f"/v1/wallets/{wallet}/holds/{hold}/captures"
        body = {"note": self.new("n")} | more
        return self.send(Request("capture", "POST", path, body))

    def release(self, wallet: str, hold: str) -> Call:
        path = f"/v1/wallets/{wallet}/holds/{hold}/releases"
        return self.send(Request("release", "POST", path, {}, self.new("k")))

    def reverse(self, wallet: str, version: int) -> Call:
        path = f"/v1/wallets/{wallet}/entries/{version}/reversals"
        return self.send(Request("reversal", "POST", path, {"note": self.new("n")}))

    def set_balance(self, wallet: str, amount: str) -> Call:
        body, version = {"amount": amount, "note": self.new("n")}, self.wallets[wallet]
        path = f"/v1/wallets/{wallet}/balance"
        request = Request("set", "PUT", path, body, None, version["version"])
        return self.send(request)

    def change(self, wallet: str, **members: Any) -> Call:
        self.wallets[wallet] |= members
        request = Request("change", "PATCH", f"/v1/wallets/{wallet}", members)
        return self.saw(request, 200, self.row(wallet))

    def send(self, request: Request) -> Call:
        """Carry out a request for a move, or answer it again."""
        (move,) = moves(request)
        scope = (move.wallet, request.key or "")
        if request.key is not None and scope in self.kept:
            status, data = self.kept[scope]
            return self.saw(request, status, data, replayed=True)
        status, answer = self.carry_out(move)
        data = json.dumps(answer).encode()
        if request.key is not None:
            self.kept[scope] = status, data
        return self.saw(request, status, data)

    def read_hold(self, wallet: str, hold: str) -> Call:
        request = Request("read hold", "GET", f"/v1/wallets/{wallet}/holds/{hold}")
        return self.saw(request, 200, {"hold": dict(self.holds[hold])})

    def read(self, wallet: str) -> Call:
        row = self.row(wallet)
        request = Request("read", "GET", f"/v1/wallets/{wallet}")
        return self.saw(request, 200, row, etag=f'"{row["version"]}"')

    def row(self, wallet: str) -> dict[str, Any]:
        """Return a wallet as it is shown now."""
        row, held = self.wallets[wallet], self.held(wallet)
        free = Decimal(row["balance"]) - held
        return row | {"held": str(held), "available": str(free)}

    def list_all(self) -> Call:
        rows = [self.row(wallet) for wallet in self.wallets]
        request = Request("list", "GET", "/v1/wallets")
        return self.saw(request, 200, {"wallets": rows, "next": None})

    def batch(self, wallet: str, *items: dict[str, Any], atomic: bool = False) -> Call:
        body = {"operations": [{"note": self.new("n")} | each for each in items]}
        body |= {"atomic": atomic}
        answers = []
        path = f"/v1/wallets/{wallet}/batches"
        for move in moves(Request("batch", "POST", path, body)):
            status, answer = self.carry_out(move)
            wrapped = answer if status == 201 else {"problem": answer}
            answers.append({"status": status, **wrapped})
        text = json.dumps({"outcomes": answers}, separators=(",", ":"))
        return self.saw(Request("batch", "POST", path, body), 200, text.encode())

    def look_last(self) -> list[Call]:
        """Read everything anew, and return all that was seen."""
        seen = [call for call in self.calls if call.request.action != LAST_LOOK]
        self.calls[:] = seen
        self.saw(
            Request(LAST_LOOK, "GET", "/v1/wallets?archived=true"),
            200,
            {"wallets": [self.row(each) for each in self.wallets], "next": None},
        )
        for wallet, entries in self.entries.items():
            request = Request(LAST_LOOK, "GET", f"/v1/wallets/{wallet}/entries")
            self.saw(request, 200, {"entries": entries[::-1], "next": None})
            self.expire()
            held = [row for row in self.holds.values() if row["wallet"] == wallet]
            request = Request(LAST_LOOK, "GET", f"/v1/wallets/{wallet}/holds")
            self.saw(request, 200, {"holds": held, "next": None})
        return self.calls

    # ---- what the wallet does

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

    def saw(
        self, request: Request, status: int | None, answer: Any, **more: Any
    ) -> Call:
        """Note a call of one second, a second after the one before it."""
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.now += 2
        call = Call(request, self.now, self.now + 1, status, data, **more)
        self.calls.append(call)
        return call

    def new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:04}"


def at(now: float) -> str:
    """Write a moment as the service does."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
