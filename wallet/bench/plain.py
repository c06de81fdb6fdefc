"""What a user would pick instead: a wallet in plain Flask and SQLAlchemy.

As a good developer writes it in an afternoon: one transaction a request, the wallet's
row locked in it, and a unique key that makes a request safe to repeat. It keeps a
balance and its entries, and does nothing else that the wallet does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import click
from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    UniqueConstraint,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from wallet.config import read_settings
from wallet.server import make_server

from .postgres import driver_url

Whole = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The tables."""


class Wallet(Base):
    """A balance in cents, and how many entries it comes from."""

    __tablename__ = "wallets"
    id: Mapped[str] = mapped_column(primary_key=True)
    balance_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    version: Mapped[int] = mapped_column(default=0)


class Entry(Base):
    """A line of a history."""

    __tablename__ = "entries"
    __table_args__ = (UniqueConstraint("wallet_id", "key"),)
    id: Mapped[int] = mapped_column(Whole, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(ForeignKey("wallets.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    balance_minor: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


def make_engine(url: str) -> Engine:
    """Open the database as durably as the wallet does."""
    if not url.startswith("sqlite"):
        return create_engine(driver_url(url), pool_size=16)
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # SQLite locks no rows: who changes something has the file to itself.
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """Open the database, and close it in the end."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def fill(url: str, wallets: int) -> list[str]:
    """Make the tables, and wallets without entries."""
    ids = [f"wallet-{number}" for number in range(wallets)]
    with opened(url) as engine:
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add_all(Wallet(id=each) for each in ids)
    return ids


def check(url: str) -> str:
    """Compare each balance with its entries.

    :raises ValueError: they differ.
    """
    sums = select(Entry.wallet_id, func.sum(Entry.amount_minor), func.count())
    with opened(url) as engine, Session(engine) as session:
        rows = session.execute(sums.group_by(Entry.wallet_id))
        found = {name: (minor, count) for name, minor, count in rows}
        wallets = session.scalars(select(Wallet)).all()
    for wallet in wallets:
        if found.get(wallet.id, (0, 0)) != (wallet.balance_minor, wallet.version):
            raise ValueError(f"{wallet.id} is not the sum of its entries.")
    return f"{len(wallets):,} wallets are the sums of their entries."


def make_app(engine: Engine | None = None) -> Flask:
    """Make the application."""
    app = Flask("plain")
    engine = engine or make_engine(os.environ["WALLET_DATABASE_URL"])
    reading = engine.execution_options(reads=True)

    @app.post("/v1/wallets/<wallet_id>/deposits")
    def deposit(wallet_id: str) -> ResponseReturnValue:
        amount = _cents(request.get_json().get("amount"))
        if amount is None:
            return {"error": "amount must be above zero, with two decimals"}, 400
        key = request.headers.get("Idempotency-Key")
        with Session(engine) as session, session.begin():
            wallet = session.get(Wallet, wallet_id, with_for_update=True)
            if wallet is None:
                return {"error": "unknown wallet"}, 404
            entry = _find(session, wallet_id, key)
            if entry is None:
                wallet.balance_minor += amount
                wallet.version += 1
                entry = Entry(
                    wallet_id=wallet_id,
                    amount_minor=amount,
                    balance_minor=wallet.balance_minor,
                    key=key,
                )
                session.add(entry)
                session.flush()
            elif entry.amount_minor != amount:
                return {"error": "the key was used for another amount"}, 409
            answer = {"entry": entry.id, "balance": _text(entry.balance_minor)}
        return answer, 201

    @app.get("/v1/wallets/<wallet_id>")
    def read(wallet_id: str) -> ResponseReturnValue:
        with Session(reading) as session:
            wallet = session.get(Wallet, wallet_id)
        if wallet is None:
            return {"error": "unknown wallet"}, 404
        return {"id": wallet.id, "balance": _text(wallet.balance_minor)}

    app.add_url_rule("/status", view_func=lambda: "ok")
    return app


def _find(session: Session, wallet_id: str, key: str | None) -> Entry | None:
    if key is None:
        return None
    asked = select(Entry).where(Entry.wallet_id == wallet_id, Entry.key == key)
    return session.scalar(asked)


def _cents(text: object) -> int | None:
    try:
        cents = Decimal(str(text)) * 100
    except InvalidOperation:
        return None
    fits = cents.is_finite() and 0 < cents < 2**63 and cents == int(cents)
    return int(cents) if fits else None


def _text(minor: int) -> str:
    return str(Decimal(minor).scaleb(-2))


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--workers", type=int, required=True)
def main(port: int, workers: int) -> None:
    """Serve it as `wallet serve` would."""
    settings = read_settings({"HOME": os.environ["WALLET_HOME"]})
    server = make_server("plain", settings, "127.0.0.1", port, workers)
    server.serve(target_loader=make_app, wrap_loader=False)


if __name__ == "__main__":
    main()
