"""Random clients, faults, and a judge of what the clients saw."""

import os
import time
from collections import Counter

import pytest

from .broken import BREAKAGES
from .field import Field, playing
from .judge import judge
from .record import save
from .run import Round, faults_of, verified

pytestmark = pytest.mark.slow

#: How long clients ask, on each engine: `HISTORY_SECONDS=3600` looks longer.
SECONDS = float(os.environ.get("HISTORY_SECONDS", "4"))
#: A long run is judged in parts, each with wallets of its own.
SHORTEST_ROUND_S, LONGEST_ROUND_S = 2, 60
#: How much longer it may take until there was enough to judge.
PATIENCE_S = 100
#: What is drawn by chance; what the machine does by itself stays as it is.
SEED = os.environ.get("HISTORY_SEED", str(time.time_ns()))

#: Under which name each breakage of ``broken`` is found.
FOUND = {
    "forget": "gone",
    "do_again": "twice",
    "read_late": "order",
    "undo_again": "undone twice",
    "pay_again": "paid twice",
    "expire_late": "held",
    "forget_holds": "gone",
    "ignore_floors": "change",
    "pay_into_archives": "archived",
}


def check(field, folder):
    """Play rounds until the time is over and enough is seen; all must be right."""
    end, number, after = time.monotonic() + SECONDS, 0, ""
    read_last, counts = Counter(), Counter()
    while (left := end - time.monotonic()) > 0 or not enough(counts):
        number += 1
        assert left > -PATIENCE_S, counts
        played = Round(field, f"{SEED}-{number}", after)
        seconds = min(max(left, SHORTEST_ROUND_S), LONGEST_ROUND_S)
        calls = played.play(seconds, faults_of(field))
        after = played.after
        verdict = judge(calls)
        if verdict.faults:
            save(calls, folder / "history.jsonl")
            pytest.fail(f"{verdict}\nin {folder}/history.jsonl, {played.counts}")
        read_last += played.read_last
        counts += played.counts + verdict.counts
    done = field.servers[0].run("verify", within_s=600)
    assert done.returncode == 0, done.stderr
    assert verified(done.stdout) == read_last
    print(dict(counts))  # noqa: T201  for who asks with `pytest -s`


def enough(counts):
    """Whether there was something to judge, however slow the machine is."""
    return min(counts["writes answered"], counts["readings judged"]) > 20


def test_what_clients_of_one_server_saw_is_right(tmp_path, sqlite_url):
    """One that is killed, stopped and paused, on SQLite."""
    with playing(Field(tmp_path, sqlite_url, [1])) as field:
        check(field, tmp_path)


def test_what_clients_of_two_servers_saw_is_right(tmp_path, own_postgresql):
    """Of two workers and of one, on a PostgreSQL that restarts and is cut off."""
    url, stop, start = own_postgresql
    with playing(Field(tmp_path, url, [2, 1], stop, start)) as field:
        check(field, tmp_path)


@pytest.mark.parametrize(("breakage", "expected"), FOUND.items())
def test_a_broken_service_is_found(tmp_path, sqlite_url, breakage, expected):
    """Each of its promises that is broken is seen from outside."""
    program, after = ("tests.history.broken", breakage), ""
    with playing(Field(tmp_path, sqlite_url, [1], program=program)) as field:
        for number in range(24):  # the machine may be too busy for many calls
            played = Round(field, f"{SEED}-{number}", after)
            # Long enough for a hold to expire.
            names = judge(played.play(2, [])).names
            after = played.after
            if expected in names:
                return
    pytest.fail(f"only {names} were found")


def test_every_breakage_is_tried():
    """And no more than those."""
    assert set(BREAKAGES) == set(FOUND)
