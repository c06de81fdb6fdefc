"""Judges lists: each has all that was there before it was asked for, and fits."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from .asked import parameters, target
from .case import Case, Entry
from .held import ROUNDED_S, Hold
from .moments import Timeline
from .record import Call


def judge_lists(case: Case, timeline: Timeline) -> None:
    """Find what is missing in a list, or does not belong in it."""
    for call in case.calls:
        if call.status != 200 or call.request.method != "GET":
            continue
        wallet, what = target(call.request)
        if what == "wallets":
            _judge_wallets(case, call)
        elif wallet in case.wallets and what == "entries":
            _judge_entries(case, timeline, call, wallet)
        elif wallet in case.wallets and what == "holds":
            _judge_holds(case, timeline, call, wallet)


def _judge_wallets(case: Case, call: Call) -> None:
    asked, rows = parameters(call.request), call.json["wallets"]
    order = asked.get("order", "created")
    keys: dict[str, Callable[[dict[str, Any]], Any]] = {
        "created": lambda row: row["id"],
        "name": lambda row: (row["name"], row["id"]),
        "balance": lambda row: (row["currency"], -Decimal(row["balance"]), row["id"]),
    }
    if [*rows] != sorted(rows, key=keys[order]):
        case.fault("list", f"not by {order}: {call}")
    archived = asked.get("archived") == "true"
    for row in rows:
        fits = asked.get("currency") in (None, row["currency"])
        fits = fits and asked.get("text", "").lower() in row["name"].lower()
        if not fits or (row["archived"] and not archived):
            case.fault("list", f"{row} does not belong in {call}")
    if order != "created" and call.json["next"]:
        return
    listed = {row["id"] for row in rows}
    first = asked.get("after", "")
    last = rows[-1]["id"] if call.json["next"] and rows else "x"
    for wallet in _created_before(case, call):
        if first < wallet <= last and wallet not in listed:
            if _must_be_listed(case, call, wallet, archived=archived):
                case.fault("order", f"{wallet} is missing in {call}")


def _created_before(case: Case, call: Call) -> set[str]:
    return {
        creation.json["id"]
        for calls in case.creations.values()
        for creation in calls
        if creation.status == 201 and creation.ended < call.began
    }


def _must_be_listed(case: Case, call: Call, wallet: str, *, archived: bool) -> bool:
    asked, row = parameters(call.request), case.wallets.get(wallet)
    if row is None or asked.get("currency") not in (None, row["currency"]):
        return row is None and asked.keys() <= {"limit", "after", "archived"}
    if not archived and True in case.archived(wallet, call.began, call.ended):
        return False
    names = case.registers[wallet]["name"].possible(call.began, call.ended)
    return all(asked.get("text", "").lower() in name.lower() for name in names)


def _fits(entry: Entry, asked: dict[str, str]) -> bool:
    amount, version = abs(Decimal(entry["amount"])), entry["version"]
    at = datetime.fromisoformat(entry["at"])
    return (
        asked.get("kind") in (None, entry["kind"])
        and amount >= Decimal(asked.get("min", "0"))
        and amount <= Decimal(asked.get("max", "Infinity"))
        and asked.get("text", "").lower() in entry["note"].lower()
        and version > int(asked.get("after", "0"))
        and version < int(asked.get("before", version + 1))
        and ("from" not in asked or at >= datetime.fromisoformat(asked["from"]))
        and ("to" not in asked or at < datetime.fromisoformat(asked["to"]))
    )


def _judge_entries(case: Case, timeline: Timeline, call: Call, wallet: str) -> None:
    asked, entries = parameters(call.request), call.json["entries"]
    newest_first = asked.get("order") != "oldest"
    shown = [entry["version"] for entry in entries]
    if shown != sorted(set(shown), reverse=newest_first):
        case.fault("list", f"not in order: {call}")
    for entry in entries:
        if not _fits(entry, asked):
            case.fault("list", f"{entry} does not belong in {call}")
    there = timeline.possible(wallet, call.began, call.ended)[0]
    wanted = [
        entry["version"]
        for entry in case.histories[wallet][:there]
        if _fits(entry, asked)
    ]
    if call.json["next"] and shown:
        # The rest is on the next page.
        end = shown[-1]
        wanted = [
            each for each in wanted if (each >= end) == newest_first or each == end
        ]
    if missing := {*wanted} - {*shown}:
        case.fault("order", f"the versions {missing} are missing in {call}")


def _judge_holds(case: Case, timeline: Timeline, call: Call, wallet: str) -> None:
    asked, rows = parameters(call.request), call.json["holds"]
    shown = [row["id"] for row in rows]
    state, after = asked.get("state"), asked.get("after", "")
    if shown != sorted(set(shown)) or any(each <= after for each in shown):
        case.fault("list", f"not in order: {call}")
    if any(
        row["wallet"] != wallet or state not in (None, row["state"]) for row in rows
    ):
        case.fault("list", f"one does not belong in {call}")
    last = shown[-1] if call.json["next"] and shown else "x"
    versions = timeline.possible(wallet, call.began, call.ended)
    for name, hold in case.holds.by_id.items():
        if hold.row["wallet"] != wallet or not after < name <= last or name in shown:
            continue
        if hold.seen_by < call.began and _must_show(hold, state, call, versions):
            case.fault("order", f"{hold.row} is missing in {call}")


def _must_show(hold: Hold, state: str | None, call: Call, versions: range) -> bool:
    if state is None:
        return True
    if state == "open":
        left = hold.remaining(versions[-1])
        return bool(left) and hold.must_count(call.began, call.ended)
    if state != hold.row["state"]:
        return False
    if state == "expired":
        return hold.expires < call.began - ROUNDED_S
    if state == "released":
        return hold.released[1] < call.began
    return any(ends and at <= versions[0] for at, _, ends in hold.steps)
