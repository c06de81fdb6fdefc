"""What makes a refusal right: a reason for each problem, at some moment of its time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .asked import Move, moves
from .case import Case
from .held import ROUNDED_S, Hold
from .readings import KEPT
from .record import Call

if TYPE_CHECKING:
    from .moments import Timeline


@dataclass(frozen=True)
class Doubt:
    """A move that was refused.

    :param versions: those that its wallet can have had, as far as they are there.
    :param before: what its own batch, of which nothing was done, asked for before it.
    :param began, ended: between which moments it was decided.
    """

    case: Case
    timeline: "Timeline"
    call: Call
    move: Move
    versions: Sequence[int]
    before: Sequence[Move]
    began: float
    ended: float

    def can_lack(self, wallet: str, versions: Sequence[int], change: Decimal) -> bool:
        """Whether a change can have left less than has to be available."""
        floor = max(self.case.floors(wallet, self.began, self.ended))
        return any(
            self.case.balance(wallet, version) + change
            < floor + self.case.holds.most(wallet, version, self.began, self.ended)
            for version in versions
        )

    @property
    def hold(self) -> Hold | None:
        hold = self.case.holds.by_id.get(self.move.hold or "")
        return hold if hold and hold.row["wallet"] == self.move.wallet else None

    @property
    def undone(self) -> dict[str, Any] | None:
        return self.case.entry(self.move.wallet, self.move.version)

    @property
    def other(self) -> str | None:
        """The wallet on the other side."""
        if self.move.kind == "reversal":
            return self.undone and self.undone["counterparty"]
        return self.move.to

    @property
    def was_touched(self) -> bool:
        """Whether its own batch had asked something of its hold before."""
        return any(each.hold == self.move.hold for each in self.before)


def _funds(doubt: Doubt) -> bool:
    move, case = doubt.move, doubt.case
    if move.kind == "capture":
        return False  # what is held is there
    sides = {move.wallet: move.sets_free_at_least}
    if move.kind in ("reversal", "balance"):
        sides = case.sides(move) or {}
    for wallet, change in sides.items():
        versions = doubt.versions
        if move.kind == "balance":
            versions = [move.version]  # it was to be that one
        if wallet != move.wallet:
            versions = doubt.timeline.possible(wallet, doubt.began, doubt.ended)
        else:
            change += sum(each.sets_free_at_least for each in doubt.before)
        if doubt.can_lack(wallet, versions, change):
            return True
    return False


def _recipient_is_unknown(doubt: Doubt) -> bool:
    return doubt.move.to is not None and doubt.move.to not in doubt.case.wallets


def _currencies_differ(doubt: Doubt) -> bool:
    wallets = doubt.case.wallets
    recipient = wallets.get(doubt.move.to or "")
    sender = wallets[doubt.move.wallet]
    return recipient is not None and recipient["currency"] != sender["currency"]


def _is_archived(doubt: Doubt) -> bool:
    return any(
        True in doubt.case.archived(wallet, doubt.began, doubt.ended)
        for wallet in (doubt.move.wallet, doubt.other)
    )


def _was_undone(doubt: Doubt) -> bool:
    move, undone = doubt.move, doubt.undone or {}
    by = doubt.timeline.undone_by(move.wallet, undone.get("operation", ""), doubt.ended)
    entry = doubt.case.entry(move.wallet, by or 0)
    return entry is not None and entry["note"] != move.note


def _is_a_reversal(doubt: Doubt) -> bool:
    return doubt.undone is not None and doubt.undone["kind"] == "reversal"


def _entry_is_unknown(doubt: Doubt) -> bool:
    return doubt.versions[0] < doubt.move.version


def _hold_is_unknown(doubt: Doubt) -> bool:
    return doubt.hold is None


def _hold_is_closed(doubt: Doubt) -> bool:
    hold = doubt.hold
    if hold is None:
        return False
    ends = [version for version, _, ends in hold.steps if ends]
    return (
        doubt.was_touched
        or hold.released[0] <= doubt.ended
        or any(each <= doubt.versions[-1] for each in ends)
    )


def _hold_has_expired(doubt: Doubt) -> bool:
    return doubt.hold is not None and doubt.hold.expires <= doubt.ended + ROUNDED_S


def _hold_is_exceeded(doubt: Doubt) -> bool:
    hold, amount = doubt.hold, doubt.move.amount
    if hold is None or amount is None:
        return False
    left = hold.amount - hold.captured(doubt.versions[-1])
    return doubt.was_touched or amount > left


def _key_was_used(doubt: Doubt) -> bool:
    case, move = doubt.case, doubt.move
    return any(
        other.began < doubt.call.ended
        and (other.may_have_written or other.problem in KEPT)
        for note in case.under_key[move.scope] - {move.note}
        for other in case.attempts[note]
    )


#: What can be the reason of each refusal of a move; of any other, nothing can.
REASONS: dict[str, Callable[[Doubt], bool]] = {
    "insufficient-funds": _funds,
    "self-transfer": lambda doubt: doubt.move.to == doubt.move.wallet,
    "unknown-recipient": _recipient_is_unknown,
    "currency-mismatch": _currencies_differ,
    "archived": _is_archived,
    "already-reversed": _was_undone,
    "not-reversible": _is_a_reversal,
    "unknown-entry": _entry_is_unknown,
    "unknown-hold": _hold_is_unknown,
    "hold-closed": _hold_is_closed,
    "hold-expired": _hold_has_expired,
    "hold-exceeded": _hold_is_exceeded,
    "key-reused": _key_was_used,
}


def change_has_reason(
    case: Case, timeline: "Timeline", wallet: str, call: Call
) -> bool:
    """Whether a change of a wallet that was refused can have been refused."""
    body, versions = call.request.body or {}, _there(case, timeline, wallet, call)
    free = [
        case.balance(wallet, version)
        - case.holds.most(wallet, version, call.began, call.ended)
        for version in versions
    ]
    if call.problem == "floor-too-high":
        return any(each < Decimal(body["floor"]) for each in free)
    return call.problem == "not-empty" and any(
        case.balance(wallet, version)
        or case.holds.most(wallet, version, call.began, call.ended)
        for version in versions
    )


def _there(case: Case, timeline: "Timeline", wallet: str, call: Call) -> Sequence[int]:
    versions = timeline.possible(wallet, call.began, call.ended)
    return [each for each in versions if each <= len(case.histories[wallet])]


def asked_before(call: Call, move: Move) -> list[Move]:
    """Return what a batch asked for before one of its moves."""
    asked = moves(call.request)
    return asked[: asked.index(move)]
