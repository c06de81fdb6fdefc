"""A store with every kind of thing in it, and how to tell that another is the same."""

from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import Connection, make_url, select, update

from wallet.audit.compare import OF_WALLETS, OTHERS
from wallet.prices.rates import keep_rate
from wallet.storage.connections import Limits
from wallet.storage.figures import note_backup
from wallet.storage.sessions import end_session
from wallet.storage.side_tables import rate_asks
from wallet.storage.store import Store
from wallet.storage.tables import wallets
from wallet.web.service import service_of

from .actions import Wallets

HOUR_US = 3_600_000_000


class Everything:
    """Does all that a store can keep, and remembers what was answered under a key."""

    def __init__(self, app: Flask, token: str) -> None:
        self.calls = Wallets(app.test_client(), token)
        self.answered: list[tuple[str, str, Any, dict[str, str], int, bytes]] = []
        service = service_of(app)
        writer, real = service.writer, service.writer._now_us
        writer._now_us = lambda: real() - HOUR_US
        self._fill()
        writer._now_us = real
        # One hold has expired in its row, and the other only by the time.
        self.send(self.ada, "deposits", 201, amount="1.00")
        with service.store.transaction() as connection:
            for price in ("1700000.50", "1700001"):
                keep_rate(connection, Decimal(price), real())
            connection.execute(update(rate_asks).values(next_at_us=real()))
        end_session(service.store, "f" * 32, real() + HOUR_US, real())
        note_backup(service.store, real())

    def send(self, wallet: str, what: str, status: int, **body: Any) -> Any:
        """Ask for a change under a key of its own, and remember the answer."""
        path, key = f"/v1/wallets/{wallet}/{what}", f"key-{len(self.answered)}"
        return self._ask(path, body, key, status)

    def _ask(
        self,
        path: str,
        body: Any,
        key: str | None,
        status: int,
        method: str = "post",
        **headers: str,
    ) -> Any:
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = getattr(self.calls, method)(path, body, **headers)
        assert answer.status_code == status, answer.text
        self.answered.append((method, path, body, headers, status, answer.data))
        return answer.json if answer.data else None

    def create(self, **members: Any) -> Any:
        """Create a wallet under a key."""
        key = f"key-{len(self.answered)}"
        return self._ask("/v1/wallets", members, key, 201)

    def _change(self, wallet: str, **members: Any) -> None:
        answer = self.calls.client.patch(
            f"/v1/wallets/{wallet}",
            json=members,
            headers={"Authorization": f"Bearer {self.calls.token}"},
        )
        assert answer.status_code == 200, answer.text

    def _fill(self) -> None:
        first = self.create(name="Ada \u2602", floor="-50.00")
        self.ada, self.ada_key = first["id"], first["key"]
        self.bob = self.create(name="Bob")["id"]
        self.cleo = self.create(name="Cleo", currency="JPY")["id"]
        self.calls.create(name="without a key")
        send, ada, bob = self.send, self.ada, self.bob
        send(ada, "deposits", 201, amount="1000.00", note="salary \u2602", payee="Ada")
        send(ada, "withdrawals", 201, amount="0.50")
        send(ada, "withdrawals", 422, amount="99999.00")
        send(ada, "transfers", 201, to=bob, amount="20.00", note="a gift")
        send(bob, "transfers", 422, to="nobody", amount="1.00")
        send(bob, "entries/1/reversals", 201)
        send(bob, "entries/1/reversals", 422)
        send(ada, "transfers", 201, to=bob, amount="7.00")
        item = {"kind": "deposit", "amount": "1.00"}
        items = [item | {"key": f"item-{n}"} for n in range(70)]
        self._ask(f"/v1/wallets/{ada}/batches", {"operations": items}, None, 200)
        self._set_aside()
        self._change(bob, name="Robert", floor="-1.00")
        assert self.calls.post(f"/v1/wallets/{bob}/keys").status_code == 201
        path, body = f"/v1/wallets/{self.cleo}/balance", {"amount": "0"}
        self._ask(path, body, "nothing-to-do", 204, "put", **{"If-Match": '"0"'})
        self._change(self.cleo, archived=True)
        send(self.cleo, "deposits", 422, amount="5")

    def _set_aside(self) -> None:
        for wallet, amount in ((self.ada, "9.00"), (self.bob, "2.00")):
            self.send(wallet, "holds", 201, amount=amount, expires_in=60)
        holds = [
            self.send(self.ada, "holds", 201, amount="10.00", note="hotel")["hold"][
                "id"
            ]
            for _ in range(4)
        ]
        paths = [f"holds/{hold}" for hold in holds]
        self.send(self.ada, f"{paths[0]}/captures", 201, amount="4.00")
        self.send(self.ada, f"{paths[1]}/captures", 201, amount="4.00", keep_open=True)
        self.send(self.ada, f"{paths[2]}/releases", 201)
        self.send(self.ada, f"{paths[2]}/releases", 422)


def rows_of(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of every table."""
    return {
        table.name: sorted(
            (tuple(row) for row in connection.execute(select(table))), key=repr
        )
        for table in (wallets, *OF_WALLETS, *OTHERS)
    }


def all_rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of a store."""
    store = Store(make_url(url), Limits())
    try:
        with store.snapshot() as connection:
            return rows_of(connection)
    finally:
        store.close()
