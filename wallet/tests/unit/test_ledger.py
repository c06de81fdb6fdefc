from dataclasses import replace

import pytest

from wallet.ledger.commands import (
    CreateWallet,
    Kind,
    MoveMoney,
    Principal,
    RaiseKeyVersion,
    Submission,
)
from wallet.ledger.digests import (
    canonical_bytes,
    entry_digest,
    fingerprint,
    first_digest,
    old_entry_digest,
    reseal,
    row_digest,
)
from wallet.ledger.ids import new_operation_id, new_wallet_id
from wallet.ledger.money import LARGEST_MINOR, read_amount
from wallet.ledger.outcomes import (
    Abandoned,
    Change,
    Created,
    Entry,
    KeyRaised,
    Known,
    Moved,
    Refused,
    Remembered,
    Replayed,
)
from wallet.ledger.refusals import Refusal
from wallet.ledger.rules import decide

NOW_US = 1_700_000_000_000_000


def a_wallet(**changes):
    """A wallet as creation leaves it, with some columns changed."""
    command = CreateWallet(new_wallet_id(), "Ada", "ZAR", 0)
    decision = decide(Known(), (Submission((command,)),), NOW_US)
    return decision.created[0]._replace(**changes)


def a_move(wallet, kind=Kind.DEPOSIT, amount="1.00", **more):
    return MoveMoney(new_operation_id(), wallet.id, kind, read_amount(amount), **more)


def alone(command, **more):
    return Submission((command,), command.wallet_id, **more)


def decide_one(known, command, now_us=NOW_US, **more):
    decision = decide(known, (alone(command, **more),), now_us)
    (verdict,) = decision.verdicts
    return decision, verdict if isinstance(verdict, Refused) else verdict[0]


def known_of(*wallets, **more):
    return Known(wallets={wallet.id: wallet for wallet in wallets}, **more)


def test_a_deposit_adds_an_entry_that_follows_from_the_wallet():
    """Version, running balance, time and digest continue the wallet's history."""
    wallet = a_wallet()
    decision, outcome = decide_one(known_of(wallet), a_move(wallet, note="rent"))
    (entry,) = decision.entries
    assert isinstance(outcome, Moved)
    assert (entry.version, entry.amount_minor, entry.balance_minor) == (1, 100, 100)
    asked = (Principal.OPERATOR, None)
    assert entry.digest == entry_digest(first_digest(wallet), entry, *asked)
    assert decision.changed[0].digest == entry.digest


def test_deciding_changes_nothing_that_was_given():
    """What is known before is equal to what is known after."""
    wallet = a_wallet()
    known = known_of(wallet)
    before = Known(dict(known.wallets), dict(known.created), dict(known.remembered))
    decide_one(known, a_move(wallet, key="k"))
    assert known == before


def test_a_history_never_goes_back_in_time():
    """A clock that goes back does not make an entry older than the one before it."""
    wallet = a_wallet(last_entry_at_us=NOW_US + 5)
    decision, _ = decide_one(known_of(wallet), a_move(wallet), now_us=NOW_US)
    assert decision.entries[0].at_us == NOW_US + 5


def test_a_move_of_the_past_is_written_with_its_own_time():
    """As long as the wallet has no newer entry; it may be older than the wallet."""
    wallet = a_wallet()
    first, outcome = decide_one(known_of(wallet), a_move(wallet, at_us=5))
    assert isinstance(outcome, Moved)
    assert [entry.at_us for entry in first.entries] == [5]
    (wallet,) = first.changed
    for at_us in (5, 6, NOW_US):
        decision, _ = decide_one(known_of(wallet), a_move(wallet, at_us=at_us))
        assert decision.changed[0].last_entry_at_us == at_us


def test_no_move_is_written_before_an_entry_or_in_the_future():
    """On neither side of a transfer; it is not kept as the answer to its key."""
    old, new = a_wallet(balance_minor=500, version=1, last_entry_at_us=5), a_wallet()
    new = new._replace(version=1, last_entry_at_us=9)
    transfer = {"kind": Kind.TRANSFER, "recipient": new.id, "key": "k"}
    for command, reason in (
        (a_move(old, at_us=4), "is before the wallet's last entry"),
        (a_move(old, at_us=NOW_US + 1), "lies in the future"),
        (a_move(old, at_us=8, **transfer), "is before the wallet's last entry"),
    ):
        decision, outcome = decide_one(known_of(old, new), command)
        refused = Refused(Refusal.MALFORMED, command, field="at", reason=reason)
        assert outcome == refused
        assert (decision.entries, decision.changed) == ((), ())


