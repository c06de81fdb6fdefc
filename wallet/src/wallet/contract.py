"""What each call takes, answers and refuses, for the description of the interface."""

from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Final

from . import answers
from . import bodies
from .bodies import KEY_PATTERN
from .commands import Kind
from .outcomes import DECIDED_BY_RULES
from .outcomes import Refusal
from .parameters import DEFAULT_PAGE
from .parameters import LONGEST_PAGE
from .status import StatusAnswer

Schema = dict[str, Any]

_VERSION: Final[Schema] = {
    "type": "integer",
    "minimum": 1,
    "maximum": 10**18 - 1,
}
_WALLET_ID: Final[Schema] = {
    "type": "string",
    "pattern": "^w_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$",
}
_KEY: Final[Schema] = {"type": "string", "maxLength": 257, "pattern": KEY_PATTERN}


def _parameter(place: str, name: str, about: str, schema: Schema) -> Schema:
    return {
        "name": name,
        "in": place,
        "description": about,
        "required": place == "path",
        "schema": schema,
    }


WALLET: Final = _parameter("path", "wallet_id", "The id of the wallet.", _WALLET_ID)
PROBLEM: Final = _parameter(
    "path", "name", "The name of the problem.", {"type": "string"}
)
FILE: Final = _parameter("path", "name", "The file's name.", {"type": "string"})
LIMIT: Final = _parameter(
    "query",
    "limit",
    "The length of the page.",
    {
        "type": "integer",
        "minimum": 1,
        "maximum": LONGEST_PAGE,
        "default": DEFAULT_PAGE,
    },
)
AFTER: Final = _parameter(
    "query", "after", "Only wallets that were created after this one.", _WALLET_ID
)
BEFORE: Final = _parameter(
    "query", "before", "Only entries before this version.", _VERSION
)
OF_WALLET: Final = _parameter(
    "query", "wallet", "The wallet that the request addressed.", _WALLET_ID
) | {"required": True}
OF_KEY: Final = _parameter("query", "key", "The idempotency key.", _KEY) | {
    "required": True
}
IDEMPOTENCY_KEY: Final = _parameter(
    "header",
    "Idempotency-Key",
    "Makes the request safe to repeat: one key has one outcome, for ever.",
    _KEY,
)
IF_MATCH: Final = _parameter(
    "header",
    "If-Match",
    "The version that the wallet must still have, or *.",
    {"type": "string", "pattern": r'^(\*|"(0|[1-9][0-9]{0,17})")$'},
)
REQUEST_ID: Final = _parameter(
    "header",
    "X-Request-Id",
    "Taken over if it has 1 to 64 letters, digits, dots, dashes and underscores.",
    {"type": "string"},
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
    ("POST", "/v1/wallets/<wallet_id>/keys"): Call(
        (*_WRITE, "unknown-wallet"),
        answers.KeyAnswer,
        201,
        bodies.Nothing,
        (WALLET,),
        security=_OPERATOR,
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
