"""Turns: how many at once, whose is next, and how long one is waited for."""

import threading

import pytest

from wallet.storage.errors import Crowded
from wallet.web.turns import Turns

from ..actions import until


class Asking:
    """Requests that want turns: each in a thread, and ended when it is told to."""

    def __init__(self):
        self.got, self.refused, self._ends, self._threads = [], [], {}, []

    def ask(self, turns, name, caller):
        """Start one, and wait until it has its turn, or is refused, or waits."""
        self._ends[name] = threading.Event()

        def serve():
            turns.begin(caller)
            try:
                turns.take()
            except Crowded:
                self.refused.append(name)
            else:
                self.got.append(name)
                self._ends[name].wait(60)
            finally:
                turns.end()

        waited = waiting(turns)
        thread = threading.Thread(target=serve)
        thread.start()
        self._threads.append(thread)
        seen = len(self.got) + len(self.refused)
        until(
            lambda: (
                waiting(turns) > waited
                or len(self.got) + len(self.refused) > seen
                or name in self.got + self.refused
            )
        )

    def end(self, name):
        """End one that has its turn, and wait for what comes of it."""
        self._ends[name].set()
        self._threads[[*self._ends].index(name)].join(60)

    def end_all(self):
        for name in self._ends:
            self._ends[name].set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture
def asking():
    asking = Asking()
    yield asking
    asking.end_all()


def waiting(turns):
    return sum(map(len, [*turns._waiting.values()]))


def test_one_caller_has_half_of_the_turns(asking):
    """The next of its requests waits, and in vain if none is given back."""
    turns = Turns(4, 0.01, 9)
    for name in "abc":
        asking.ask(turns, name, "ada")
    until(lambda: asking.refused == ["c"])
    assert asking.got == ["a", "b"]
    asking.ask(turns, "d", "bob")
    assert asking.got == ["a", "b", "d"]
    asking.end("a")
    asking.ask(turns, "e", "ada")
    assert asking.got == ["a", "b", "d", "e"]


def test_whoever_waits_for_one_caller_holds_up_no_other(asking):
    """However many they are, and whatever comes free."""
    turns = Turns(4, 60, 9)
    for n in range(9):
        asking.ask(turns, f"ada {n}", "ada")
    asking.ask(turns, "bob", "bob")
    assert asking.got == ["ada 0", "ada 1", "bob"]
    asking.end("bob")
    assert asking.got == ["ada 0", "ada 1", "bob"]
    asking.ask(turns, "bob again", "bob")
    assert asking.got[3:] == ["bob again"]


def test_the_requests_of_a_caller_go_in_the_order_of_their_coming(asking):
    """None that comes later overtakes, however the threads are woken."""
    turns = Turns(1, 60, 20)
    names = list(range(20))
    for name in names:
        asking.ask(turns, name, "ada")
    assert asking.got == [0]
    for name in names[:-1]:
        asking.end(name)
        until(lambda name=name: len(asking.got) == name + 2)
    assert asking.got == names


def test_callers_are_served_one_after_the_other(asking):
    """Whoever asks once is not behind all the requests of those who ask often."""
    turns = Turns(2, 60, 9)
    for n in range(4):
        for caller in ("ada", "bob"):
            asking.ask(turns, f"{caller} {n}", caller)
    asking.ask(turns, "eve", "eve")
    assert asking.got == ["ada 0", "bob 0"]
    for ended in ("ada 0", "bob 0", "ada 1"):
        before = len(asking.got)
        asking.end(ended)
        until(lambda before=before: len(asking.got) > before)
    assert asking.got[2:] == ["ada 1", "bob 1", "eve"]


def test_too_many_requests_with_a_key_are_refused_at_once(asking):
    """Each that waits holds a thread, which others need; the operator is trusted."""
    turns = Turns(4, 60, 1)
    for name in "abcd":
        asking.ask(turns, name, "ada")
    assert (asking.got, asking.refused) == (["a", "b"], ["d"])
    for name in range(9):
        asking.ask(turns, name, "")
    assert (asking.got, asking.refused) == (["a", "b", 0, 1], ["d"])


def test_who_waits_in_vain_takes_no_turn_from_others(asking):
    """The turn that comes later is the next one's."""
    turns = Turns(1, 0.05, 9)
    asking.ask(turns, "first", "ada")
    asking.ask(turns, "late", "ada")
    until(lambda: asking.refused == ["late"])
    assert waiting(turns) == 0
    asking.end("first")
    asking.ask(turns, "next", "bob")
    asking.ask(turns, "last", "ada")
    assert asking.got == ["first", "next"]
    until(lambda: asking.refused == ["late", "last"])


def test_a_request_has_one_turn_and_asks_in_vain_once():
    """It may read often; once it was refused, it is not kept waiting again."""
    turns = Turns(1, 0.01, 9)
    turns.begin()
    turns.take()
    turns.take()
    assert turns._free == 0
    turns.give_back()
    turns.give_back()
    assert turns._free == 1
    turns.take()

    def ask_twice():
        turns.begin()
        for _ in range(2):
            with pytest.raises(Crowded):
                turns.take()
            turns._wait_s = 3600
        asked.append(True)

    asked = []
    thread = threading.Thread(target=ask_twice, daemon=True)
    thread.start()
    thread.join(60)
    assert asked == [True]
    turns.end()
    assert turns._free == 1
    # What the program itself reads, or what follows a request, needs no turn.
    turns.take()
    assert turns._free == 1