@pytest.mark.parametrize(
    ("kind", "amount", "recipient", "refusal"),
    [
        (Kind.WITHDRAWAL, "10.01", None, Refusal.INSUFFICIENT_FUNDS),
        (Kind.TRANSFER, "10.01", "w_nobody", Refusal.INSUFFICIENT_FUNDS),
        (Kind.TRANSFER, "10.00", "w_nobody", Refusal.UNKNOWN_RECIPIENT),
        (Kind.TRANSFER, "10.00", "yen", Refusal.CURRENCY_MISMATCH),
        (Kind.TRANSFER, "10.00", "self", Refusal.SELF_TRANSFER),
        (Kind.TRANSFER, "10.00", "full", Refusal.BALANCE_TOO_LARGE),
        (Kind.DEPOSIT, "92233720368547758.07", None, Refusal.BALANCE_TOO_LARGE),
    ],
)
def test_the_rules_refuse(kind, amount, recipient, refusal):
    """Each rule has its own refusal, it is remembered, and nothing changes."""
    wallet = a_wallet(balance_minor=1000, version=1)
    others = {
        "yen": a_wallet(currency="JPY"),
        "full": a_wallet(balance_minor=LARGEST_MINOR),
        "self": wallet,
    }
    to = others[recipient].id if recipient in others else recipient
    command = a_move(wallet, kind, amount, recipient=to)
    decision, outcome = decide_one(known_of(wallet, *others.values()), command)
    assert outcome == Refused(refusal, command, remember=True)
    assert (decision.entries, decision.changed) == ((), ())


def test_a_transfer_has_two_sides_that_sum_to_zero():
    """Both wallets change in one decision and name each other."""
    sender, recipient = a_wallet(balance_minor=500, version=3), a_wallet()
    command = a_move(sender, Kind.TRANSFER, "2.50", recipient=recipient.id)
    decision, outcome = decide_one(known_of(sender, recipient), command)
    out, into = decision.entries
    assert out.amount_minor + into.amount_minor == 0
    assert (out.wallet_id, out.counterparty) == (sender.id, recipient.id)
    assert (into.wallet_id, into.counterparty) == (recipient.id, sender.id)
    assert outcome.entries == (out, into)


def test_a_floor_below_zero_lends_money():
    """A withdrawal may take the balance to the floor, and not below."""
    wallet = a_wallet(floor_minor=-100)
    known = known_of(wallet)
    _, allowed = decide_one(known, a_move(wallet, Kind.WITHDRAWAL, "1.00"))
    _, refused = decide_one(known, a_move(wallet, Kind.WITHDRAWAL, "1.01"))
    assert isinstance(allowed, Moved)
    assert refused.refusal is Refusal.INSUFFICIENT_FUNDS


def test_one_refused_command_does_not_harm_its_neighbours():
    """Commands of one batch are decided in order, each on what the last one left."""
    wallet = a_wallet()
    moves = [
        a_move(wallet, amount="1.00"),
        a_move(wallet, Kind.WITHDRAWAL, "2.00"),
        a_move(wallet, Kind.WITHDRAWAL, "1.00"),
    ]
    decision = decide(known_of(wallet), tuple(alone(each) for each in moves), NOW_US)
    kinds = [type(verdict[0]) for verdict in decision.verdicts]
    assert kinds == [Moved, Refused, Moved]
    assert [entry.balance_minor for entry in decision.entries] == [100, 0]


def test_a_key_repeated_within_a_batch_is_replayed():
    """The second send of a key finds the outcome of the first."""
    wallet = a_wallet()
    first, second = a_move(wallet, key="k"), a_move(wallet, key="k")
    decision = decide(known_of(wallet), (alone(first), alone(second)), NOW_US)
    (moved,), (replayed,) = decision.verdicts
    assert replayed == Replayed(moved)
    assert len(decision.entries) == 1


