"""Holds: money that is set aside, paid out, let go, or free again by itself.

A hold counts until the moment at which it expires, and from that very moment on for
nothing, whether or not anything has touched its wallet.
"""

from .commands import CaptureHold, Kind, PlaceHold, ReleaseHold
from .draft import Draft
from .held import HoldEnd, HoldState
from .money import CURRENCIES, LARGEST_MINOR
from .moves import carry_out, refuse, refuse_change, refuse_recipient
from .outcomes import Held, Known, Moved, Refused, WalletState
from .refusals import Refusal

_SECOND_US = 1_000_000


def close_expired(draft: Draft, known: Known) -> None:
    """Close every hold whose time is over, before anything is decided."""
    for wallet_id, next_expiry_us in known.next_expiry_us.items():
        wallet = draft.wallets[wallet_id]
        draft.wallets[wallet_id] = wallet._replace(next_expiry_us=next_expiry_us)
        draft.changed[wallet_id] = None
    for hold in known.holds.values():
        _change(draft, hold, hold.at(draft.now_us))


def place_hold(draft: Draft, command: PlaceHold) -> Held | Refused:
    """Set money aside, if it is there to be taken out."""
    wallet = draft.wallets[command.wallet_id]
    minor = command.amount.in_minor_units(CURRENCIES[wallet.currency])
    refusal = refuse_change(wallet, -minor)
    # Where the floor is below zero, more can be held than a balance can be.
    if refusal is None and wallet.held_minor + minor > LARGEST_MINOR:
        refusal = Refusal.BALANCE_TOO_LARGE
    if refusal is not None:
        return refuse(refusal, command)
    hold = HoldState(
        wallet.id,
        command.hold_id,
        minor,
        captured_minor=0,
        note=command.note,
        state=HoldEnd.OPEN,
        created_at_us=draft.now_us,
        expires_at_us=draft.now_us + command.expires_in_s * _SECOND_US,
        closed_at_us=None,
    )
    _change(draft, None, hold)
    return Held(command, wallet.currency, hold)


def capture_hold(draft: Draft, command: CaptureHold) -> Moved | Refused:
    """Pay out of a hold, and let go of what is left unless it is kept open."""
    wallet = draft.wallets[command.wallet_id]
    hold = _find_open(draft, command)
    if isinstance(hold, Refusal):
        return refuse(hold, command)
    minor = hold.remaining_minor
    if command.amount is not None:
        minor = command.amount.in_minor_units(CURRENCIES[wallet.currency])
    if minor > hold.remaining_minor:
        return refuse(Refusal.HOLD_EXCEEDED, command)
    recipient, kind = None, Kind.WITHDRAWAL
    if command.recipient is not None:
        kind = Kind.TRANSFER
        if command.recipient == wallet.id:
            return refuse(Refusal.SELF_TRANSFER, command)
        recipient = draft.wallets.get(command.recipient)
        refused = refuse_recipient(wallet, recipient, minor)
        if refused is not None:
            return refuse(refused, command)
    captured = hold._replace(captured_minor=hold.captured_minor + minor)
    if not command.keep_open or captured.remaining_minor == 0:
        captured = captured._replace(state=HoldEnd.CAPTURED, closed_at_us=draft.now_us)
    _change(draft, hold, captured)
    sides = [(draft.wallets[wallet.id], -minor, command.recipient)]
    if recipient is not None:
        sides.append((recipient, minor, wallet.id))
    return carry_out(draft, command, sides, kind, hold_id=hold.id)


def release_hold(draft: Draft, command: ReleaseHold) -> Held | Refused:
    """Let go of what remains of a hold."""
    wallet = draft.wallets[command.wallet_id]
    hold = _find_open(draft, command)
    if isinstance(hold, Refusal):
        return refuse(hold, command)
    released = hold._replace(state=HoldEnd.RELEASED, closed_at_us=draft.now_us)
    _change(draft, hold, released)
    return Held(command, wallet.currency, released)


def _find_open(draft: Draft, command: CaptureHold | ReleaseHold) -> HoldState | Refusal:
    hold = draft.holds.get((command.wallet_id, command.hold_id))
    if hold is None:
        return Refusal.UNKNOWN_HOLD
    if hold.state is HoldEnd.OPEN:
        return hold
    expired = hold.state is HoldEnd.EXPIRED
    return Refusal.HOLD_EXPIRED if expired else Refusal.HOLD_CLOSED


def _change(draft: Draft, before: HoldState | None, after: HoldState) -> None:
    """Put a hold down, and what its wallet has set aside then."""
    if before == after:
        return
    wallet = draft.wallets[after.wallet_id]
    held = wallet.held_minor + after.remaining_minor
    held -= before.remaining_minor if before else 0
    draft.holds[wallet.id, after.id] = after
    draft.wallets[wallet.id] = wallet._replace(
        held_minor=held, next_expiry_us=_next_expiry_us(wallet, after, held)
    )
    draft.changed[wallet.id] = None


def _next_expiry_us(wallet: WalletState, hold: HoldState, held: int) -> int | None:
    # It may be too early, never too late: what is closed before its time stays in it.
    if held == 0:
        return None
    if hold.state is not HoldEnd.OPEN:
        return wallet.next_expiry_us
    return min(hold.expires_at_us, wallet.next_expiry_us or hold.expires_at_us)
