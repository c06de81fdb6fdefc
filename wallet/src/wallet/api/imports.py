"""The call that brings in a bank's statement, and what it answers."""

from datetime import date
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request

from ..imports.dates import DateForm
from ..imports.movements import Odd, Row
from ..ledger.money import CURRENCIES, format_amount
from ..web.body import query_of, read_body, require_length
from ..web.described import described
from ..web.fields import read_if_match, read_query
from ..web.importing import MOST_TOLD, Import, bring_in, foretell, read_file
from ..web.problems import Problem
from ..web.replies import json_response
from ..web.service import current_service, identify
from ..web.values import Money, OperationId
from .answers import OddLine

MEDIA = "text/csv"
imports = Blueprint("imports", __name__, url_prefix="/v1/wallets/<wallet_id>/imports")


class ImportQuery(msgspec.Struct):
    """How a statement is brought in."""

    dry_run: Annotated[
        bool, described("Whether it is only told what would come of it.")
    ] = False


class ImportForm(msgspec.Struct):
    """How a file was read; columns are named by their headings."""

    encoding: str
    separator: str
    decimal: Annotated[str, described("The mark before decimals.")]
    dates: Annotated[list[DateForm], described("The forms of its dates.")]
    certain: Annotated[
        bool,
        described("Whether the file shows which number of a date is the day."),
    ]
    columns: dict[str, str]


class ImportRow(msgspec.Struct):
    """A movement of a file, and the operation that wrote it."""

    line: int
    date: date
    amount: Money
    note: str | None
    payee: str | None
    operation: OperationId | None


class ImportAnswer(msgspec.Struct):
    """What comes of a statement: in a dry run nothing is written."""

    form: ImportForm
    taken: Annotated[list[ImportRow], described("The movements that are new.")]
    known: Annotated[list[ImportRow], described("Those brought in before.")]
    refused: Annotated[
        list[OddLine],
        described(f"At most {MOST_TOLD} lines for which nothing would be written."),
    ]
    refused_count: int
    skipped: Annotated[
        list[OddLine], described(f"At most {MOST_TOLD} lines that are no movements.")
    ]
    balance_before: Money
    balance_after: Money


@imports.post("")
def import_statement(wallet_id: str) -> Response:
    """Bring in a bank's statement: every movement that is new, or nothing."""
    caller = identify(request)
    caller.must_be_operator()
    caller.must_see(wallet_id)
    if request.mimetype != MEDIA:
        raise Problem("unsupported-media-type", f"Send Content-Type: {MEDIA}.")
    # The beginning of a statement is one, too, and that of an amount is another amount.
    require_length(request)
    query = read_query(query_of(request), ImportQuery)
    if_match = read_if_match(request.headers.get("If-Match"))
    service, data = current_service(), read_body(request, caller)
    wallet = service.open_wallet(caller, wallet_id)
    statement = read_file(wallet, data)
    work = foretell if query.dry_run else bring_in
    found = work(service, wallet, statement, if_match)
    written = not query.dry_run
    response = json_response(
        import_answer(found, written), 201 if written and found.taken else 200
    )
    version = found.version if written else found.wallet.version
    response.set_etag(str(version))
    return response


def import_answer(found: Import, written: bool) -> ImportAnswer:
    """Describe what comes of a statement."""
    form, currency = found.statement.form, found.wallet.currency
    new = found.operations if written else {}
    return ImportAnswer(
        form=ImportForm(
            encoding=form.encoding,
            separator=form.separator,
            decimal=form.decimal,
            dates=form.dates,
            certain=form.certain,
            columns=form.columns,
        ),
        taken=[_row(row, currency, new.get(row.line)) for row in found.taken],
        known=[_row(r, currency, found.operations.get(r.line)) for r in found.known],
        refused=_odd(found.refused),
        refused_count=len(found.refused),
        skipped=_odd(found.statement.skipped),
        balance_before=_money(found.wallet.balance_minor, currency),
        balance_after=_money(found.balance_minor, currency),
    )


def _row(row: Row, currency: str, operation: str | None) -> ImportRow:
    amount = _money(row.minor, currency)
    return ImportRow(row.line, row.date, amount, row.note, row.payee, operation)


def _odd(lines: list[Odd]) -> list[OddLine]:
    return [OddLine(*each) for each in lines[:MOST_TOLD]]


def _money(minor: int, currency: str) -> str:
    return format_amount(minor, CURRENCIES[currency])
