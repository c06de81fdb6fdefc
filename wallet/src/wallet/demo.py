"""A year of made-up movements, for a first look: told afterwards, as imports are.

Amounts are drawn from a fixed seed, so that two demos are alike; they end today.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from .app import make_service
from .clock import now_us, shown_in
from .config import ConfigError, Settings
from .history.periods import instant
from .ledger.commands import CreateWallet, Kind, MoveMoney, Submission
from .ledger.ids import new_operation_id, new_wallet_id
from .ledger.money import Amount
from .ledger.outcomes import Abandoned, Refused
from .storage.queries import list_wallets
from .web.service import Service

_DAYS: Final = 365
_SEED: Final = 2026
_SHOPS: Final = ("Checkmate Foods", "Green Grocer", "Harbour Market")
_TABLES: Final = ("Old Biscuit Bar", "Noodle House", "Braai & Co.")


class Event(NamedTuple):
    """Something that happens at a time of a day, in cents; below zero it is paid."""

    at: time
    wallet: str
    cents: int
    note: str
    payee: str
    to: str | None = None


_NOT_FRESH: Final = (
    "A demo needs a fresh store, and this one has wallets: name another folder in"
    " WALLET_HOME."
)


def make_demo(settings: Settings) -> str:
    """Fill a fresh store, all or nothing, and tell what was made.

    :raises ConfigError: there are wallets in it.
    """
    url = settings.database_url
    path = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or path.exists():
        return _make(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file with the name of a store is whole: `make demo` looks for no more than that.
    with TemporaryDirectory(".part", f"{path.name}.", path.parent) as folder:
        part = Path(folder) / path.name
        told = _make(replace(settings, database_url=url.set(database=str(part))))
        try:
            os.link(part, path)
        except FileExistsError:
            raise ConfigError(_NOT_FRESH) from None
    return told


def _make(settings: Settings) -> str:
    service = make_service(settings)
    try:
        service.open()
        if list_wallets(service.store, 1, None):
            raise ConfigError(_NOT_FRESH)
        return _fill(service)
    finally:
        service.close()


def _fill(service: Service) -> str:
    zone, now = service.settings.time_zone, now_us()
    today = shown_in(zone, now).date()
    wallets = {
        name: new_wallet_id() for name in ("Current account", "Savings", "Holidays")
    }
    made = [
        CreateWallet(wallet_id, name, "EUR" if name == "Holidays" else "ZAR", 0)
        for name, wallet_id in wallets.items()
    ]
    moves = [
        MoveMoney(
            operation_id=new_operation_id(),
            wallet_id=wallets[event.wallet],
            kind=_kind(event),
            amount=Amount(abs(event.cents), 2),
            recipient=None if event.to is None else wallets[event.to],
            note=event.note,
            payee=event.payee or None,
            at_us=at_us,
        )
        for day, event in _Year(today).events()
        if (at_us := instant(datetime.combine(day, event.at), zone)) <= now
    ]
    # One transaction: it is all there, or nothing is.
    done = service.submit(Submission((*made, *moves), atomic=True))
    assert not isinstance(done, Refused | Abandoned)  # noqa: S101  it is all planned
    entries = len(moves) + sum(each.recipient is not None for each in moves)
    first = today - timedelta(days=_DAYS)
    return (
        f"Made {len(wallets)} wallets with {entries} entries from {first} to {today}.\n"
        "To look at them, run `wallet serve` with the same settings."
    )


def _kind(event: Event) -> Kind:
    if event.to is not None:
        return Kind.TRANSFER
    return Kind.DEPOSIT if event.cents > 0 else Kind.WITHDRAWAL


@dataclass
class _Year:
    """The days up to today, and what each wallet has left."""

    today: date
    chance: random.Random = field(default_factory=lambda: random.Random(_SEED))  # noqa: S311  no secret
    left: dict[str, int] = field(default_factory=dict)

    def events(self) -> Iterator[tuple[date, Event]]:
        """Tell what happens, in order; what there is no money for does not."""
        for ago in range(_DAYS, -1, -1):
            day = self.today - timedelta(days=ago)
            planned = self._opening() if ago == _DAYS else []
            planned += [*self._fixed(day), *self._by_chance(day)]
            for event in sorted(planned, key=attrgetter("at")):
                left = self.left.get(event.wallet, 0) + event.cents
                if left >= 0:
                    self.left[event.wallet] = left
                    if event.to is not None:
                        self.left[event.to] = self.left.get(event.to, 0) - event.cents
                    yield day, event

    def _opening(self) -> list[Event]:
        return [
            Event(time(6), "Current account", 14_250_75, "Opening balance", ""),
            Event(time(6), "Savings", 25_000_00, "Opening balance", ""),
        ]

    def _fixed(self, day: date) -> Iterator[Event]:
        """Tell what comes each month."""
        account = "Current account"
        monthly: dict[int, list[Event]] = {
            1: [Event(time(7), account, -11_500_00, "Rent", "Kloof Street Homes")],
            2: [Event(time(8, 30), account, -899_00, "Phone and fibre", "Zebra Net")],
            3: [Event(time(9), account, -2_340_00, "Medical aid", "Fynbos Health")],
            5: [Event(time(6, 15), account, -449_00, "Gym", "Peak Gym")],
            25: [Event(time(5), account, 34_800_00, "Salary", "Orchard Furniture")],
            26: [
                Event(time(10), account, -4_000_00, "Monthly saving", "", "Savings"),
                Event(time(11), "Holidays", 150_00, "Put aside", "Bureau de Change"),
            ],
            28: [Event(time(18), "Savings", self._cents(140, 210), "Interest", "")],
        }
        yield from monthly.get(day.day, [])
        if day.month == 12 and day.day == 15:
            yield Event(time(12), account, 12_000_00, "Bonus", "Orchard Furniture")
            yield Event(time(15), "Savings", -6_500_00, "Gifts", "", account)

    def _by_chance(self, day: date) -> Iterator[Event]:
        """Tell what people spend from day to day."""
        weekend = day.weekday() >= 5
        pick: Callable[[tuple[str, ...]], str] = self.chance.choice
        spent = (
            (0.45 if weekend else 0.25, "Groceries", pick(_SHOPS), (280, 1_450)),
            (0.30, "Coffee", "Corner Coffee", (32, 78)),
            (0.10, "Fuel", "Long Road Garage", (520, 980)),
            (0.35 if weekend else 0.04, "Dinner", pick(_TABLES), (240, 860)),
            (0.07, "Electricity", "City Power", (300, 600)),
        )
        for likely, note, payee, bounds in spent:
            happens, cents = self.chance.random() < likely, self._cents(*bounds)
            at = time(self.chance.randrange(8, 20), self.chance.randrange(60))
            if happens:
                yield Event(at, "Current account", -cents, note, payee)
        if day.month == 7 and 6 <= day.day <= 14:
            yield Event(time(13), "Holidays", -self._cents(40, 95), "On the way", "")

    def _cents(self, low: int, high: int) -> int:
        return self.chance.randrange(low * 100, high * 100)
