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
from bench.targets import TARGETS, Spread, Target, growth, quotient, tails
from bench.wrk import Report, WrkError, read

WRK = """Running 1s test @ http://127.0.0.1:1
{"duration_s":2.0,"sent":12,"statuses":{"201":8,"503":2},"p50_ms":1.5,"p99_ms":3.0,\
"errors":{"connect":0,"read":1,"write":0,"timeout":0}}
"""


def result(case="one", number=1, **values):
    return Result(case, number, values)


def test_the_report_of_wrk_is_read():
    """Answers are good or refused, and what broke is counted with the refused."""
    report = read(WRK)
    assert (report.duration_s, report.p50_ms, report.p99_ms) == (2.0, 1.5, 3)
    assert (report.sent, report.good, report.cut_off) == (12, 8, 2)
    assert report.refused == {"503": 2, "read": 1}


def test_a_silent_wrk_is_a_failure():
    """What it complains of is passed on."""
    with pytest.raises(WrkError, match="unable to connect"):
        read("Running 1s test\n", "unable to connect")


def test_the_report_of_pgbench_is_read():
    """Transactions a second, and how many failed."""
    output = "number of failed transactions: 3 (0.1%)\ntps = 3550.25 (without initial"
    assert read_pgbench(output) == (3550.25, 3)
    with pytest.raises(PostgresError):
        read_pgbench("tps = 3550.25 (without initial")


@pytest.mark.parametrize(
    ("reckon", "values", "ratio"),
    [
        (quotient, [{"rate": 10}, {"rate": 40}], 0.25),
        (tails, [{"p50_ms": 2, "p99_ms": 12}, {"p50_ms": 1, "p99_ms": 3}], 2),
        (growth, [{"rss_mb": 90, "rss_quarter_mb": 60}], 1.5),
        (quotient, [{"rate": 10}, {"rate": 0}], math.inf),
    ],
    ids=["quotient", "tails", "growth", "nothing"],
)
def test_a_ratio_is_reckoned(reckon, values, ratio):
    """Each in the way that its target names."""
    assert reckon(*(result(**each) for each in values)) == pytest.approx(ratio)


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
    assert [least.is_met(each) for each in (below, at, above)] == [False, True, True]
    assert [most.is_met(each) for each in (below, at, above)] == [True, True, False]


@pytest.mark.parametrize(
    ("load", "minor", "entries", "right"),
    [
        ("deposits", 8, 8, True),
        ("deposits", 10, 10, True),
        ("deposits", 7, 8, False),
        ("deposits", 8, 11, False),
        ("batches", 8_001, 9_000, False),
        ("balance", 0, 1, False),
        ("transfers", 1, 16, False),
        ("transfers", 0, 16, True),
    ],
)
def test_a_store_gains_what_was_answered(load, minor, entries, right):
    """Of the two that were cut off at the end each may count; nothing else may."""
    report = Report(1.0, 10, {201: 8}, {}, 1, 1)
    sums = LOADS[load], report, Totals(5, 5), Totals(5 + minor, 5 + entries)
    if right:
        check_sums(*sums)
    else:
        with pytest.raises(WrongSums):
            check_sums(*sums)


def test_everything_that_is_compared_is_measured():
    """A misspelt case would leave its target without a figure for ever."""
    measured = {str(case) for case in CASES}
    assert len(CASES) == len(measured)
    needed = {name for target in TARGETS for name in target.needs}
    needed = {each for each in needed if ":" not in each and "memory" not in each}
    needed |= {str(case.beside) for case in CASES if case.beside}
    assert needed - measured == set()


def test_what_is_asked_for_brings_what_it_is_compared_with():
    """And nothing else."""
    assert [str(case) for case in choose(["keyed"])] == [
        "post bare-2 64",
        "post bare-1 64",
        "deposits postgresql-2 64",
        "deposits sqlite-1 64",
        "keyed postgresql-2 64",
        "keyed sqlite-1 64",
        "keyed plain-postgresql-2 64",
        "keyed plain-sqlite-1 64",
    ]
    assert choose([]) == list(CASES)


def test_the_page_shows_every_figure(tmp_path):
    """Every rate beside its limit, every target that was measured, every refusal."""
    bench = Bench({"wrk": "4.1"})
    for number, rate in enumerate((40, 60, 50), 1):
        for case, each in (
            ("deposits sqlite-1 64", rate),
            ("deposits plain-sqlite-1 64", 20),
            ("post bare-1 64", 100),
        ):
            values = {"rate": each, "p50_ms": 2.0, "p99_ms": each}
            bench.results.append(Result(case, number, values))
    bench.results.append(Result("keyed sqlite-1 64", 1, {"rate": 9}, {"503": 2}))
    bench.results.append(result("hot sqlite-1:1000-entries 64", 1, rate=7))
    bench.results.append(result("tpcb postgresql 32", 1, rate=5))
    bench.verified.extend(["1 wallets, 20 entries, 20 operations", "9 wallets: totals"])
    bench.save(tmp_path / "performance.json")
    text = page.write(results.load(tmp_path / "performance.json"))
    lite = "SQLite, one worker"
    for row in (
        f"| deposits | {lite} | 64 | 50 | 20 | 2.50 | 50.00 | 20.00 |",
        f"| deposits | {lite} | 64 | 50 | 40 to 60 | 2.00 | 50.00 | 0.50 |",
        f"| deposits ÷ bare Flask, POST, {lite} | 0.50 | 0.40 to 0.60 | ≥ 0.42 |",
        f"| deposits with idempotency keys ÷ deposits, {lite} | 0.23 | 0.23 to 0.23"
        " | ≥ 0.85 |",
        f"| deposits into one wallet | {lite} | 1,000 entries | 7 | 7 to 7 |  |  |",
        "| bare Flask, POST | one worker | 64 | 100 | 100 to 100 | 2.00 | 100.00 |",
        "| pgbench TPC-B, scale 10 | PostgreSQL | 32 | 5 | 5 to 5 |  |  |",
        "| keyed sqlite-1 64 | 503 | 2 |",
        "replayed 1 stores, 20 entries. Of 1 more, the totals were checked.",
        "| wrk | 4.1 |",
    ):
        assert row in text
    assert text.index("deposits ÷ bare Flask") > text.index("## What was met")
    assert text.index("keys ÷ deposits") < text.index("## What was met")
    assert f"transfers ÷ deposits, {lite}" not in text
