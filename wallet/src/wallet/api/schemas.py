"""The schemas of what calls take and answer, made from the types that they use."""

import json
import re
from typing import Any, Final

import msgspec

from ..ledger.money import CURRENCIES
from ..web.described import named
from ..web.fields import WALLET_ID
from ..web.kinds import KINDS
from . import answers
from .calls import CALLS
from .held import HOLD_ID, HeldOutcome

Schema = dict[str, Any]

REF: Final = named("{name}")["$ref"]
_OUTCOMES: Final = (
    HeldOutcome,
    answers.MovedOutcome,
    answers.RefusedOutcome,
    answers.NotDoneOutcome,
)
#: What types refer to by name only.
_NAMED: Final[dict[str, Schema]] = {
    "Currency": {
        "description": "The code of a currency.",
        "type": "string",
        "enum": sorted(CURRENCIES),
    },
    "ProblemType": {
        "description": "The address of a page about a kind of problem.",
        "type": "string",
        "enum": [f"/problems/{name}" for name in KINDS],
        # Constants in generated clients cannot begin with a slash.
        "x-enum-varnames": [name.upper().replace("-", "_") for name in KINDS],
    },
    "WalletId": {
        "description": "The id of a wallet.",
        "type": "string",
        "pattern": f"^{WALLET_ID}$",
    },
    "HoldId": {
        "description": "The id of a hold.",
        "type": "string",
        "pattern": f"^{HOLD_ID}$",
    },
    "Outcome": {"anyOf": [named(kind.__name__) for kind in _OUTCOMES]},
}


def schemas() -> Schema:
    """Describe every type that a call takes or answers, by name."""
    types: set[type] = {answers.ProblemAnswer, *_OUTCOMES}
    for call in CALLS.values():
        types |= {each for each in (call.body, call.answer) if isinstance(each, type)}
    ordered = sorted(types, key=lambda each: each.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=REF)
    for schema in schemas.values():
        for member in schema.get("properties", {}).values():
            _tell_default(member)
    return {**schemas, **_NAMED}


def _tell_default(member: Schema) -> None:
    # Some makers of clients take a member with a default for one that must be sent.
    default = member.pop("default", None)
    if default is not None:
        about = [member.get("description"), f"The default is {json.dumps(default)}."]
        member["description"] = " ".join(filter(None, about))


def portable(node: Any) -> Any:
    r"""Write schemas as the makers of clients read them.

    A reference has but a description beside it, a choice has a type, no default is
    null, and what Python writes as ``\Z`` is ``$`` to everyone else.
    """
    if isinstance(node, list):
        return [portable(each) for each in node]
    if isinstance(node, str):
        return re.sub(r"\\Z$", "$", node)
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {name: node[name] for name in ("$ref", "description") if name in node}
    if "enum" in node:
        number = isinstance(node["enum"][0], int)
        node = {"type": "integer" if number else "string"} | node
    return {
        name: portable(each)
        for name, each in node.items()
        if (name, each) != ("default", None)
    }
