"""Real connections of this process, and a clock that tests move."""

import socket

import pytest

from wallet.sockets import LONGEST_S, Watch

from ..actions import until

#: More than the kernel takes for a client that does not read.
MUCH = bytes(16 * 1024 * 1024)


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(clock):
    """One that has just begun."""
    return Watch(clock=clock)


@pytest.fixture
def pair():
    """A connection that came in, and its client."""
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        socket.create_connection(door.getsockname()) as client,
    ):
        accepted, _ = door.accept()
        client.settimeout(60)
        with accepted:
            accepted.settimeout(60)
            yield accepted, client


def is_open(client):
    """Whether the other end still has its part of the connection."""
    client.setblocking(False)
    try:
        while part := client.recv(65536):
            assert part
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    return False


def test_a_client_that_sends_nothing_more_is_cut_off(watch, clock, pair):
    """Not before its time is over; a thread that reads from it comes to an end."""
    accepted, client = pair
    client.sendall(b"half")
    assert accepted.recv(10) == b"half"
    assert watch.look() == 0
    clock.now_s = LONGEST_S - 1
    assert watch.look() == 0
    assert is_open(client)
    clock.now_s = LONGEST_S
    assert watch.look() == 1
    assert accepted.recv(10) == b""
    until(lambda: not is_open(client))


def test_a_client_that_reads_nothing_more_is_cut_off(watch, clock, pair):
    """A thread that writes to it comes to an end, too."""
    accepted, _client = pair
    accepted.settimeout(0.2)
    with pytest.raises(TimeoutError):
        accepted.sendall(MUCH)
    assert watch.look() == 0
    clock.now_s = LONGEST_S
    assert watch.look() == 1
    with pytest.raises(BrokenPipeError):
        accepted.sendall(b"more")


def test_a_client_that_moves_a_byte_has_its_time_anew(watch, clock, pair):
    """Sent or taken."""
    accepted, client = pair
    for number in range(6):
        assert watch.look() == 0
        clock.now_s += LONGEST_S - 1
        if number % 2:
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"
        else:
            accepted.sendall(b"y")
            assert client.recv(1) == b"y"
    assert is_open(client)


def test_connections_that_this_process_made_are_let_be(watch, clock):
    """Such as those to the database."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        line = socket.create_connection(door.getsockname())
        accepted, _ = door.accept()
    with line, accepted:
        watch.look()
        clock.now_s = 10 * LONGEST_S
        # Nobody listens any more, so none of the two came in.
        assert watch.look() == 0
        line.sendall(b"x")
        assert accepted.recv(1) == b"x"
