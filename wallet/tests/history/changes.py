"""What a wallet has beside its money: values that are set, and when they may have been.

No answer says when a change was made, so a value is possible from the begin of the
request that sets it until one that surely came after it is answered.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .asked import target
from .record import Call

if TYPE_CHECKING:
    from .case import Case

#: What a change may set.
MEMBERS = ("name", "floor", "archived")


@dataclass(frozen=True)
class _Write:
    value: Any
    began: float
    ended: float


class Register:
    """A value that clients set."""

    def __init__(self, value: Any) -> None:
        self._writes = [_Write(value, -math.inf, -math.inf)]

    def write(self, value: Any, call: Call) -> None:
        ended = call.ended if call.status == 200 else math.inf
        self._writes.append(_Write(value, call.began, ended))

    def possible(self, began: float, ended: float) -> set[Any]:
        """Return the values that it can have had between two moments."""
        surely = max(each.began for each in self._writes if each.ended < began)
        return {
            each.value
            for each in self._writes
            if each.began <= ended and each.ended >= surely
        }


def registers_of(row: dict[str, Any]) -> dict[str, Register]:
    """Return what can be changed of a wallet, as it was created."""
    new = {"archived": False} | {name: row[name] for name in ("name", "floor")}
    return {name: Register(value) for name, value in new.items()}


def judge_row(case: "Case", row: dict[str, Any], call: Call) -> None:
    """A wallet is shown with values of its time, and with sums that add up."""
    registers = case.registers.get(row["id"])
    if registers is None:
        return
    for name in MEMBERS:
        possible = registers[name].possible(call.began, call.ended)
        if row[name] not in possible:
            case.fault("change", f"{name} of {row} is none of {possible}: {call}")
    if target(call.request)[1] == "wallet" and call.request.method == "PATCH":
        body = call.request.body or {}
        if any(row[name] != value for name, value in body.items()):
            case.fault("change", f"{row} is not what was asked for: {call}")
