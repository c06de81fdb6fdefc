"""An honest wallet in a few lines, whose clients take one another's turns.

It makes histories for the tests of the judge, which then break a promise in one place.
"""

import json
from decimal import Decimal
from typing import Any

from .record import LAST_LOOK, Call, Request


class Teller:
    """Keeps wallets, and the calls that its clients saw."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Call] = []
        self.wallets: dict[str, dict[str, Any]] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.kept: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._count = 0

    # ---- what clients do

    def create(self, name: str, floor: str = "0.00") -> str:
        wallet = {"id": f"w_{name}", "name": name, "currency": "ZAR"}
        wallet |= {"balance": "0.00", "floor": floor, "version": 0, "created_at": "0"}
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

    def send(self, request: Request) -> Call:
        """Carry out a request for a move, or answer it again."""
        wallet, kind = request.path.split("/")[3], request.path.split("/")[4][:-1]
        scope = (wallet, request.key or "")
        if request.key is not None and scope in self.kept:
            status, data = self.kept[scope]
            return self.saw(request, status, data, replayed=True)
        assert request.body is not None
        status, answer = self.carry_out(wallet, kind, request.body)
        data = json.dumps(answer).encode()
        if request.key is not None:
            self.kept[scope] = status, data
        return self.saw(request, status, data)

    def read(self, wallet: str) -> Call:
        row = self.wallets[wallet]
        request = Request("read", "GET", f"/v1/wallets/{wallet}")
        return self.saw(request, 200, dict(row), etag=f'"{row["version"]}"')

    def list_all(self) -> Call:
        rows = [dict(row) for row in self.wallets.values()]
        request = Request("list", "GET", "/v1/wallets")
        return self.saw(request, 200, {"wallets": rows, "next": None})

    def batch(self, wallet: str, *items: dict[str, Any], atomic: bool = False) -> Call:
        body = {"operations": [{"note": self.new("n")} | each for each in items]}
        body |= {"atomic": atomic}
        answers = []
        for item in body["operations"]:
            status, answer = self.carry_out(wallet, item["kind"], item)
            wrapped = answer if status == 201 else {"problem": answer}
            answers.append({"status": status, **wrapped})
        text = json.dumps({"outcomes": answers}, separators=(",", ":"))
        path = f"/v1/wallets/{wallet}/batches"
        return self.saw(Request("batch", "POST", path, body), 200, text.encode())

    def look_last(self) -> list[Call]:
        """Read everything anew, and return all that was seen."""
        seen = [call for call in self.calls if call.request.action != LAST_LOOK]
        self.calls[:] = seen
        self.saw(
            Request(LAST_LOOK, "GET", "/v1/wallets"),
            200,
            {"wallets": list(self.wallets.values()), "next": None},
        )
        for wallet, entries in self.entries.items():
            request = Request(LAST_LOOK, "GET", f"/v1/wallets/{wallet}/entries")
            self.saw(request, 200, {"entries": entries[::-1], "next": None})
        return self.calls

    # ---- what the wallet does

    def carry_out(
        self, wallet: str, kind: str, item: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        amount, row = Decimal(item["amount"]), self.wallets[wallet]
        change = amount if kind == "deposit" else -amount
        if Decimal(row["balance"]) + change < Decimal(row["floor"]):
            problem = {
                "type": "/problems/insufficient-funds",
                "title": "",
                "status": 422,
            }
            return 422, problem
        operation = self.new("o")
        to = item.get("to")
        entry = self.append(wallet, kind, change, operation, item["note"], to)
        if to is not None:
            self.append(to, kind, amount, operation, item["note"], wallet)
        return 201, {"operation": operation, "entry": entry}

    def append(
        self,
        wallet: str,
        kind: str,
        change: Decimal,
        operation: str,
        note: str,
        counterparty: str | None = None,
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
            "at": f"{row['version']:09}",
            "operation": operation,
            "counterparty": counterparty,
        }
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
        return f"{prefix}{self._count}"
