"""The arithmetic of the bench, and its page."""

import math

import pytest
from bench import page, results
from bench.__main__ import choose
from bench.cases import CASES, LOADS
from bench.field import WrongSums, check_sums
from bench.postgres import PostgresError, read_pgbench
from bench.results import Bench, Result
from bench.stores import Totals
from bench.targets import FLOORS, TARGETS, Spread, Target, alone, grown, quotient, tails
from bench.wrk import Told, WrkError, read

WRK = """Running 1s test @ http://127.0.0.1:1
{"duration_s":2.0,"sent":12,"statuses":{"201":8,"503":2},"p50_ms":1.5,"p99_ms":3.0,\
"errors":{"connect":0,"read":1,"write":0,"timeout":0}}
"""


def result(case="one", number=1, **values):
    return Result(case, number, values)


def test_what_wrk_tells_is_read():
    """Answers are good or refused, and what broke is counted with the refused."""
    told = read(WRK)
    assert (told.duration_s, told.sent, told.p50_ms, told.p99_ms) == (2.0, 12, 1.5, 3)
    assert (told.good, told.refused) == (8, {"503": 2, "read": 1})


def test_a_silent_wrk_is_a_failure():
    """What it complains of is passed on."""
    with pytest.raises(WrkError, match="unable to connect"):
        read("Running 1s test\n", "unable to connect")


def test_what_pgbench_tells_is_read():
    """Transactions a second, and how many failed."""
    output = "number of failed transactions: 3 (0.1%)\ntps = 3550.25 (without initial"
    assert read_pgbench(output) == (3550.25, 3)
    with pytest.raises(PostgresError):
        read_pgbench("tps = 3550.25 (without initial")


@pytest.mark.parametrize(
    ("reckon", "given", "expected"),
    [
        (quotient, [{"rate": 10}, {"rate": 40}], 0.25),
        (tails, [{"p50_ms": 2, "p99_ms": 12}, {"p50_ms": 1, "p99_ms": 3}], 2),
        (alone, [{"rate": 100}, {"rate": 500}, {"rate": 1000}], 10 / 3),
        (grown, [{"rss_mb": 90, "rss_quarter_mb": 60}], 1.5),
        (quotient, [{"rate": 10}, {"rate": 0}], math.inf),
    ],
    ids=["quotient", "tails", "alone", "grown", "nothing"],
)
def test_a_ratio_is_reckoned(reckon, given, expected):
    """Each in the way that its target names."""
    assert reckon(*(result(**values) for values in given)) == pytest.approx(expected)


def test_a_target_takes_the_median_of_its_rounds():
    """Each round is compared with itself; one without all cases does not count."""
    target = Target("t", ("a", "b"), quotient, 0.5)
    rounds = [
        {"a": result(rate=above), "b": result(rate=below)}
        for above, below in ((1, 2), (9, 10), (4, 10))
    ]
    assert target.spread([*rounds, {"a": result(rate=1)}]) == Spread(0.5, 0.4, 0.9)
    assert target.spread([]) is None


def test_a_target_is_met_at_its_limit():
    """And missed beyond it, on whichever side that is."""
    least = Target("t", (), quotient, 0.5)
    most = Target("t", (), quotient, 0.5, at_least=False)
    below, at, above = (Spread(each, 0, 1) for each in (0.4, 0.5, 0.6))
    assert [least.met(each) for each in (below, at, above)] == [False, True, True]
    assert [most.met(each) for each in (below, at, above)] == [True, True, False]


@pytest.mark.parametrize(("gained", "right"), [(7, 0), (8, 1), (10, 1), (11, 0)])
def test_a_store_gains_what_was_answered(gained, right):
    """Of what was cut off at the end each may count; nothing else may."""
    told = Told(1.0, 10, {201: 8}, {}, 1, 1)
    before, after = Totals(5, 5), Totals(5 + gained, 5 + gained)
    if right:
        check_sums(LOADS["deposits"], told, before, after)
    else:
        with pytest.raises(WrongSums):
            check_sums(LOADS["deposits"], told, before, after)


def test_a_load_that_only_reads_changes_nothing():
    """Nor does a transfer change the sum of all balances."""
    told = Told(1.0, 1, {200: 1}, {}, 1, 1)
    with pytest.raises(WrongSums):
        check_sums(LOADS["balance"], told, Totals(0, 0), Totals(0, 1))
    with pytest.raises(WrongSums):
        check_sums(LOADS["transfers"], told, Totals(0, 0), Totals(1, 2))


def test_the_cases_of_every_target_are_measured():
    """A misspelt case would leave its target without a figure for ever."""
    measured = {str(case) for case in CASES}
    needed = {name for ratio in (*TARGETS, *FLOORS) for name in ratio.needs}
    missing = {
        each for each in needed if ":" not in each and not each.startswith("memory ")
    }
    assert missing - measured == set()
    assert len(CASES) == len(measured)


def test_what_is_asked_for_brings_what_it_is_compared_with():
    """And nothing of the other engine."""
    chosen = choose(("hot",), ("sqlite",), None)
    assert [str(case) for case in chosen] == ["hot sqlite-1 64"]
    chosen = choose(("keyed",), ("postgresql",), 64)
    named = [str(case) for case in chosen]
    assert named == ["deposits postgresql-2 64", "keyed postgresql-2 64"]
    chosen = choose(("row",), ("postgresql",), None)
    assert [str(case) for case in chosen] == ["get bare-2 64", "row bare-2 64"]
    assert choose((), ("postgresql", "sqlite"), None) == list(CASES)


def test_the_page_shows_every_figure(tmp_path):
    """Every target with its verdict, what was refused, and what was not measured."""
    bench = Bench({"wrk": "4.1"})
    for number, rate in enumerate((40, 60, 50), 1):
        for case, each in (("deposits sqlite-1 64", rate), ("post bare-1 64", 100)):
            values = {"rate": each, "p50_ms": 2.0, "p99_ms": each}
            bench.results.append(Result(case, number, values))
    bench.results.append(Result("keyed sqlite-1 64", 1, {"rate": 9}, {"503": 2}))
    bench.results.append(result("hot sqlite-1:1000-entries 64", 1, rate=7))
    bench.results.append(result("handed bare-1 64", 1, rate=80))
    bench.verified.extend(["1 wallets, 20 entries, 20 operations", "9 wallets: totals"])
    bench.save(tmp_path / "performance.json")
    told = page.write(results.load(tmp_path / "performance.json"))
    for row in (
        "| deposits ÷ bare Flask POST, SQLite, one worker | 0.50 | 0.40 to 0.60"
        " | ≥ 0.45 | met |",
        "| with an idempotency key ÷ without, SQLite, one worker | 0.23 | 0.23 to 0.23"
        " | ≥ 0.85 | **missed** |",
        "| bare Flask POST, handed to a thread and back ÷ bare Flask POST, SQLite, one"
        " worker | 0.80 | 0.80 to 0.80 |",
        "| deposits into one wallet | sqlite-1 | 1,000 entries | 7 | 7 to 7 |  |  |",
        "| bare Flask, POST | bare-1 | 64 | 100 | 100 to 100 | 2.00 | 100.00 |",
        "| keyed sqlite-1 64 | 503 | 2 |",
        "replayed 1 stores, 20 entries. Of 1 more, the totals were checked.",
        "| wrk | 4.1 |",
    ):
        assert row in told
    assert "transfers ÷ deposits, SQLite" not in told
