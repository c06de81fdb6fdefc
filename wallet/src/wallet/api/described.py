"""The parameters of the calls, for the description of the interface."""

from typing import Any, Final

from ..history.periods import DEFAULT_ZONE, Step
from ..prices import rates
from ..web.fields import DEFAULT_PAGE, LONGEST_PAGE
from .bodies import KEY_PATTERN

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


_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_DATE: Final[Schema] = {"type": "string", "format": "date"}


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
PAIR: Final = _parameter(
    "path",
    "pair",
    "The pair; XBTZAR, rand for a bitcoin, is the only one.",
    {"type": "string", "enum": [rates.PAIR]},
)
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
AT: Final = _parameter("query", "at", "The moment; now if it is not given.", _TIME)
FROM: Final = _parameter(
    "query",
    "from",
    "A time, or a date in the zone; the creation of the wallet if it is not given.",
    {"anyOf": [_TIME, _DATE]},
)
TO: Final = _parameter(
    "query",
    "to",
    "A time, or a date in the zone, that is left out; now if it is not given.",
    {"anyOf": [_TIME, _DATE]},
)
STEP: Final = _parameter(
    "query",
    "step",
    "How long each point is.",
    {"type": "string", "enum": list(Step), "default": Step.DAY},
)
TZ: Final = _parameter(
    "query",
    "tz",
    "The name of the time zone in which days begin.",
    {"type": "string", "default": DEFAULT_ZONE},
)
