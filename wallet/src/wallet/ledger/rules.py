"""The rules of the ledger, as one pure function.

:func:`decide` takes what is known, what is asked and the time, and says what comes of
it. It changes nothing that it was given and knows no store, clock or framework, so
that a test, a replay and the service all decide alike.
"""

from typing import TypeGuard

from .changes import change, change_wallet
from .commands import (
    CaptureHold,
    ChangeWallet,
    Command,
    CreateWallet,
    Keyed,
    PlaceHold,
    RaiseKeyVersion,
    ReleaseHold,
    Reverse,
    SetBalance,
    Submission,
)
from .digests import asked_by, fingerprint, first_digest
from .draft import Draft
from .holds import capture_hold, close_expired, place_hold, release_hold
from .money import CURRENCIES, AmountError
from .moves import move, reverse, set_balance
from .outcomes import (
    Abandoned,
    Created,
    Decision,
    Held,
    KeyRaised,
    Known,
    Moved,
    Outcome,
    Refused,
    Remembered,
    Replayed,
    Unmoved,
    Verdict,
    WalletState,
)
from .refusals import Refusal


def decide(known: Known, submissions: tuple[Submission, ...], now_us: int) -> Decision:
    """Decide submissions in order, each on what the ones before it left.

    :param known: every wallet, creation and remembered answer that they name.
    :param now_us: the time in microseconds since 1970, UTC.
    """
    draft = Draft(known, now_us)
    if known.holds or known.next_expiry_us:
        close_expired(draft, known)
    verdicts = tuple(_judge(draft, submission) for submission in submissions)
    return draft.decision(verdicts)


def _judge(draft: Draft, submission: Submission) -> Verdict:
    refused = _refuse_whole(draft, submission)
    if refused is not None:
        return refused
    if not submission.atomic:
        return tuple(_carry_out(draft, command) for command in submission.commands)
    attempt = draft.fork()
    outcomes = []
    for index, command in enumerate(submission.commands):
        outcome = _carry_out(attempt, command)
        if _is_refusal(outcome):
            return Abandoned(index, outcome, len(submission.commands))
        outcomes.append(outcome)
    draft.adopt(attempt)
    return tuple(outcomes)


def _is_refusal(outcome: Outcome) -> TypeGuard[Refused | Replayed]:
    if isinstance(outcome, Replayed):
        earlier = outcome.earlier
        refused = isinstance(earlier, Remembered) and earlier.status >= 400
        return refused or isinstance(earlier, Refused)
    return isinstance(outcome, Refused)


def _refuse_whole(draft: Draft, submission: Submission) -> Refused | None:
    # The order is part of the contract: credentials, syntax, replay, If-Match, rules.
    if submission.wallet_id is None:
        return None
    wallet = draft.wallets.get(submission.wallet_id)
    if submission.key_version is not None and (
        wallet is None or wallet.key_version != submission.key_version
    ):
        return Refused(Refusal.STALE_CREDENTIALS)
    if wallet is None:
        return Refused(Refusal.UNKNOWN_WALLET)
    for index, command in enumerate(submission.commands):
        reason = _malformed_amount(wallet, command)
        if reason is not None:
            field = "floor" if isinstance(command, ChangeWallet) else "amount"
            return Refused(Refusal.MALFORMED, command, index, field, reason)
    if submission.if_match in (None, wallet.version):
        return None
    if all(_answer_under_key(draft, command) for command in submission.commands):
        return None
    return Refused(Refusal.VERSION_MISMATCH)


def _malformed_amount(wallet: WalletState, command: Command) -> str | None:
    amount = getattr(command, "amount", None) or getattr(command, "floor", None)
    if amount is None:
        return None
    try:
        minor = amount.in_minor_units(CURRENCIES[wallet.currency])
    except AmountError as error:
        return str(error)
    positive = not isinstance(command, SetBalance | ChangeWallet)
    below = positive and minor <= 0
    return "must be above zero" if below else None


def _carry_out(draft: Draft, command: Command) -> Outcome:
    if isinstance(command, CreateWallet):
        return _create(draft, command)
    if isinstance(command, RaiseKeyVersion):
        return _raise_key_version(draft, command)
    if isinstance(command, ChangeWallet):
        return change_wallet(draft, command)
    answered = _answer_under_key(draft, command)
    if answered is not None:
        return answered
    if isinstance(command, Reverse):
        outcome: Outcome = reverse(draft, command)
    elif isinstance(command, SetBalance):
        outcome = set_balance(draft, command)
    elif isinstance(command, PlaceHold):
        outcome = place_hold(draft, command)
    elif isinstance(command, CaptureHold):
        outcome = capture_hold(draft, command)
    elif isinstance(command, ReleaseHold):
        outcome = release_hold(draft, command)
    else:
        outcome = move(draft, command)
    if command.key is not None and _is_kept(outcome):
        scope = (command.wallet_id, command.principal.value, command.key)
        draft.answered[scope] = outcome
        # A kept answer without an entry changes the wallet's seal.
        draft.changed[command.wallet_id] = None
    return outcome


def _is_kept(outcome: Outcome) -> TypeGuard[Moved | Held | Unmoved | Refused]:
    if isinstance(outcome, Refused):
        return outcome.remember
    return isinstance(outcome, Moved | Held | Unmoved)


def _answer_under_key(draft: Draft, command: Command) -> Outcome | None:
    if not isinstance(command, Keyed) or command.key is None:
        return None
    scope = (command.wallet_id, command.principal.value, command.key)
    earlier = draft.answered.get(scope)
    if earlier is None:
        return None
    if asked_by(earlier) != fingerprint(command):
        return Refused(Refusal.KEY_REUSED, command)
    return Replayed(earlier)


def _create(draft: Draft, command: CreateWallet) -> Outcome:
    if command.key is not None and command.key in draft.by_creation_key:
        earlier = draft.by_creation_key[command.key]
        same = (earlier.name, earlier.currency, earlier.floor_minor) == (
            command.name,
            command.currency,
            command.floor_minor,
        )
        if not same:
            return Refused(Refusal.KEY_REUSED, command)
        return Created(earlier, replayed=True)
    wallet = WalletState(
        id=command.wallet_id,
        name=command.name,
        currency=command.currency,
        floor_minor=command.floor_minor,
        created_at_us=draft.now_us,
        creation_key=command.key,
        key_version=1,
        balance_minor=0,
        version=0,
        digest=b"",
        last_entry_at_us=draft.now_us,
    )
    wallet = wallet._replace(digest=first_digest(wallet))
    draft.wallets[wallet.id] = wallet
    draft.created[wallet.id] = None
    if command.key is not None:
        draft.by_creation_key[command.key] = wallet
    return Created(wallet)


def _raise_key_version(draft: Draft, command: RaiseKeyVersion) -> Outcome:
    wallet = draft.wallets[command.wallet_id]
    key_version = wallet.key_version + 1
    return KeyRaised(change(draft, wallet, key_version=key_version))
