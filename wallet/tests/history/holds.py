"""Judges holds: each ends once, pays out no more than it has, and expires on time."""

from decimal import Decimal

from .asked import target
from .case import Case
from .held import ROUNDED_S, Hold
from .moments import Timeline
from .readings import holds_shown, moment
from .record import Call

_FIXED = ("id", "wallet", "amount", "note", "created_at", "expires_at")


def judge_holds(case: Case, timeline: Timeline) -> None:
    """Find holds that were paid out twice or too late, forgotten, or shown wrongly."""
    for hold in case.holds.by_id.values():
        case.counts["holds"] += 1
        _judge_origin(case, hold)
        _judge_payments(case, hold)
        _judge_end(case, hold)
        _judge_room(case, hold)
    for note, same in case.holds.by_note.items():
        if len(same) > 1:
            case.fault("twice", f"{note} made {[each.row for each in same]}")
    for call in case.calls:
        for row, is_of_now in holds_shown(call):
            _judge_shown(case, timeline, call, row, is_of_now=is_of_now)


def _judge_origin(case: Case, hold: Hold) -> None:
    """It was asked for, and is as it was asked for."""
    move = case.asked.get(hold.row["note"])
    if move is None or (move.kind, move.wallet) != ("hold", hold.row["wallet"]):
        case.fault("unasked", f"nobody asked for {hold.row}")
        return
    lasts = hold.expires - hold.created
    if hold.amount != move.amount or abs(lasts - move.expires_in) > ROUNDED_S:
        case.fault("changed", f"{move} made {hold.row}")
    attempts = [each for each in case.attempts[move.note] if each.may_have_written]
    if not attempts:
        case.fault("written all the same", f"{hold.row}")
    elif hold.created < min(each.began for each in attempts) - ROUNDED_S:
        case.fault("time", f"{hold.row} is older than {attempts[0]}")
    if hold.created > hold.seen_by + ROUNDED_S:
        case.fault("time", f"{hold.row} was seen before it was made")


def _judge_payments(case: Case, hold: Hold) -> None:
    """Not more than was set aside is paid out, in time, and nothing after the end."""
    ended = False
    for entry, (_, total, ends) in zip(hold.entries, hold.steps, strict=True):
        at = moment(entry["at"])
        if ended or total > hold.amount:
            case.fault("paid twice", f"{entry} out of {hold.row}: {hold.entries}")
        if not hold.created <= at < hold.expires:
            case.fault("too late", f"{entry} out of {hold.row}")
        if hold.released[1] < at - ROUNDED_S:
            case.fault("paid twice", f"{entry} out of {hold.row}, which was released")
        move = case.asked.get(entry["note"])
        if move is not None and move.amount is None and total != hold.amount:
            case.fault("wrong answer", f"{move} was to pay all of {hold.row}: {entry}")
        ended = ended or ends


def _judge_end(case: Case, hold: Hold) -> None:
    """Its state says what happened to it."""
    state, paid = hold.row["state"], hold.steps[-1][1] if hold.steps else Decimal(0)
    is_captured = any(ends for _, _, ends in hold.steps)
    if paid != Decimal(hold.row["captured"]):
        case.fault("hold", f"{paid} was paid out of {hold.row}")
    if is_captured != (state == "captured"):
        case.fault("hold", f"{hold.entries} were paid out of {hold.row}")
    released = [
        note
        for note in case.about[hold.row["id"]]
        if case.asked[note].kind == "release"
        and any(outcome.status == 201 for _, outcome in case.answered[note])
    ]
    if len(released) > 1:
        case.fault("twice", f"{hold.row} was released by each of {released}")
    if released and state != "released":
        case.fault("gone", f"{hold.row} was released by {released}")
    if state == "released" and hold.released[0] >= hold.expires:
        case.fault("too late", f"{hold.row} was released by {released}")
    if state == "released" and hold.released[0] == float("-inf"):
        case.fault("unasked", f"nobody released {hold.row}")


def _judge_room(case: Case, hold: Hold) -> None:
    """The money was there when it was set aside."""
    wallet, at = hold.row["wallet"], hold.created
    times = [moment(entry["at"]) for entry in case.histories[wallet]]
    least = sum(time < at for time in times)
    most = sum(time <= at for time in times)
    floor = min(case.floors(wallet, at, at))
    if all(
        case.balance(wallet, version)
        - case.holds.least(wallet, version, at)
        - hold.amount
        < floor
        for version in range(least, most + 1)
    ):
        case.fault("held", f"{hold.row} sets aside what was not there")
    if case.archived(wallet, at, at) == {True}:
        case.fault("archived", f"{hold.row} was made in an archived wallet")


def _judge_shown(
    case: Case, timeline: Timeline, call: Call, row: dict, *, is_of_now: bool
) -> None:
    case.counts["holds seen"] += 1
    hold = case.holds.by_id.get(row["id"])
    if hold is None:
        if target(call.request)[0] in (None, *case.wallets):
            case.fault("gone", f"{row}, shown by {call}")
        return
    if any(row[name] != hold.row[name] for name in _FIXED):
        case.fault("changed", f"{hold.row}, unlike what {call} shows")
    if is_of_now and not _is_possible(timeline, call, hold, row):
        case.fault("hold", f"{hold.row} cannot have been as {call} shows: {row}")


def _is_possible(timeline: Timeline, call: Call, hold: Hold, row: dict) -> bool:
    versions = timeline.possible(row["wallet"], call.began, call.ended)
    # Few of them change the hold.
    steps = [at for at, _, _ in hold.steps if at in versions]
    for version in [versions[0], *steps]:
        left, is_open = hold.remaining(version), row["state"] == "open"
        shown = Decimal(row["captured"]), Decimal(row["remaining"])
        if shown != (hold.captured(version), left if is_open else 0):
            continue
        if row["state"] == "captured":
            return any(ends and at <= version for at, _, ends in hold.steps)
        if not left:
            continue
        if is_open:
            return hold.may_count(call.began, call.ended)
        if row["state"] == "released":
            return hold.released[0] <= call.ended
        return hold.expires <= call.ended + ROUNDED_S and hold.row["state"] == "expired"
    return False
