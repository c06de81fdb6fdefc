"""An honest wallet, whose clients take one another's turns.

It makes histories for the tests of the judge, which then break a promise in one place.
"""

import json
from decimal import Decimal
from typing import Any

from .asked import moves
from .honest import HonestWallet
from .record import LAST_LOOK, Call, Request


class Teller(HonestWallet):
    """Answers clients, and keeps the calls that they saw."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.kept: dict[tuple[str, str], tuple[int, bytes]] = {}

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

    def saw(
        self, request: Request, status: int | None, answer: Any, **more: Any
    ) -> Call:
        """Note a call of one second, a second after the one before it."""
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.now += 2
        call = Call(request, self.now, self.now + 1, status, data, **more)
        self.calls.append(call)
        return call