def test_a_remembered_key_is_replayed_even_when_the_wallet_has_moved_on():
    """Replay comes before If-Match, and a refusal stays a refusal."""
    wallet = a_wallet(version=7, balance_minor=100)
    command = a_move(wallet, key="k")
    earlier = Remembered("o_1", fingerprint(command), 422, "{}")
    scope = (wallet.id, "operator", "k")
    known = known_of(wallet, remembered={scope: earlier})
    _, outcome = decide_one(known, command, if_match=3)
    assert outcome == Replayed(earlier)


def test_a_key_is_kept_apart_by_principal():
    """The owner and the operator may use the same key for different things."""
    wallet = a_wallet(balance_minor=100, version=1)
    mine = a_move(wallet, Kind.WITHDRAWAL, "1.00", key="k", principal=Principal.OWNER)
    earlier = Remembered("o_1", b"x" * 32, 201, "{}")
    known = known_of(wallet, remembered={(wallet.id, "operator", "k"): earlier})
    _, outcome = decide_one(known, mine)
    assert isinstance(outcome, Moved)


@pytest.mark.parametrize(
    "changes", [{"amount": "2"}, {"note": "x"}, {"kind": Kind.WITHDRAWAL}]
)
def test_a_key_used_for_another_command_is_refused(changes):
    """What is asked must be the same; the operation's id need not be."""
    wallet = a_wallet()
    first = a_move(wallet, amount="1.00", key="k")
    second = a_move(wallet, **({"amount": "1", "key": "k"} | changes))
    decision = decide(known_of(wallet), (alone(first), alone(second)), NOW_US)
    assert decision.verdicts[1][0] == Refused(Refusal.KEY_REUSED, second)


def test_a_refusal_for_the_whole_submission_names_the_reason():
    """Credentials are judged before the amount, the amount before the version."""
    wallet = a_wallet(version=2)
    fine, coarse = a_move(wallet, amount="1.001"), a_move(wallet)
    known = known_of(wallet)
    _, stale = decide_one(known, fine, key_version=9, if_match=1)
    _, malformed = decide_one(known, fine, key_version=1, if_match=1)
    _, moved_on = decide_one(known, coarse, key_version=1, if_match=1)
    _, unknown = decide_one(Known(), coarse)
    assert stale.refusal is Refusal.STALE_CREDENTIALS
    assert (malformed.refusal, malformed.field) == (Refusal.MALFORMED, "amount")
    assert moved_on.refusal is Refusal.VERSION_MISMATCH
    assert unknown.refusal is Refusal.UNKNOWN_WALLET


def test_an_atomic_submission_is_done_whole_or_not_at_all():
    """One refusal takes back what the commands before it did, and names its place."""
    wallet = a_wallet()
    good, bad = a_move(wallet, key="a"), a_move(wallet, Kind.WITHDRAWAL, "9.00")
    whole = Submission((good, bad), wallet.id, atomic=True)
    decision = decide(known_of(wallet), (whole, alone(good)), NOW_US)
    refused, (moved,) = decision.verdicts
    refusal = Refused(Refusal.INSUFFICIENT_FUNDS, bad, remember=True)
    assert refused == Abandoned(1, refusal, size=2)
    assert isinstance(moved, Moved)
    assert decision.changed[0].balance_minor == 100


def test_an_atomic_submission_without_refusals_takes_effect():
    """All its commands are carried out in order."""
    wallet = a_wallet()
    both = (a_move(wallet), a_move(wallet, Kind.WITHDRAWAL, "0.40"))
    submission = Submission(both, wallet.id, atomic=True)
    decision = decide(known_of(wallet), (submission,), NOW_US)
    assert decision.changed[0].balance_minor == 60


def test_a_wallet_is_created_once_for_each_key():
    """The same key finds the wallet; with other members it is refused."""
    first = CreateWallet(new_wallet_id(), "Ada", "ZAR", 0, "k")
    again = replace(first, wallet_id=new_wallet_id())
    other = replace(again, name="Bob")
    batch = tuple(Submission((command,)) for command in (first, again, other))
    decision = decide(Known(), batch, NOW_US)
    (made,), (found,), (refused,) = decision.verdicts
    assert found == Created(made.wallet, replayed=True)
    assert refused == Refused(Refusal.KEY_REUSED, other)
    assert len(decision.created) == 1


