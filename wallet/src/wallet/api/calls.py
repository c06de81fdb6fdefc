"""What each call takes, answers and refuses, for the description of the interface."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from ..web.status import StatusAnswer
from . import (
    answers,
    bodies,
    filters,
    held,
    history,
    holds,
    imports,
    opened,
    parameters,
    rates,
)

#: Refusals of every call, and of those that know who asks, use the store, or write.
_ALWAYS: Final = ("local-only", "internal-error")
_KNOWN: Final = (*_ALWAYS, "unauthenticated", "too-many-attempts")
_READ: Final = (*_KNOWN, "forbidden", "malformed", "unavailable")
_WRITE: Final = (
    *(*_READ, "foreign-page", "too-large", "unsupported-media-type"),
    "outcome-unknown",
)
_OPERATOR: Final = ("operatorToken",)
_BOTH: Final = ("operatorToken", "walletKey")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the interface.

    :param answer: the type of the good answer, or its media type; so the body.
    :param takes: the headers that it reads, and those that it needs.
    :param may_be_empty: it answers 204 where nothing was to be done.
    :param may_write_nothing: it answers 200 with the same where nothing was written.
    :param gives: further headers of the good answer.
    :param security: the schemes that open it, none if it is open to all.
    :param example: a body that is accepted as it stands, or after what it needs first.
    :param tag: the group of calls that it belongs to.
    """

    answer: Any
    problems: tuple[str, ...]
    status: int = 200
    body: Any = None
    example: dict[str, Any] | str = field(default_factory=dict)
    needed_first: str | None = None
    query: Any = parameters.NoQuery
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    may_be_empty: bool = False
    may_write_nothing: bool = False
    gives: tuple[str, ...] = ()
    security: tuple[str, ...] = _BOTH
    tag: str = "Wallets"


def _read(answer: Any, *problems: str, **more: Any) -> Call:
    return Call(answer, (*_READ, *problems), **more)


def _write(answer: Any, body: Any, *problems: str, **more: Any) -> Call:
    return Call(answer, (*_WRITE, *problems), more.pop("status", 201), body, **more)


def _keyed(tag: str, answer: Any, body: Any, *problems: str, **more: Any) -> Call:
    problems = ("unknown-wallet", "version-mismatch", "key-reused", *problems)
    takes, gives = ("Idempotency-Key", "If-Match"), ("Idempotent-Replayed",)
    more |= {"takes": takes, "gives": gives, "tag": tag}
    return _write(answer, body, *problems, **more)


_move = partial(_keyed, "Moves", answers.MovedAnswer)
_hold = partial(_keyed, "Holds")


def _open(answer: Any, *problems: str) -> Call:
    return Call(answer, (*_ALWAYS, *problems), security=(), tag="Service")


_WALLET: Final = "/v1/wallets/<wallet_id>"
_FUNDS: Final = "Before you send the example, deposit enough money."

