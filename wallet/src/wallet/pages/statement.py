"""A wallet's whole history as a file for spreadsheets (RFC 4180)."""

import csv
import re
from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

from flask import Blueprint, Response

from ..clock import shown_in
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import Entry, WalletState
from ..storage.queries import list_entries
from ..storage.store import Store
from ..web.fields import LONGEST_PAGE
from ..web.service import current_service
from . import access
from .wording import clocks

statement = Blueprint("statement", __name__)

#: Where a spreadsheet would begin a formula: at the start of the text, or after what it
#: may take for the end of a cell. It skips blanks and quotes, and knows wide signs.
_RUNS: Final = re.compile(
    r"""(^|[;,\t])(?=[\s"']*[=+@\t\r\n\uff0b\uff0d\uff1d\uff20-])"""
)


@statement.get("/wallets/<wallet_id>/statement.csv")
def download(wallet_id: str) -> Response:
    """Send every entry, newest first, a part at a time."""
    service = current_service()
    wallet = service.open_wallet(access.current_caller(), wallet_id)
    store = service.store
    # The first part is read before anything is sent, while a failure can be told.
    first = list_entries(store, wallet.id, LONGEST_PAGE, wallet.version + 1)
    zone = service.settings.time_zone
    lines = _lines(store, wallet, first, zone, f"Date ({clocks()})")
    response = Response(lines, mimetype="text/csv")
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


def _lines(
    store: Store, wallet: WalletState, entries: list[Entry], zone: tzinfo, date: str
) -> Iterator[str]:
    # The request is over when most of this runs, so it is handed everything.
    # Entries never change, so what is added meanwhile does not disturb the parts.
    row = csv.writer(_Line()).writerow
    unit = wallet.currency
    money = f"Amount ({unit})", f"Balance ({unit})"
    yield row(("Entry", date, "Kind", *money, "Note", "Other wallet"))
    while entries:
        for entry in entries:
            yield row(_cells(entry, CURRENCIES[unit], zone))
        entries = list_entries(store, wallet.id, LONGEST_PAGE, entries[-1].version)


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
