"""What is run: rounds of cases, stores that grow, and a look at the memory."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from multiprocessing import get_context

import psutil

from . import cases, stores
from .cases import GROWTH, LOADS, SERVERS, Case
from .field import Field, Served
from .results import Result

_FILLING = stores.Filling(cases.WALLETS, cases.WITH_HISTORY, cases.HISTORY)


def run_round(field: Field, selection: Sequence[Case], number: int) -> None:
    """Measure every case once, each beside what it is compared with."""
    with ExitStack() as stack:
        servers = {
            on: stack.enter_context(field.served(SERVERS[on], _FILLING))
            for on in dict.fromkeys(case.on for case in selection if case.on in SERVERS)
        }
        tpcb = {
            case.load: stack.enter_context(_tpcb(field, case))
            for case in selection
            if case.load in cases.PGBENCH
        }
        for case in selection:
            if case.load in tpcb:
                url, seconds = tpcb[case.load], field.options.seconds
                rate, failed = field.postgres.pgbench(url, case.connections, seconds)
                refused = {"failed": failed} if failed else {}
                field.add(Result(str(case), number, {"rate": rate}, refused))
            else:
                field.measure(servers[case.on], case, number)


@contextmanager
def _tpcb(field: Field, case: Case) -> Iterator[str]:
    with field.store("postgresql") as (_, url):
        field.postgres.pgbench_tables(url, cases.PGBENCH[case.load])
        yield url


def run_growth(field: Field) -> None:
    """Measure the same loads on small stores and on large ones, in turns."""
    for on in cases.MAIN:
        with _stores_of_sizes(field, on) as servers:
            for number in range(1, field.options.rounds + 1):
                for what, (loads, _) in GROWTH.items():
                    sizes = [size for grows, size in servers if grows == what]
                    for name, size in product(loads, sizes):
                        load = LOADS.get(name) or cases.pages_of(size)
                        case = Case(name, f"{on}:{size}-{what}")
                        seconds = field.options.growth_s
                        field.measure(servers[what, size], case, number, load, seconds)


@contextmanager
def _stores_of_sizes(field: Field, on: str) -> Iterator[dict[tuple[str, int], Served]]:
    sizes = [
        (what, size)
        for what, (_, sizes) in GROWTH.items()
        for size in sizes
        if size <= field.options.largest
    ]
    # The largest, which take the longest, come first; each has a core to itself.
    sizes.sort(key=lambda each: -each[1])
    setup, began = SERVERS[on], time.monotonic()
    with ExitStack() as stack:
        empty = [stack.enter_context(field.store(setup.engine)) for _ in sizes]
        fillings = [_filling(what, size) for what, size in sizes]
        arguments = [(*each, f) for each, f in zip(empty, fillings, strict=True)]
        # Ctrl-C reaches them too, but they must leave it to the bench to end them: one
        # that dies amid its work would be waited for.
        deaf = (signal.SIGINT, signal.SIG_IGN)
        with get_context("spawn").Pool(os.cpu_count(), signal.signal, deaf) as pool:
            wallets_of_each = pool.starmap(stores.fill, arguments, chunksize=1)
        field.say(f"{on}: filled in {time.monotonic() - began:.1f} s")
        yield {
            size: stack.enter_context(field.on_store(setup, *each, wallets))
            for size, each, wallets in zip(sizes, empty, wallets_of_each, strict=True)
        }


def _filling(what: str, size: int) -> stores.Filling:
    if what == "wallets":
        return stores.Filling(size)
    return stores.Filling(1, 1, **{what: size})


def run_memory(field: Field) -> None:
    """Look at what the largest worker holds at rest, and during a minute of load."""
    for on in cases.MAIN:
        looks: list[tuple[float, float]] = []
        with field.served(SERVERS[on], _FILLING) as target:
            # The first answer loads what only answers need.
            field.send(target, LOADS["balance"], 8, seconds=1)
            look = partial(_look, target.server.process.pid, looks)
            look()
            seconds = field.options.memory_s
            report = field.send(target, LOADS["deposits"], 64, seconds, look)
            look()
        quarter, end = looks[1 + len(looks) // 4], looks[-1]
        names = ("rss_rest_mb", "pss_rest_mb", "rss_quarter_mb", "rss_mb", "pss_mb")
        values = dict(zip(names, (*looks[0], quarter[0], *end), strict=True))
        field.add(Result(f"memory {on}", 1, values, report.refused))


def _look(server: int, looks: list[tuple[float, float]]) -> None:
    children = psutil.Process(server).children()
    infos = [child.memory_full_info() for child in children]
    rss = max(info.rss for info in infos)
    # Only Linux counts shared pages by share.
    pss = max(getattr(info, "pss", info.rss) for info in infos)
    looks.append((rss / 1e6, pss / 1e6))
