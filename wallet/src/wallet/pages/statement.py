"""A wallet's whole history as a file for spreadsheets (RFC 4180)."""

import csv
import re
import threading
import time
from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

from flask import Blueprint, Response

from ..clock import shown_in
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import Entry, WalletState
from ..storage.errors import StoreFailure
from ..storage.queries import list_entries
from ..storage.store import Store
from ..web.service import current_service
from . import access
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
#: Where a spreadsheet would begin a formula: at the start of the text, or after what it
#: may take for the end of a cell. It skips blanks and quotes, and knows wide signs.
_RUNS: Final = re.compile(
    r"""(^|[;,\t])(?=[\s"']*[=+@\t\r\n\uff0b\uff0d\uff1d\uff20-])"""
)


@statement.get("/wallets/<wallet_id>/statement.csv")
def download(wallet_id: str) -> Response:
    """Send every entry, newest first, a part at a time.

    It is read twice: once to measure it, while a failure can still be told. A file that
    does not get the length that was announced is known to be broken by whoever reads.

    :raises Problem: too many are being sent.
    """
    caller = access.current_caller()
    service = current_service()
    wallet = service.open_wallet(caller, wallet_id)
    place = service.slow.statements[caller.principal].place()
    # The request is over when most of it is made, so it is handed everything.
    told = service.store, wallet, service.settings.time_zone, f"Date ({clocks()})"
    length = sum(map(len, _parts(*told, patience_s=0)))
    response = Response(mimetype="text/csv")
    place.send(response, _parts(*told, patience_s=_PATIENCE_S))
    response.content_length = length
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"statement-{wallet.id}.csv"
    )
    return response


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


def _parts(
    store: Store, wallet: WalletState, zone: tzinfo, date: str, patience_s: float
) -> Iterator[bytes]:
    """Make the file; entries never change, so it is the same each time."""
    money = f"Amount ({wallet.currency})", f"Balance ({wallet.currency})"
    yield _line("Entry", date, "Kind", *money, "Note", "Other wallet").encode()
    before, count = wallet.version + 1, 0
    while entries := _part(store, wallet, before, patience_s):
        yield _lines(entries, CURRENCIES[wallet.currency], zone).encode()
        before, count = entries[-1].version, count + len(entries)
    yield _line("End", "", "", "", "", f"{count} entries", "").encode()


def _part(
    store: Store, wallet: WalletState, before: int, patience_s: float
) -> list[Entry]:
    """Read some entries, again and again if the database is away."""
    give_up_s = time.monotonic() + patience_s
    while True:
        try:
            with _ONE_AT_A_TIME:
                return list_entries(store, wallet.id, _PART, before)
        except StoreFailure:
            if time.monotonic() >= give_up_s:
                raise
            time.sleep(_PAUSE_S)


def _lines(entries: list[Entry], exponent: int, zone: tzinfo) -> str:
    with _ONE_AT_A_TIME:
        return "".join(_each_line(entries, exponent, zone))


def _each_line(entries: list[Entry], exponent: int, zone: tzinfo) -> list[str]:
    lines = []
    for entry in entries:
        lines.append(_line(*_cells(entry, exponent, zone)))
        if len(lines) % _ROW_OF_LINES == 0:
            # Whoever waits for the interpreter would else wait for its full interval,
            # several times for a deposit.
            time.sleep(0)
    return lines


def _cells(entry: Entry, exponent: int, zone: tzinfo) -> tuple[str, ...]:
    return (
        str(entry.version),
        f"{shown_in(zone, entry.at_us):%Y-%m-%d %H:%M:%S.%f}",
        entry.kind.value,
        format_amount(entry.amount_minor, exponent),
        format_amount(entry.balance_minor, exponent),
        harmless(entry.note or ""),
        entry.counterparty or "",
    )
