"""Writes the page of the results: tables out of the figures, prose out of files."""

import re
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Final

from .cases import SERVERS, TITLES, Case
from .results import Bench
from .targets import TARGETS, quotient, spread

_TEMPLATE: Final = Path(__file__).with_name("page.md")
#: Written by hand once there are figures: why a target is missed. No run changes it.
_EXPLANATIONS: Final = Path(__file__).with_name("explanations.md")
_FIGURES: Final = ("a second", "spread", "p50 ms", "p99 ms")


def write(bench: Bench) -> str:
    """Write the page."""
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        instead=instead(bench),
        rates=rates(bench),
        growth=growth(bench),
        memory=memory(bench),
        refused=refused(bench),
        verified=verified(bench),
        limits=limits(bench),
        missed=missed(bench),
        met=met(bench),
        explanations=_EXPLANATIONS.read_text(encoding="utf-8").strip(),
        facts=table(("what", "which"), bench.facts.items()),
    )


def instead(bench: Bench) -> str:
    """What the wallet does beside a plain one."""
    rows = []
    for case in _cases(bench):
        if SERVERS[case.on].plain:
            ours = Case(case.load, case.on.removeprefix("plain-"), case.connections)
            both = [_figures(bench, each) for each in (ours, case)]
            rows.append(
                (
                    *(TITLES[case.load], SERVERS[case.on].title, str(case.connections)),
                    *(figures[0] for figures in both),
                    _short(_ratio(bench, ours, case)),
                    *(figures[3] for figures in both),
                )
            )
    rows.sort(key=lambda row: row[1])
    figures = ("a second", "plain", "times", "p99 ms", "plain")
    return table(("what", "on", "connections", *figures), rows)


def rates(bench: Bench) -> str:
    """What each server does, and which part of bare Flask's rate that is."""
    rows = []
    for case in sorted(_cases(bench), key=lambda case: list(SERVERS).index(case.on)):
        if SERVERS[case.on].engine and not SERVERS[case.on].plain:
            share = _share(bench, case)
            begin = (TITLES[case.load], SERVERS[case.on].title, str(case.connections))
            rows.append((*begin, *_figures(bench, case), share))
    head = ("what", "on", "connections", *_FIGURES, "of bare Flask")
    return table(head, rows)


def limits(bench: Bench) -> str:
    """What bare Flask and pgbench do on the same machine."""
    rows = [
        (TITLES[case.load], on, str(case.connections), *_figures(bench, case))
        for case in _cases(bench, with_pgbench=True)
        for on in [SERVERS[case.on].title if case.on in SERVERS else "PostgreSQL"]
        if not (case.on in SERVERS and SERVERS[case.on].engine)
    ]
    return table(("what", "on", "connections", *_FIGURES), rows)


def growth(bench: Bench) -> str:
    """How the same load does on small stores and on large ones."""
    rows = []
    for name in bench.names():
        if ":" in name:
            case = Case.of(name)
            on, size = case.on.split(":")
            count, what = size.split("-")
            begin = (TITLES[case.load], SERVERS[on].title, f"{int(count):,} {what}")
            rows.append((*begin, *_figures(bench, case)))
    rows.sort(key=lambda row: (row[1], row[2].split()[1], row[0]))
    return table(("what", "on", "size", *_FIGURES), rows)


def memory(bench: Bench) -> str:
    """What the largest worker holds."""
    names = ("rss_rest_mb", "pss_rest_mb", "rss_quarter_mb", "rss_mb", "pss_mb")
    rows = [
        (
            SERVERS[name.split()[1]].title,
            *(f"{bench.values(name, each)[0]:.1f}" for each in names),
        )
        for name in bench.names()
        if name.startswith("memory ")
    ]
    head = ("on", "RSS at rest", "PSS at rest", "RSS after a quarter")
    return table((*head, "RSS in the end", "PSS in the end"), rows)


def met(bench: Bench) -> str:
    """The targets that were reached."""
    return _targets(bench, are_met=True)


def missed(bench: Bench) -> str:
    """The targets that were not."""
    return _targets(bench, are_met=False)


def _targets(bench: Bench, *, are_met: bool) -> str:
    rows = []
    for target in TARGETS:
        ratio = target.spread(bench.rounds())
        # The page is of a whole run; a run by parts shows what it has on the terminal.
        if ratio is not None and target.is_met(ratio) is are_met:
            middle = _short(ratio.median) + target.unit
            least_to_most = f"{_short(ratio.least)} to {_short(ratio.most)}"
            rows.append((target.title, middle, least_to_most, target.bound))
    head = ("met" if are_met else "missed", "median", "spread", "to reach")
    return table(head, rows)


def refused(bench: Bench) -> str:
    """What did not succeed, or that there was nothing."""
    rows = [
        (case, reason, f"{count:,}")
        for case, counts in bench.refused().items()
        for reason, count in counts.items()
    ]
    if not rows:
        return "Nothing was refused, and nothing failed."
    return table(("case", "status or failure", "requests"), rows) + "\n"


def verified(bench: Bench) -> str:
    """How many stores were right, to the last entry."""
    entries = [re.search(r"([\d,]+) entries", each) for each in bench.verified]
    replayed = [int(each[1].replace(",", "")) for each in entries if each]
    said = (
        f"`wallet verify` replayed {len(replayed)} stores, {sum(replayed):,} entries."
    )
    others = len(entries) - len(replayed)
    return said + (f" Of {others} more, the totals were checked." if others else "")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cases(bench: Bench, *, with_pgbench: bool = False) -> list[Case]:
    known = {*SERVERS, "postgresql"} if with_pgbench else set(SERVERS)
    names = (name for name in bench.names() if not name.startswith("memory "))
    return [case for case in map(Case.of, names) if case.on in known]


def _figures(bench: Bench, case: Case) -> tuple[str, ...]:
    name = str(case)
    rate = spread(bench.values(name, "rate"))
    assert rate is not None  # noqa: S101  a case without a result has no name
    row = [f"{rate.median:,.0f}", f"{rate.least:,.0f} to {rate.most:,.0f}"]
    for each in ("p50_ms", "p99_ms"):
        ms = spread(bench.values(name, each))
        row.append(f"{ms.median:.2f}" if ms else "")
    return tuple(row)


def _share(bench: Bench, case: Case) -> str:
    return _short(_ratio(bench, case, case.beside))


def _ratio(bench: Bench, above: Case, below: Case | None) -> float | None:
    one, other = str(above), str(below)
    pairs = [
        (each[one], each[other]) for each in bench.rounds() if {one, other} <= {*each}
    ]
    ratio = spread([quotient(*pair) for pair in pairs])
    return ratio.median if ratio else None


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"
