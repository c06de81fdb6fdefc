"""What is run: rounds of cases, stores that grow, and a look at the memory."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context

from . import cases, loops, servers, stores
from .cases import Case, Load
from .field import Field, Served
from .results import Result
from .targets import GROWTH


def run_round(field: Field, chosen: Sequence[Case], number: int) -> None:
    """Measure every case once, each beside what it is compared with."""
    with ExitStack() as stack:
        open_servers: dict[str, Served] = {}
        for on in dict.fromkeys(case.on for case in chosen):
            if on in cases.SETUPS:
                opened = _open(field, cases.SETUPS[on])
                open_servers[on] = stack.enter_context(opened)
        tpcb = {
            name: stack.enter_context(_tpcb(field, scale))
            for name, scale in cases.PGBENCH.items()
            if any(case.load == name for case in chosen)
        }
        for case in chosen:
            if case.load in tpcb:
                rate, failed = field.postgres.pgbench(
                    tpcb[case.load], field.options.seconds
                )
                refused = {"failed": failed} if failed else {}
                field.add(Result(str(case), number, {"rate": rate}, refused))
            elif case.load in cases.LOOPS:
                rate = _loop(field, case)
                field.add(Result(str(case), number, {"rate": rate}))
            else:
                load = cases.LOADS[case.load]
                field.measure(open_servers[case.on], case, load, number)


@contextmanager
def _open(field: Field, setup: cases.Setup) -> Iterator[Served]:
    if setup.bare:
        with field.store(setup.engine) as (home, url):
            wallets = stores.fill(home, url, cases.WALLETS, 0, 0)
            with servers.bare_server(home, url, setup.workers) as server:
                yield Served(server, wallets)
    else:
        sizes = (cases.WALLETS, cases.WITH_HISTORY, cases.HISTORY)
        with field.wallet(setup, *sizes) as target:
            yield target


@contextmanager
def _tpcb(field: Field, scale: int) -> Iterator[str]:
    with field.store("postgresql") as (_, url):
        field.postgres.pgbench_tables(url, scale)
        yield url


def _loop(field: Field, case: Case) -> float:
    with field.store(case.on) as (home, url):
        (wallet,) = stores.fill(home, url, 1, 0, 0)
        if case.load == "commit":
            return loops.commits(url, field.options.seconds)
        return loops.bulk(url, wallet, field.options.seconds)


def run_growth(field: Field, engines: Sequence[str]) -> None:
    """Measure the same loads on small stores and on large ones, in turns."""
    for engine in engines:
        on = "postgresql-2" if engine == "postgresql" else "sqlite-1"
        with _grown(field, on) as opened:
            for number in range(1, field.options.rounds + 1):
                for name, grown, size in _in_turns(list(opened)):
                    load = cases.LOADS.get(name) or Load(cases.pages_of(size))
                    case = Case(name, f"{on}:{size}-{grown}")
                    seconds = field.options.growth_s
                    field.measure(opened[grown, size], case, load, number, seconds)


def _in_turns(sizes: Sequence[tuple[str, int]]) -> list[tuple[str, str, int]]:
    """Order the loads so that the sizes follow each other."""
    return [
        (name, grown, size)
        for grown, (loads, _) in GROWTH.items()
        for name in loads
        for each, size in sizes
        if each == grown
    ]


@contextmanager
def _grown(field: Field, on: str) -> Iterator[dict[tuple[str, int], Served]]:
    sizes = [
        (grown, size)
        for grown, (_, sizes) in GROWTH.items()
        for size in sizes
        if size <= field.options.largest
    ]
    sizes.sort(key=lambda each: -each[1])
    setup, began = cases.SETUPS[on], time.monotonic()
    with ExitStack() as stack:
        empty = [stack.enter_context(field.store(setup.engine)) for _ in sizes]
        contents = [
            (1, 1, size) if grown == "entries" else (size, 0, 0)
            for grown, size in sizes
        ]
        arguments = [
            (*each, *content) for each, content in zip(empty, contents, strict=True)
        ]
        # The largest, which take the longest, come first; each has a core to itself.
        # Ctrl-C reaches them too, but they must leave it to the bench to end them: one
        # that dies amid its work would be waited for.
        deaf = (signal.SIGINT, signal.SIG_IGN)
        with get_context("spawn").Pool(os.cpu_count(), signal.signal, deaf) as pool:
            filled = pool.starmap(stores.fill, arguments, chunksize=1)
        field.say(f"{on}: filled in {time.monotonic() - began:.1f} s")
        yield {
            size: stack.enter_context(field.serve(setup, *each, wallets))
            for size, each, wallets in zip(sizes, empty, filled, strict=True)
        }


def run_memory(field: Field, engines: Sequence[str]) -> None:
    """Look at what workers hold at rest, and during a minute of load."""
    for engine in engines:
        on = "postgresql-2" if engine == "postgresql" else "sqlite-1"
        with _open(field, cases.SETUPS[on]) as target:
            # The first answer loads what only answers need.
            balance = cases.LOADS["balance"]
            field.send(target, balance, connections=8, seconds=1)
            rest = target.server.memory()
            if rest is None:
                field.say("memory: this system does not tell")
                return
            seen = [rest]

            def look(
                server: servers.Server = target.server,
                seen: list[servers.Memory] = seen,
            ) -> None:
                if (found := server.memory()) is not None:
                    seen.append(found)

            seconds = field.options.memory_s
            deposits = cases.LOADS["deposits"]
            told = field.send(target, deposits, 64, seconds, look, seconds / 12)
            look()
        values = _memory_values(seen)
        field.add(Result(f"memory {on}", 1, values, told.refused))


def _memory_values(seen: Sequence[servers.Memory]) -> dict[str, float]:
    quarter, end = seen[max(1, len(seen) // 4)], seen[-1]
    return {
        "rss_rest_mb": max(seen[0].rss),
        "pss_rest_mb": max(seen[0].pss),
        "rss_quarter_mb": max(quarter.rss),
        "rss_mb": max(end.rss),
        "pss_mb": max(end.pss),
    }
