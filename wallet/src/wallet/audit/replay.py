"""Follows one wallet's history entry by entry."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy.exc import NoResultFound, OperationalError

from ..ledger.commands import Kind, Principal
from ..ledger.digests import (
    entry_digest,
    fingerprint,
    first_digest,
    old_entry_digest,
)
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import Change, Entry, Frozen, Moved, Outcome, WalletState
from ..storage.queries import to_entry
from .asked import asked_for

#: Makes the answer to a command from its outcome.
Freeze = Callable[[Outcome], Frozen | None]


#: The columns of an entry in a row of the history, the digest last.
_ENTRY: Final = Entry._fields.index("digest") + 1
#: What an answer did not have when digests had their first format.
_NEW_MEMBERS: Final = ("payee", "reverses", "reversed_by", "hold")


#: What comes of a value of another type, or of one that is none of a few.
_UNREADABLE: Final = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(NoResultFound, RecursionError),
)


class Fault(Exception):
    """A row that cannot be right; the message names it."""


@contextmanager
def accusing(wallet_id: str) -> Iterator[None]:
    """Turn what is wrong with a value that nobody wrote into a fault of its wallet."""
    try:
        yield
    except _UNREADABLE as error:
        raise _unreadable(wallet_id, error) from error
    except OperationalError as error:
        # What SQLite's driver says of text that is none; it is no other failure.
        if "decode to UTF-8" not in str(error.orig):
            raise
        raise _unreadable(wallet_id, error) from error


def _unreadable(where: str, error: Exception) -> Fault:
    reason = str(error).partition("\n")[0][:200]
    return Fault(f"{where}: it has a value that was never written ({reason})")


class Replayed:
    """What the entries of a wallet so far amount to."""

    def __init__(
        self,
        wallet: WalletState,
        freeze: Freeze | None = None,
        changes: Sequence[Change] = (),
    ) -> None:
        self.wallet = wallet
        self._freeze = freeze
        self._old = True
        self._floors = deque((each.version, each.floor_minor) for each in changes)
        self._floor_minor = wallet.floor_minor
        if changes:
            first = changes[0]
            wallet = wallet._replace(name=first.name, floor_minor=first.floor_minor)
        self.version = 0
        self.balance_minor = 0
        self.digest = first_digest(wallet)
        self.at_us = wallet.created_at_us
        self.operations = 0
        #: What was paid out of each hold.
        self.captured: dict[str, int] = {}

    def append(self, row: Any) -> None:
        """Add the next entry, once everything about it is right.

        :raises Fault: something is not.
        """
        try:
            entry = to_entry(row[:_ENTRY])
            wrong = next(
                (told for holds, told in self._facts(entry, row) if not holds), None
            )
        except _UNREADABLE as error:
            where = f"{self.wallet.id} version {row.version}"
            raise _unreadable(where, error) from error
        if wrong is not None:
            raise Fault(f"{entry.wallet_id} version {entry.version}: {wrong}")
        if entry.hold_id is not None:
            before = self.captured.get(entry.hold_id, 0)
            self.captured[entry.hold_id] = before - entry.amount_minor
        self.version = entry.version
        self.balance_minor = entry.balance_minor
        self.digest = entry.digest
        self.at_us = entry.at_us

    def _facts(self, entry: Entry, row: Any) -> Iterator[tuple[bool, str]]:
        yield (
            entry.version == self.version + 1,
            f"the entry before it is missing, version {self.version + 1}",
        )
        yield (
            (row.previous_version or 0) == self.version,
            "it does not point to the entry before it",
        )
        yield (
            row.previous_balance_minor == self.balance_minor
            and entry.balance_minor == self.balance_minor + entry.amount_minor,
            "its balance does not follow from the entry before it",
        )
        yield (
            entry.balance_minor >= self._floor_at(entry.version),
            "its balance is below the wallet's floor",
        )
        # What came before the wallet itself was told afterwards.
        in_order = self.version == 0 or entry.at_us >= self.at_us
        yield in_order, "it is older than the entry before it"
        own = entry.kind is Kind.DEPOSIT or entry.amount_minor < 0
        if entry.kind is Kind.REVERSAL:
            # Either side may have asked for it, and that one has the operation.
            own = entry.counterparty is None or row.status is not None
        otherwise = f"its operation {entry.operation_id} says otherwise"
        if own:
            self.operations += 1
            yield row.status == 201, otherwise
        yield (
            self._continues(entry, row.principal if own else None, row.key),
            "its digest does not follow from its columns, its key and the entry"
            " before it",
        )
        if own:
            yield self._answers(entry, row), otherwise

    def _floor_at(self, version: int) -> int:
        """Tell the floor that an entry met; versions only grow."""
        while self._floors and self._floors[0][0] < version:
            _, self._floor_minor = self._floors.popleft()
        return self._floor_minor

    def _continues(self, entry: Entry, principal: str | None, key: str | None) -> bool:
        """Whether the chain goes on; once it has the new format, it keeps that."""
        if self._old and entry.digest == old_entry_digest(self.digest, entry):
            return True
        self._old = False
        asked = (Principal(principal), key) if principal else (None, None)
        return entry.digest == entry_digest(self.digest, entry, *asked)

    def _answers(self, entry: Entry, row: Any) -> bool:
        """Whether the operation asked for this entry, and was answered with it."""
        currency = self.wallet.currency
        asked = asked_for(entry, currency)
        fitting = (each for each in asked if fingerprint(each) == row.fingerprint)
        command = next(fitting, None)
        if command is None:
            return False
        if self._freeze is not None:
            frozen = self._freeze(Moved(command, currency, (entry,)))
            assert frozen is not None  # noqa: S101  every move has an answer
            # These very bytes are sent again, so nothing about them is free.
            body = _without_new(frozen.body) if self._old else frozen.body
            return bool(row.body == body)
        try:
            kept = msgspec.json.decode(row.body)
            shown = [kept["operation"]]
            shown += [kept["entry"][name] for name in ("version", "balance", "digest")]
        except (ValueError, LookupError, TypeError, RecursionError):
            return False
        balance = format_amount(entry.balance_minor, CURRENCIES[currency])
        digest = entry.digest.hex()
        return shown == [entry.operation_id, entry.version, balance, digest]

    def must_equal(self, wallet: WalletState) -> None:
        """Compare the replay with the wallet's row.

        :raises Fault: they differ.
        """
        for name, replayed, stored in (
            ("version", self.version, wallet.version),
            ("balance", self.balance_minor, wallet.balance_minor),
            ("digest", self.digest.hex(), wallet.digest.hex()),
            ("time of its last entry", self.at_us, wallet.last_entry_at_us),
        ):
            if replayed != stored:
                raise Fault(
                    f"{wallet.id}: its row has the {name} {stored}, but its entries"
                    f" make it {replayed}"
                )


def _without_new(body: str) -> str:
    """Write an answer as it was when digests had their first format."""
    answer = msgspec.json.decode(body)
    for name in _NEW_MEMBERS:
        del answer["entry"][name]
    return msgspec.json.encode(answer).decode()
