"""Whether anything can be written, as failures and attempts come across each other."""

import threading

from wallet.storage.doubt import Doubt

from ..actions import until


class Store:
    """One that writes when it is let, and tells when it was asked."""

    def __init__(self):
        self.asked, self.let = threading.Event(), threading.Event()

    def write_nothing(self):
        self.asked.set()
        assert self.let.wait(60)


def test_a_failure_during_an_attempt_is_not_forgotten():
    """The attempt says nothing of what came after it began; the next one does."""
    store = Store()
    doubt = Doubt(store, lambda: False)
    doubt.begin()
    assert store.asked.wait(60)
    store.asked.clear()
    doubt.begin()
    store.let.set()
    assert store.asked.wait(60)
    until(lambda: not doubt.stands())
    doubt.stop(5)


def test_what_was_written_ends_the_doubt():
    """Nothing more is tried."""
    store = Store()
    store.let.set()
    doubt = Doubt(store, lambda: False)
    doubt.begin()
    assert store.asked.wait(60)
    until(lambda: not doubt.stands())
    doubt.stop(5)
    store.asked.clear()
    doubt.begin()
    assert not store.asked.is_set()


def test_a_change_that_is_being_tried_is_waited_for():
    """An attempt that works does not help it: it may be asking a server that died."""
    store, busy = Store(), threading.Event()
    busy.set()
    store.let.set()
    doubt = Doubt(store, busy.is_set)
    doubt.begin()
    for _ in range(2):
        assert store.asked.wait(60)
        store.asked.clear()
        assert doubt.stands()
    busy.clear()
    until(lambda: not doubt.stands())
    doubt.stop(5)


def test_without_a_thread_whoever_asks_next_begins_to_try(monkeypatch):
    """The process may have too many for a while."""
    store = Store()
    store.let.set()
    doubt = Doubt(store, lambda: False)

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        doubt.begin()
        assert doubt.stands()
    assert not store.asked.is_set()
    until(lambda: not doubt.stands())
    assert store.asked.is_set()
    doubt.stop(5)
