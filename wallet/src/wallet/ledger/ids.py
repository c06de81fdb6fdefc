"""Identifiers: UUIDs of version 7, so that newer rows sort after older ones."""

import random
import re
import time
from functools import partial
from typing import Final

_WALLET_ID: Final = re.compile(
    r"w_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", re.ASCII
)


def _new_id(kind: str) -> str:
    # RFC 9562, section 5.7, with method 3 of section 6.2: the bits after those of the
    # millisecond tell its 4,096th part, so that ids sort within it, too.
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    part = (rest << 12) // 1_000_000
    # An id is no secret, only unique: asking the system each time would let go of the
    # interpreter, which costs more than the bits.
    bits = random.getrandbits(62)
    uuid = milliseconds << 80 | 7 << 76 | part << 64 | 2 << 62 | bits
    return f"{kind}_{uuid:032x}"


#: Make an id: the letter of its kind, and the 32 digits of a UUID.
new_wallet_id: Final = partial(_new_id, "w")
new_operation_id: Final = partial(_new_id, "o")
new_hold_id: Final = partial(_new_id, "h")


def is_wallet_id(text: str) -> bool:
    """Tell whether the text has the form of a wallet's id, before any look-up."""
    return _WALLET_ID.fullmatch(text) is not None


def is_operation_id(text: str) -> bool:
    """Tell whether the text has the form of an operation's id."""
    return text[:1] == "o" and is_wallet_id(f"w{text[1:]}")


def is_hold_id(text: str) -> bool:
    """Tell whether the text has the form of a hold's id."""
    return text[:1] == "h" and is_wallet_id(f"w{text[1:]}")


def made_at_us(identifier: str) -> int:
    """Tell when an id was made, to the millisecond."""
    return int(identifier[2:14], 16) * 1_000
