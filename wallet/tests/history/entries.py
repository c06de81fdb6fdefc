"""Judges histories: versions, sums, floors, and what was undone."""

from collections import defaultdict
from decimal import Decimal

from .case import Case, Entry
from .held import ROUNDED_S
from .readings import moment


def judge_histories(case: Case) -> None:
    """Find gaps, wrong sums, money below a floor, and what was undone twice."""
    for wallet, entries in case.histories.items():
        _judge_history(case, wallet, entries)
    _judge_sums(case)
    _judge_reversals(case)


def _judge_history(case: Case, wallet: str, entries: list[Entry]) -> None:
    """Versions have no gap and no double, and balances are sums, never too low."""
    row = case.wallets.get(wallet)
    if row is None:
        case.fault("gone", f"{wallet} is not in the list of wallets")
        return
    case.counts["entries"] += len(entries)
    versions = [entry["version"] for entry in entries]
    if versions != list(range(1, len(entries) + 1)):
        case.fault("gap", f"{wallet} has the versions {versions}")
    balance, at = Decimal(0), ""
    for entry in entries:
        where = f"{wallet} version {entry['version']}"
        balance += Decimal(entry["amount"])
        if Decimal(entry["balance"]) != balance:
            case.fault("sum", f"{where}: {entry}, but the sum is {balance}")
            balance = Decimal(entry["balance"])
        _judge_rules(case, wallet, entry, balance)
        if entry["at"] < at:
            case.fault("time", f"{where} is earlier than the entry before it")
        at = entry["at"]
    if (row["version"], Decimal(row["balance"])) != (len(entries), balance):
        case.fault("sum", f"{row} is not what its entries end with: {balance}")


def _judge_rules(case: Case, wallet: str, entry: Entry, balance: Decimal) -> None:
    """What is available is never below the floor, and what is archived stays as it is.

    The server tells when it decided; that is the time by which holds count.
    """
    at = moment(entry["at"])
    where = f"{wallet} version {entry['version']}"
    began, ended = at - ROUNDED_S, at + ROUNDED_S
    floor = min(case.floors(wallet, began, ended))
    held = case.holds.least(wallet, entry["version"], at)
    if balance < floor:
        case.fault("floor", f"{where}: {balance} is below {floor}")
    elif balance - held < floor:
        case.fault("held", f"{where}: {balance} is below {floor} and {held} held")
    if case.archived(wallet, began, ended) == {True}:
        case.fault("archived", f"{where}: the wallet was archived")


def _judge_sums(case: Case) -> None:
    """Transfers add up to nothing, and all balances to what was put in."""
    for currency in {row["currency"] for row in case.wallets.values()}:
        wallets = [
            wallet
            for wallet, row in case.wallets.items()
            if row["currency"] == currency
        ]
        entries = [entry for wallet in wallets for entry in case.histories[wallet]]
        moved = sum(Decimal(each["amount"]) for each in entries if each["counterparty"])
        if moved:
            case.fault("money made", f"transfers in {currency} add up to {moved}")
        held = sum(Decimal(case.wallets[wallet]["balance"]) for wallet in wallets)
        put_in = sum(Decimal(each["amount"]) for each in entries) - moved
        if held != put_in:
            case.fault("sum", f"{held} {currency} are held, {put_in} were put in")


def _judge_reversals(case: Case) -> None:
    """An operation is undone at most once, on all its sides."""
    for wallet, entries in case.histories.items():
        undone: dict[str, list[str]] = defaultdict(list)
        for entry in entries:
            if entry["reverses"]:
                undone[entry["reverses"]].append(entry["operation"])
        for entry in entries:
            by = undone[entry["operation"]]
            if len(by) > 1:
                case.fault("undone twice", f"{entry} of {wallet}, by {by}")
            elif [entry["reversed_by"]] != (by or [None]):
                case.fault("changed", f"{entry} of {wallet} was undone by {by}")