def test_raising_the_key_version_moves_no_money():
    """The version changes, and what the wallet was and is gets written down."""
    wallet = a_wallet(version=7)
    decision, outcome = decide_one(known_of(wallet), RaiseKeyVersion(wallet.id))
    assert outcome == KeyRaised(wallet._replace(key_version=2, changes=1))
    assert decision.entries == ()
    columns = (wallet.id, 0, "Ada", 0, None, 1, 0, NOW_US)
    assert decision.changes == (
        Change(*columns),
        Change(*columns)._replace(number=1, key_version=2, version=7),
    )


def test_a_second_change_is_written_down_alone():
    """What the wallet was before is there already."""
    wallet = a_wallet(changes=3, key_version=4)
    decision, _ = decide_one(known_of(wallet), RaiseKeyVersion(wallet.id))
    assert [(each.number, each.key_version) for each in decision.changes] == [(4, 5)]


def test_every_column_of_an_entry_is_in_its_digest():
    """A change of any one column changes the digest."""
    wallet = a_wallet()
    decision, _ = decide_one(known_of(wallet), a_move(wallet))
    (entry,) = decision.entries
    changed = {
        "kind": Kind.TRANSFER,
        "counterparty": "w_x",
        "note": "x",
        "wallet_id": "w_x",
        "operation_id": "o_x",
    }
    for column in entry._fields:
        if column not in ("digest", "reversed_by"):
            other = entry._replace(**{column: changed.get(column, 77)})
            asked = (Principal.OPERATOR, "k")
            assert entry_digest(b"0", other, *asked) != entry_digest(
                b"0", entry, *asked
            ), column


def test_who_asked_under_which_key_is_in_the_digest():
    """Nobody can be given the answer of somebody else."""
    (entry,) = decide_one(known_of(wallet := a_wallet()), a_move(wallet))[0].entries
    asked = [(Principal.OPERATOR, "k"), (Principal.OWNER, "k")]
    asked += [(Principal.OPERATOR, None), (None, None)]
    assert len({entry_digest(b"0", entry, *each) for each in asked}) == 4


def test_the_first_format_of_a_digest_stays_readable():
    """It knew neither payee, reversal nor hold, nor who asked."""
    wallet = a_wallet(id="w_1", digest=bytes(32))
    entry = Entry("w_1", 1, Kind.DEPOSIT, 5, 5, "o_1", None, "x", 9, *[None] * 3, b"")
    assert old_entry_digest(wallet.digest, entry).hex()[:16] == "a44d77b950a99f4d"
    for column in ("payee", "reverses", "hold_id"):
        assert old_entry_digest(b"", entry._replace(**{column: "x"})) is None


def test_a_seal_is_the_same_in_any_order():
    """And without what was taken away again."""
    one, two, three = (row_digest("rows", (each,)) for each in "abc")
    seal = reseal(bytes(32), [one, two])
    assert len(seal) == 32
    assert seal == reseal(reseal(bytes(32), [two]), [one])
    assert seal == reseal(reseal(seal, [three]), removed=[three])
    assert reseal(seal, removed=[one, two]) == bytes(32)
    assert seal != reseal(seal, [three])


def test_fixed_columns_of_a_wallet_are_in_its_first_digest():
    """A change of what never changes about a wallet shows."""
    wallet = a_wallet()
    for name, value in {
        "name": "x",
        "currency": "USD",
        "floor_minor": -1,
        "created_at_us": 1,
        "creation_key": "k",
        "id": "w_x",
    }.items():
        assert first_digest(wallet._replace(**{name: value})) != first_digest(wallet)


def test_canonical_bytes_never_coincide():
    """Neighbouring values cannot flow into each other, nor types be mistaken."""
    sequences = [("a", "b"), ("ab", ""), ("", "ab"), ("ab",), ("1",), (1,), (None,)]
    sequences += [(b"1",), ("n",), ("", None), (None, "")]
    assert len({canonical_bytes(each) for each in sequences}) == len(sequences)
