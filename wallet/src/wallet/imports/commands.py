"""The commands that bring movements in.

Each has a key made of what its line says, and of its place among lines that say the
same. So a line is written once, whichever files it is in, and two equal ones of a file
are two.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, time, tzinfo
from typing import Final

from ..history.periods import instant
from ..ledger.commands import Kind, MoveMoney, Submission
from ..ledger.digests import canonical_bytes
from ..ledger.ids import new_operation_id
from ..ledger.money import CURRENCIES, Amount
from ..ledger.outcomes import WalletState
from .movements import Row

#: No client has a key that goes on with the right digest by accident.
PREFIX: Final = "import:"


def submission_of(
    wallet: WalletState,
    rows: Sequence[Row],
    zone: tzinfo,
    if_match: int | None = None,
) -> Submission:
    """Ask for all movements or none."""
    exponent = CURRENCIES[wallet.currency]
    commands = [
        MoveMoney(
            operation_id=new_operation_id(),
            wallet_id=wallet.id,
            kind=Kind.DEPOSIT if row.minor > 0 else Kind.WITHDRAWAL,
            amount=Amount(abs(row.minor), exponent),
            note=row.note,
            payee=row.payee,
            key=key,
            at_us=moment_of(row, zone),
        )
        for row, key in zip(rows, _keys(rows), strict=True)
    ]
    return Submission(tuple(commands), wallet.id, if_match=if_match, atomic=True)


def moment_of(row: Row, zone: tzinfo) -> int:
    """Tell when a movement was: at the first moment of its day."""
    return instant(datetime.combine(row.date, time()), zone)


def _keys(rows: Sequence[Row]) -> Iterator[str]:
    seen: Counter[bytes] = Counter()
    for row in rows:
        said = (row.date.isoformat(), row.minor, row.note, row.payee)
        content = canonical_bytes(said)
        seen[content] += 1
        place = canonical_bytes((seen[content],))
        yield f"{PREFIX}{hashlib.sha256(content + place).hexdigest()}"