#: By method and route, as the application has them.
CALLS: Final[dict[tuple[str, str], Call]] = {
    ("POST", "/v1/wallets"): _write(
        opened.NewWalletAnswer,
        bodies.NewWallet,
        "key-reused",
        takes=("Idempotency-Key",),
        gives=("Location", "Idempotent-Replayed"),
        security=_OPERATOR,
        example={"name": "Ada", "currency": "ZAR"},
    ),
    ("GET", "/v1/wallets"): _read(
        opened.WalletsAnswer, query=filters.WalletsQuery, security=_OPERATOR
    ),
    ("GET", _WALLET): _read(opened.WalletAnswer, "unknown-wallet", gives=("ETag",)),
    ("PATCH", _WALLET): _write(
        opened.WalletAnswer,
        bodies.WalletChange,
        *("unknown-wallet", "version-mismatch", "floor-too-high", "not-empty"),
        status=200,
        takes=("If-Match",),
        gives=("ETag",),
        security=_OPERATOR,
        example={"name": "Holidays", "floor": "-50.00"},
    ),
    ("POST", f"{_WALLET}/imports"): _write(
        imports.ImportAnswer,
        imports.MEDIA,
        *("unknown-wallet", "version-mismatch", "import-refused"),
        query=imports.ImportQuery,
        takes=("If-Match",),
        gives=("ETag",),
        may_write_nothing=True,
        security=_OPERATOR,
        tag="Moves",
        example="Date,Description,Money In,Money Out\n2024-11-01,Salary,250.50,\n"
        "2024-11-03,Groceries,,50.25\n",
    ),
    ("PUT", f"{_WALLET}/balance"): _move(
        bodies.NewBalance,
        *("insufficient-funds", "balance-too-large", "archived"),
        security=_OPERATOR,
        needs=("If-Match",),
        may_be_empty=True,
        example={"amount": "100.00", "note": "counted"},
    ),
    ("POST", f"{_WALLET}/deposits"): _move(
        bodies.NewEntry,
        *("balance-too-large", "archived"),
        security=_OPERATOR,
        example={"amount": "125.50", "note": "salary"},
    ),
    ("POST", f"{_WALLET}/withdrawals"): _move(
        bodies.NewEntry,
        *("insufficient-funds", "archived"),
        example={"amount": "25.50", "note": "groceries", "payee": "Corner Shop"},
        needed_first=_FUNDS,
    ),
    ("POST", f"{_WALLET}/transfers"): _move(
        bodies.NewTransfer,
        *("insufficient-funds", "self-transfer", "unknown-recipient"),
        *("currency-mismatch", "balance-too-large", "archived"),
        example={"to": f"w_{'0' * 12}7{'0' * 3}8{'0' * 15}", "amount": "25.50"},
        needed_first=f"{_FUNDS} In to, put the id of another wallet of yours.",
    ),
    ("POST", f"{_WALLET}/entries/<version>/reversals"): _move(
        bodies.NewReversal,
        *("unknown-entry", "already-reversed", "not-reversible"),
        *("insufficient-funds", "balance-too-large", "archived"),
        security=_OPERATOR,
        example={"note": "sent by mistake"},
    ),
    ("POST", f"{_WALLET}/holds"): _hold(
        held.HeldAnswer,
        bodies.NewHold,
        *("insufficient-funds", "balance-too-large", "archived"),
        example={"amount": "25.50", "note": "hotel", "expires_in": 86400},
        needed_first=_FUNDS,
    ),
    ("GET", f"{_WALLET}/holds"): _read(
        held.HoldsAnswer, "unknown-wallet", query=holds.HoldsQuery, tag="Holds"
    ),
    ("GET", f"{_WALLET}/holds/<hold_id>"): _read(
        held.HeldAnswer, "unknown-wallet", "unknown-hold", tag="Holds"
    ),
    ("POST", f"{_WALLET}/holds/<hold_id>/captures"): _hold(
        answers.MovedAnswer,
        bodies.NewCapture,
        *("unknown-hold", "hold-closed", "hold-expired", "hold-exceeded"),
        *("self-transfer", "unknown-recipient", "currency-mismatch"),
        *("balance-too-large", "archived"),
        example={"amount": "20.00", "keep_open": True},
    ),
    ("POST", f"{_WALLET}/holds/<hold_id>/releases"): _hold(
        held.HeldAnswer,
        bodies.Nothing,
        *("unknown-hold", "hold-closed", "hold-expired"),
    ),
    ("POST", f"{_WALLET}/batches"): _write(
        answers.BatchAnswer,
        bodies.NewBatch,
        *("unknown-wallet", "version-mismatch", "batch-refused"),
        status=200,
        takes=("If-Match",),
        tag="Moves",
        example={
            "operations": [
                {"kind": "deposit", "amount": "125.50", "key": "salary-2026-11"},
                {"kind": "withdrawal", "amount": "25.50", "note": "groceries"},
            ],
            "atomic": True,
        },
    ),
    ("GET", f"{_WALLET}/entries"): _read(
        answers.EntriesAnswer,
        "unknown-wallet",
        query=filters.EntriesQuery,
        tag="History",
    ),
    ("GET", f"{_WALLET}/balance"): _read(
        history.BalanceAnswer,
        "unknown-wallet",
        query=parameters.BalanceQuery,
        tag="History",
    ),
    ("GET", f"{_WALLET}/series"): _read(
        history.SeriesAnswer,
        "unknown-wallet",
        query=parameters.SeriesQuery,
        tag="History",
    ),
    ("POST", f"{_WALLET}/keys"): _write(
        answers.KeyAnswer, bodies.Nothing, "unknown-wallet", security=_OPERATOR
    ),
    ("GET", "/v1/operations"): _read(
        answers.OperationAnswer,
        *("unknown-wallet", "unknown-operation"),
        query=parameters.OperationQuery,
        tag="History",
    ),
    ("GET", "/v1/operations/<operation_id>"): _read(
        answers.OperationAnswer,
        *("unknown-wallet", "unknown-operation"),
        query=parameters.SideQuery,
        tag="History",
    ),
    ("GET", "/v1/rates/<pair>"): Call(
        rates.RateAnswer,
        (*_KNOWN, "malformed", "unavailable", "not-found", "no-rate"),
        tag="Rates",
    ),
    ("GET", "/status"): _open(StatusAnswer),
    ("GET", "/metrics"): Call(
        "text/plain",
        (*_KNOWN, "not-found"),
        security=("metricsToken",),
        tag="Service",
    ),
}
