"""The line of those who wait for a commit, at moments that threads seldom meet."""

from wallet.ledger.commands import Kind
from wallet.ledger.ids import new_wallet_id
from wallet.line import Line

from ..actions import a_submission

X, Y, Z = (new_wallet_id() for _ in range(3))


def test_who_is_set_aside_again_while_its_watch_ends_is_called_again():
    """It wants two wallets, and the second is locked when the first is free."""
    line = Line(100)
    leader = line.join(a_submission(Z, Kind.DEPOSIT, "1"))
    assert leader.called.acquire(blocking=False)
    waiting = line.join(a_submission(X, Kind.TRANSFER, "1", recipient=Y))
    batch = line.take(1)
    line.set_aside(batch, [X])
    assert waiting.aside
    assert waiting.called.acquire(blocking=False)
    line.bring_back([X])
    assert not waiting.aside
    line.set_aside(batch, [Y])
    line.end_watch()
    assert waiting.aside
    assert waiting.called.acquire(blocking=False)
    line.bring_back([Y])
    line.end_watch()
    line.hand_over()
    assert line.take(100) == [waiting]


def test_who_was_served_does_not_leave():
    """Its time may end between the result and the call."""
    line = Line(100, wait_s=0)
    place = line.join(a_submission(Z, Kind.DEPOSIT, "1"))
    assert place.called.acquire(blocking=False)
    assert line.take(1) == [place]
    place.answer = ()
    line.leave(place)
    assert not place.gone
