"""A wallet's history, or what is looked for in it, for spreadsheets (RFC 4180)."""

import csv
import re
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, request

from ..clock import shown_in
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import Entry, WalletState
from ..storage.errors import StoreFailure
from ..storage.finding import Found, WantedEntries, counterparties, find_entries
from ..storage.names import Names
from ..storage.queries import find_entry
from ..storage.store import Store
from ..web.service import current_service
from ..web.turns import Turns
from . import access
from .filters import read_filter, take_fields
from .wording import clocks

statement = Blueprint("statement", __name__)

#: Entries that are read at once.
_PART: Final = 100
#: Of all statements one is worked at, so that little is taken from what is urgent.
_ONE_AT_A_TIME: Final = threading.Lock()
#: So many lines are written before others get their turn.
_ROW_OF_LINES: Final = 8
#: How long a part is tried to be read, once others were sent, and how often.
_PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.2
_NOT_IN_NAMES: Final = re.compile(r"[\W_]+")
#: What is not seen, and may be gone before a spreadsheet looks for a sign.
_UNSEEN: Final = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
#: Where a spreadsheet would begin a formula: at the start of the text, or after what it
#: may take for the end of a cell. It skips blanks and quotes, and knows wide signs.
_RUNS: Final = re.compile(
    rf"""(^|[;,|\t])(?=([^\S\t\r\n]|["'{_UNSEEN}])*[=+@\t\r\n\uff0b\uff0d\uff1d\uff20-])"""
)


@statement.get("/wallets/<wallet_id>/statement.csv")
def download(wallet_id: str) -> Response:
    """Send the entries that fit, newest first, a part at a time.

    They are read twice: once to measure the file, while a failure can still be told. A
    file that does not get the length that was announced is known to be broken by its
    reader.

    :raises Problem: too many are being sent, or the filter cannot be read.
    """
    caller = access.current_caller()
    service = current_service()
    wallet = service.open_wallet(caller, wallet_id)
    typed = take_fields(request.args.to_dict(flat=False))
    wanted = read_filter(typed, wallet).wanted
    wanted = replace(wanted, before=min(wanted.before, wallet.version + 1))
    # A place may be waited for.
    service.turns.give_back()
    place = service.slow.statements[caller.principal].place()
    zone = service.settings.time_zone
    # The request is over when most of it is made, so it has everything.
    name = _file_name(wallet, _begun_us(service.store, wallet), typed, zone)
    file = _File(
        *(service.store, service.turns, wallet, wanted, service.names_for(caller)),
        *(zone, f"Date ({clocks()})", bool(typed)),
    )
    length = sum(map(len, file.parts(patience_s=0)))
    response = Response(mimetype="text/csv")
    place.send(response, file.parts(patience_s=_PATIENCE_S))
    response.content_length = length
    response.headers.set("Content-Disposition", "attachment", **_as_header(name))
    return response


def _as_header(name: str) -> dict[str, str]:
    """Write a name for a header, which takes ASCII alone: so it is written twice."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    if plain == name:
        return {"filename": name}
    return {"filename": plain, "filename*": f"UTF-8''{quote(name)}"}


def _begun_us(store: Store, wallet: WalletState) -> int:
    """Tell when a wallet or its history began: what is imported may be the older."""
    first = find_entry(store, wallet.id, 1) if wallet.version else None
    made_us = wallet.created_at_us
    return made_us if first is None else min(made_us, first.at_us)


def _file_name(
    wallet: WalletState, begun_us: int, typed: Mapping[str, str], zone: tzinfo
) -> str:
    """Name a file by its wallet and its months, or the days that were asked for."""
    name = _NOT_IN_NAMES.sub("-", wallet.name).strip("-")[:60]
    times = begun_us, max(wallet.created_at_us, wallet.last_entry_at_us)
    first, last = (f"{shown_in(zone, at_us):%Y-%m}" for at_us in times)
    if "to" in typed:
        day = date.fromisoformat(typed["to"])
        ends_month = (day + timedelta(1)).day == 1
        last = f"{day:%Y-%m}" if ends_month else typed["to"]
        first = min(first, last[:7])
    if "from" in typed:
        first = typed["from"].removesuffix("-01")
        if last < first[:7]:
            last = first
    period = first if first == last else f"{first}-to-{last}"
    return f"{name or f'wallet-{wallet.id[-6:]}'}-{period}.csv"


def harmless(text: str) -> str:
    """Keep text from running in a spreadsheet."""
    return _RUNS.sub(r"\1'", text)


class _Line:
    """What the writer of lines writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def _line(*cells: str) -> str:
    line: str = csv.writer(_Line()).writerow(cells)
    return line


