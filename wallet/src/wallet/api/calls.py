"""What each call takes, answers and refuses, for the description of the interface."""

from dataclasses import dataclass, field
from typing import Any, Final

from ..ledger.commands import Kind
from ..ledger.outcomes import DECIDED_BY_RULES, Refusal
from ..web.status import StatusAnswer
from . import answers, bodies
from . import history as timeline
from . import rates as prices
from .described import (
    AFTER,
    AT,
    BEFORE,
    FILE,
    FROM,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LIMIT,
    OF_KEY,
    OF_WALLET,
    PAIR,
    PROBLEM,
    STEP,
    TO,
    TZ,
    WALLET,
    Schema,
)

#: Refusals of every call, of those that need rights, read a body, or use the store.
_ALWAYS: Final = ("local-only", "internal-error")
_RIGHTS: Final = ("unauthenticated", "forbidden")
_BODY: Final = ("malformed", "foreign-page", "too-large", "unsupported-media-type")
_STORE: Final = ("unavailable",)
_WRITE: Final = (*_ALWAYS, *_RIGHTS, *_BODY, *_STORE, "outcome-unknown")
_READ: Final = (*_ALWAYS, *_RIGHTS, "malformed", *_STORE)
_MOVE: Final = (*_WRITE, "unknown-wallet", "version-mismatch")
_RULES: Final = tuple(sorted(each.value for each in DECIDED_BY_RULES))


def _rules_of(kind: Kind) -> tuple[str, ...]:
    if kind is Kind.TRANSFER:
        return _RULES
    if kind is Kind.DEPOSIT:
        return (Refusal.BALANCE_TOO_LARGE.value,)
    return (Refusal.INSUFFICIENT_FUNDS.value,)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the interface.

    :param security: the schemes that open it, none if it is open to all.
    :param answer: the type of the good answer, or its media type.
    :param headers: further headers of the good answer.
    """

    problems: tuple[str, ...]
    answer: Any
    status: int = 200
    body: Any = None
    parameters: tuple[Schema, ...] = ()
    headers: tuple[str, ...] = ()
    security: tuple[str, ...] = field(default=("operatorToken", "walletKey"))


def _moves(kind: Kind, body: Any, security: tuple[str, ...]) -> Call:
    return Call(
        problems=(*_MOVE, "key-reused", *_rules_of(kind)),
        answer=answers.MovedAnswer,
        status=201,
        body=body,
        parameters=(WALLET, IDEMPOTENCY_KEY, IF_MATCH),
        headers=("Idempotent-Replayed",),
        security=security,
    )


_OPERATOR: Final = ("operatorToken",)
_BOTH: Final = ("operatorToken", "walletKey")

#: By method and route, as the application has them.
CALLS: Final[dict[tuple[str, str], Call]] = {
    ("POST", "/v1/wallets"): Call(
        (*_WRITE, "key-reused"),
        answers.NewWalletAnswer,
        201,
        bodies.NewWallet,
        (IDEMPOTENCY_KEY,),
        ("Location", "Idempotent-Replayed"),
        _OPERATOR,
    ),
    ("GET", "/v1/wallets"): Call(
        _READ, answers.WalletsAnswer, parameters=(LIMIT, AFTER), security=_OPERATOR
    ),
    ("GET", "/v1/wallets/<wallet_id>"): Call(
        (*_READ, "unknown-wallet"),
        answers.WalletAnswer,
        parameters=(WALLET,),
        headers=("ETag",),
    ),
    ("POST", "/v1/wallets/<wallet_id>/deposits"): _moves(
        Kind.DEPOSIT, bodies.NewEntry, _OPERATOR
    ),
    ("POST", "/v1/wallets/<wallet_id>/withdrawals"): _moves(
        Kind.WITHDRAWAL, bodies.NewEntry, _BOTH
    ),
    ("POST", "/v1/wallets/<wallet_id>/transfers"): _moves(
        Kind.TRANSFER, bodies.NewTransfer, _BOTH
    ),
    ("POST", "/v1/wallets/<wallet_id>/batches"): Call(
        (*_MOVE, "batch-refused"),
        answers.BatchAnswer,
        body=bodies.NewBatch,
        parameters=(WALLET, IF_MATCH),
    ),
    ("GET", "/v1/wallets/<wallet_id>/entries"): Call(
        (*_READ, "unknown-wallet"),
        answers.EntriesAnswer,
        parameters=(WALLET, LIMIT, BEFORE),
    ),
    ("GET", "/v1/wallets/<wallet_id>/balance"): Call(
        (*_READ, "unknown-wallet"), timeline.BalanceAnswer, parameters=(WALLET, AT)
    ),
    ("GET", "/v1/wallets/<wallet_id>/series"): Call(
        (*_READ, "unknown-wallet"),
        timeline.SeriesAnswer,
        parameters=(WALLET, FROM, TO, STEP, TZ),
    ),
    ("POST", "/v1/wallets/<wallet_id>/keys"): Call(
        (*_WRITE, "unknown-wallet"),
        answers.KeyAnswer,
        201,
        bodies.Nothing,
        (WALLET,),
        security=_OPERATOR,
    ),
    ("GET", "/v1/rates/<pair>"): Call(
        (*_ALWAYS, "unauthenticated", "malformed", "not-found", "no-rate", *_STORE),
        prices.RateAnswer,
        parameters=(PAIR,),
    ),
    ("GET", "/v1/operations"): Call(
        (*_READ, "unknown-wallet", "unknown-operation"),
        answers.OperationAnswer,
        parameters=(OF_WALLET, OF_KEY),
    ),
    ("GET", "/status"): Call(_ALWAYS, StatusAnswer, security=()),
    ("GET", "/metrics"): Call(
        (*_ALWAYS, "unauthenticated", "not-found"),
        "text/plain",
        security=("metricsToken",),
    ),
    ("GET", "/openapi.json"): Call(_ALWAYS, "application/json", security=()),
    ("GET", "/docs"): Call(_ALWAYS, "text/html", security=()),
    ("GET", "/docs/<name>"): Call(
        (*_ALWAYS, "not-found"), "*/*", parameters=(FILE,), security=()
    ),
    ("GET", "/problems/<name>"): Call(
        (*_ALWAYS, "not-found"), "text/html", parameters=(PROBLEM,), security=()
    ),
}
