"""What tests do with wallets, over HTTP and below it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from flask.testing import FlaskClient
from sqlalchemy import make_url

from wallet.ledger.commands import CreateWallet, Kind, MoveMoney, Submission
from wallet.ledger.ids import new_operation_id, new_wallet_id
from wallet.ledger.money import read_amount
from wallet.storage.rows import Driver
from wallet.storage.store import Store
from wallet.writer import Writer


@dataclass
class Wallets:
    """The calls of the interface, with the credentials of one caller."""

    client: FlaskClient
    token: str | None = None

    def get(self, path: str, **headers: str):
        return self.client.get(path, headers=self._headers(headers))

    def post(self, path: str, body: Any = None, **headers: str):
        given = {} if body is None else body
        return self.client.post(path, json=given, headers=self._headers(headers))

    def put(self, path: str, body: Any, **headers: str):
        return self.client.put(path, json=body, headers=self._headers(headers))

    def create(self, **members: Any) -> str:
        answer = self.post("/v1/wallets", members)
        assert answer.status_code == 201, answer.text
        return answer.json["id"]

    def deposit(self, wallet: str, amount: Any, **more: Any):
        return self._move(wallet, "deposits", {"amount": amount}, more)

    def withdraw(self, wallet: str, amount: Any, **more: Any):
        return self._move(wallet, "withdrawals", {"amount": amount}, more)

    def transfer(self, wallet: str, to: Any, amount: Any, **more: Any):
        return self._move(wallet, "transfers", {"to": to, "amount": amount}, more)

    def batch(self, wallet: str, *items: dict[str, Any], **more: Any):
        return self._move(wallet, "batches", {"operations": items}, more)

    def bring_in(self, wallet: str, file: bytes, query: str = "", **headers: str):
        return self.client.post(
            f"/v1/wallets/{wallet}/imports{query}",
            data=file,
            content_type="text/csv",
            headers=self._headers(headers),
        )

    def balance(self, wallet: str) -> tuple[str, int]:
        answer = self.get(f"/v1/wallets/{wallet}")
        assert answer.status_code == 200, answer.text
        return answer.json["balance"], answer.json["version"]

    def _move(self, wallet: str, kind: str, body: dict[str, Any], more: dict[str, Any]):
        names = {"key": "Idempotency-Key", "if_match": "If-Match"}
        headers = {
            title: more.pop(name) for name, title in names.items() if name in more
        }
        return self.post(f"/v1/wallets/{wallet}/{kind}", body | more, **headers)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        return headers


def create_wallet(writer: Writer, **members: Any) -> str:
    """Create a wallet through the writer."""
    given = {"name": "", "currency": "ZAR", "floor_minor": 0} | members
    command = CreateWallet(new_wallet_id(), **given)
    (result,) = writer.submit(Submission((command,)))
    return result.outcome.wallet.id


def a_submission(wallet: str, kind: Kind, amount: str, **members: Any) -> Submission:
    """Ask for one move of money."""
    command = MoveMoney(
        new_operation_id(), wallet, kind, read_amount(amount), **members
    )
    return Submission((command,), wallet)


def in_thread(
    work: Callable[..., Any], *arguments: Any
) -> tuple[threading.Thread, list[Any]]:
    """Run work beside the test; its result or error is in the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work(*arguments))
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def until(
    condition: Callable[[], bool], within_s: float = 60.0, each_s: float = 0.002
) -> None:
    """Wait for what another thread or process does, and look from time to time.

    :param within_s: a promise where there is one; else what no machine needs.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "that took too long"
        time.sleep(each_s)


@contextmanager
def locking(database_url: str, *wallets: str) -> Iterator[psycopg.Connection[Any]]:
    """Lock wallets in a session of somebody else."""
    url = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as session:
        by_id = "SELECT 1 FROM wallets WHERE id = ANY(%s) FOR UPDATE"
        session.execute(by_id, (list(wallets),))
        yield session


@contextmanager
def heard(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Note each statement that a driver alone is handed, and its values.

    Begin and commit are not among them.
    """
    sent: list[tuple[str, Any]] = []
    reader, look_up, batch = store.reader, store.reader.rows, store.batch

    def rows(sql, /, **given):
        sent.append((store.dialect.text(sql), given))
        return look_up(sql, **given)

    @contextmanager
    def listening():
        with batch() as driver:
            yield _Listening(driver, sent)

    reader.rows = rows  # type: ignore[method-assign]
    store.batch = listening  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        reader.rows = look_up  # type: ignore[method-assign]
        store.batch = batch  # type: ignore[method-assign]


@dataclass
class _Listening:
    driver: Driver
    sent: list[tuple[str, Any]]

    def execute(self, text: str, values: Any) -> Any:
        self.sent.append((text, values))
        return self.driver.execute(text, values)

    def pipeline(self) -> Any:
        return self.driver.pipeline()  # type: ignore[attr-defined]