@contextmanager
def _alone(turns: Turns) -> Iterator[None]:
    """Read for a statement while no other is worked at, with a turn for no longer.

    Neither is waited for with the other in hand, which would hold up those that have or
    want it. Once the file is being sent, no turn is needed.
    """
    turns.take()
    while not _ONE_AT_A_TIME.acquire(blocking=False):
        turns.give_back()
        with _ONE_AT_A_TIME:
            pass
        turns.take()
    try:
        yield
    finally:
        _ONE_AT_A_TIME.release()
        turns.give_back()


@dataclass(frozen=True, slots=True)
class _File:
    store: Store
    turns: Turns
    wallet: WalletState
    wanted: WantedEntries
    names: Names | None
    zone: tzinfo
    date: str
    filtered: bool

    def parts(self, patience_s: float) -> Iterator[bytes]:
        """Make the file; entries and kept names are the same each time."""
        currency = self.wallet.currency
        money = f"Amount ({currency})", f"Balance ({currency})"
        about = "Note", "Payee", "Other wallet", "Its name"
        yield _line("Entry", self.date, "Kind", *money, *about).encode()
        wanted, count = self.wanted, 0
        while True:
            found, names = self._read(wanted, patience_s)
            if found.rows:
                text = _lines(found.rows, names, CURRENCIES[currency], self.zone)
                yield text.encode()
            count += len(found.rows)
            if found.last is None:
                break
            wanted = replace(wanted, before=found.last.version)
        entries = f"{count} entries"
        if self.filtered:
            entries = f"{count} of {self.wallet.version} entries"
        yield _line("End", "", "", "", "", entries, "", "", "").encode()

    def _read(
        self, wanted: WantedEntries, patience_s: float
    ) -> tuple[Found[Entry], dict[str, str]]:
        """Read some entries, again and again if the database is away."""
        give_up_s = time.monotonic() + patience_s
        while True:
            try:
                with _alone(self.turns):
                    found = find_entries(
                        self.store, self.wallet.id, wanted, _PART, self.names
                    )
                    others = counterparties(found.rows)
                    return found, self.names.of(others) if self.names else {}
            except StoreFailure:
                if time.monotonic() >= give_up_s:
                    raise
                time.sleep(_PAUSE_S)


def _lines(
    entries: list[Entry], names: Mapping[str, str], exponent: int, zone: tzinfo
) -> str:
    with _ONE_AT_A_TIME:
        return "".join(_each_line(entries, names, exponent, zone))


def _each_line(
    entries: list[Entry], names: Mapping[str, str], exponent: int, zone: tzinfo
) -> list[str]:
    lines = []
    for entry in entries:
        other = entry.counterparty or ""
        cells = _cells(entry, exponent, zone)
        lines.append(_line(*cells, other, harmless(names.get(other, ""))))
        if len(lines) % _ROW_OF_LINES == 0:
            # Other threads would else wait for the interpreter's full interval, and a
            # deposit several times.
            time.sleep(0)
    return lines


def _cells(entry: Entry, exponent: int, zone: tzinfo) -> tuple[str, ...]:
    return (
        str(entry.version),
        shown_in(zone, entry.at_us).isoformat(timespec="microseconds"),
        entry.kind.value,
        format_amount(entry.amount_minor, exponent),
        format_amount(entry.balance_minor, exponent),
        harmless(entry.note or ""),
        harmless(entry.payee or ""),
    )
