"""Moves of money: whether the rules allow one, and the entries that it makes."""

from .commands import Keyed, Kind, MoveMoney, Principal, Reverse, SetBalance
from .digests import entry_digest
from .draft import Draft
from .money import CURRENCIES, LARGEST_MINOR
from .outcomes import Entry, Moved, Refused, Unmoved, WalletState
from .refusals import DECIDED_BY_RULES, Refusal

#: A wallet, what it gains, and the wallet on the other side.
_Side = tuple[WalletState, int, str | None]


def move(draft: Draft, command: MoveMoney) -> Moved | Refused:
    wallet = draft.wallets[command.wallet_id]
    minor = command.amount.in_minor_units(CURRENCIES[wallet.currency])
    change = minor if command.kind is Kind.DEPOSIT else -minor
    sides: list[_Side] = [(wallet, change, command.recipient)]
    refusal = refuse_change(wallet, change)
    if command.kind is Kind.TRANSFER:
        recipient = draft.wallets.get(command.recipient or "")
        if command.recipient == wallet.id:
            refusal = Refusal.SELF_TRANSFER
        # A caller without the funds learns nothing about other people's wallets.
        if refusal is None:
            refusal = refuse_recipient(wallet, recipient, minor)
        if recipient is not None:
            sides.append((recipient, minor, wallet.id))
    if refusal is not None:
        return refuse(refusal, command)
    if command.at_us is not None:
        untimely = _untimely(draft, command.at_us, sides)
        if untimely is not None:
            return Refused(Refusal.MALFORMED, command, field="at", reason=untimely)
    return carry_out(draft, command, sides, command.kind, payee=command.payee)


def _untimely(draft: Draft, at_us: int, sides: list[_Side]) -> str | None:
    """Say why a move cannot have been when it says, if it cannot.

    The first entry of a wallet may be older than the wallet.
    """
    if at_us > draft.now_us:
        return "lies in the future"
    for wallet, _, _ in sides:
        if wallet.version and at_us < wallet.last_entry_at_us:
            return "is before the wallet's last entry"
    return None


def set_balance(draft: Draft, command: SetBalance) -> Moved | Unmoved | Refused:
    """Move what is missing to a balance, in or out."""
    wallet = draft.wallets[command.wallet_id]
    wanted = command.amount.in_minor_units(CURRENCIES[wallet.currency])
    change = wanted - wallet.balance_minor
    if not change:
        return Unmoved(command)
    refusal = refuse_change(wallet, change)
    if refusal is not None:
        return refuse(refusal, command)
    kind = Kind.DEPOSIT if change > 0 else Kind.WITHDRAWAL
    return carry_out(draft, command, [(wallet, change, None)], kind)


def reverse(draft: Draft, command: Reverse) -> Moved | Refused:
    """Undo an operation on every side, once."""
    wallet = draft.wallets[command.wallet_id]
    if command.undone_kind is Kind.REVERSAL:
        return refuse(Refusal.NOT_REVERSIBLE, command)
    if (wallet.id, command.undone) in draft.reversed:
        return refuse(Refusal.ALREADY_REVERSED, command)
    sides: list[_Side] = [(wallet, command.change_minor, command.recipient)]
    if command.recipient is not None:
        other = draft.wallets[command.recipient]
        sides.append((other, -command.change_minor, wallet.id))
    for side, change, _ in sides:
        refusal = refuse_change(side, change)
        if refusal is not None:
            return refuse(refusal, command)
    draft.reversed.update((side.id, command.undone) for side, _, _ in sides)
    return carry_out(draft, command, sides, Kind.REVERSAL, reverses=command.undone)


def reversal_of(
    entry: Entry,
    operation_id: str,
    *,
    note: str | None = None,
    principal: Principal = Principal.OPERATOR,
    key: str | None = None,
) -> Reverse:
    """Ask for what undoes an entry."""
    return Reverse(
        operation_id=operation_id,
        wallet_id=entry.wallet_id,
        undone=entry.operation_id,
        undone_kind=entry.kind,
        change_minor=-entry.amount_minor,
        recipient=entry.counterparty,
        note=note,
        principal=principal,
        key=key,
    )


def refuse(refusal: Refusal, command: Keyed) -> Refused:
    return Refused(refusal, command, remember=refusal in DECIDED_BY_RULES)


def carry_out(
    draft: Draft,
    command: Keyed,
    sides: list[_Side],
    kind: Kind,
    *,
    payee: str | None = None,
    reverses: str | None = None,
    hold_id: str | None = None,
) -> Moved:
    """Append an entry on each side; the first is the wallet that was addressed."""
    about = payee, reverses
    entries = [_append(draft, command, sides[0], kind, about, hold_id)]
    # A hold belongs to the wallet in which it is.
    entries += [_append(draft, command, side, kind, about, None) for side in sides[1:]]
    return Moved(command, sides[0][0].currency, tuple(entries))


def refuse_change(wallet: WalletState, change: int) -> Refusal | None:
    if wallet.archived_at_us is not None:
        return Refusal.ARCHIVED
    balance = wallet.balance_minor + change
    if balance - wallet.held_minor < wallet.floor_minor:
        return Refusal.INSUFFICIENT_FUNDS
    # From far below zero to far above it, a change may be too large by itself.
    if max(balance, abs(change)) > LARGEST_MINOR:
        return Refusal.BALANCE_TOO_LARGE
    return None


def refuse_recipient(
    wallet: WalletState, recipient: WalletState | None, minor: int
) -> Refusal | None:
    if recipient is None:
        return Refusal.UNKNOWN_RECIPIENT
    if recipient.currency != wallet.currency:
        return Refusal.CURRENCY_MISMATCH
    return refuse_change(recipient, minor)


def _append(
    draft: Draft,
    command: Keyed,
    side: _Side,
    kind: Kind,
    about: tuple[str | None, str | None],
    hold_id: str | None,
) -> Entry:
    wallet, change, counterparty = side
    own = wallet.id == command.wallet_id
    payee, reverses = about
    at_us = getattr(command, "at_us", None)
    if at_us is None:
        # Clocks go back now and then; a wallet's history does not.
        at_us = max(draft.now_us, wallet.last_entry_at_us)
    columns = (
        wallet.id,
        wallet.version + 1,
        kind,
        change,
        wallet.balance_minor + change,
        command.operation_id,
        counterparty,
        getattr(command, "note", None),
        at_us,
        payee,
        reverses,
        hold_id,
    )
    asked = (command.principal, command.key) if own else (None, None)
    entry = Entry(*columns, entry_digest(wallet.digest, columns, *asked))
    draft.wallets[wallet.id] = wallet._replace(
        balance_minor=entry.balance_minor,
        version=entry.version,
        digest=entry.digest,
        last_entry_at_us=entry.at_us,
    )
    draft.changed[wallet.id] = None
    draft.entries.append(entry)
    return entry
