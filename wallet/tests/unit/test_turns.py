"""Turns: how many at once, in which order, and how long one is waited for."""

import threading

import pytest

from wallet.web.turns import Turns

from ..actions import until


@pytest.fixture
def asked():
    """Starts those who want a turn, one after the other, and tells who got one."""
    started, got = [], []

    def ask(turns, name):
        def take():
            got.append((name, turns.take()))

        before = len(turns._waiting)
        thread = threading.Thread(target=take)
        thread.start()
        started.append(thread)
        until(lambda: len(turns._waiting) > before or not thread.is_alive())
        return got

    yield ask
    for thread in started:
        thread.join(60)


def test_as_many_as_there_are_turns_begin_at_once():
    """The next one waits, and in vain if none is given back."""
    turns = Turns(2, 0.01)
    assert [turns.take() for _ in range(3)] == [True, True, False]
    turns.give_back()
    assert [turns.take() for _ in range(2)] == [True, False]


def test_whoever_came_first_goes_first(asked):
    """Nobody who comes later overtakes, however the threads are woken."""
    turns = Turns(1, 60)
    assert turns.take()
    names = list(range(20))
    for name in names:
        got = asked(turns, name)
    assert got == []
    for name in names:
        turns.give_back()
        until(lambda name=name: len(got) == name + 1)
    assert got == [(name, True) for name in names]
    # Each of them gave its turn to the next, so one is under way.
    assert len(turns._waiting) == 0
    turns.give_back()
    assert turns.take()


def test_who_waits_in_vain_takes_no_turn_from_others(asked):
    """The turn that comes later is the next one's."""
    turns = Turns(1, 0.05)
    assert turns.take()
    got = asked(turns, "late")
    until(lambda: got == [("late", False)])
    turns.give_back()
    assert turns.take()
    assert turns.take() is False
