"""Writes the page of the results: tables out of the figures, prose out of files."""

import re
from pathlib import Path
from string import Template
from typing import Final

from .results import Bench
from .targets import FLOORS, TARGETS, Spread, spread

_TEMPLATE: Final = Path(__file__).with_name("page.md")
#: Written by hand once there are figures: why a target is missed. No run changes it.
_EXPLANATIONS: Final = Path(__file__).with_name("explanations.md")
_SHOWN: Final = {
    "post": "bare Flask, POST",
    "handed": "bare Flask, POST handed to a thread and back",
    "get": "bare Flask, GET",
    "row": "bare Flask, GET that looks up a wallet",
    "deposits": "deposits over 1,000 wallets",
    "keyed": "the same with idempotency keys",
    "transfers": "transfers between 1,000 wallets",
    "hot": "deposits into one wallet",
    "balance": "balance",
    "history": "page of 50 entries",
    "pages": "page of 50 entries, anywhere",
    "batches": "deposits in batches of 1,000",
    "tpcb": "pgbench TPC-B, scale 10",
    "tpcb-hot": "pgbench TPC-B, scale 1",
    "bulk": "loop in-process, 1,000 a commit",
    "commit": "loop in-process, one row a commit",
}


def write(bench: Bench) -> str:
    """Write the page."""
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        facts=facts(bench),
        targets=targets(bench),
        floors=floors(bench),
        cases=all_cases(bench),
        growth=growth(bench),
        memory=memory(bench),
        refused=refused(bench),
        verified=verified(bench),
        explanations=explanations(),
    )


def targets(bench: Bench) -> str:
    """Write a row for each target: what came of it, and whether it is met."""
    rows = []
    for target in TARGETS:
        found = target.spread(bench.rounds())
        # The page is of a whole run; a run by parts shows what it has on the terminal.
        if found is not None:
            met = "met" if target.met(found) else "**missed**"
            shown = (_short(found.median) + target.unit, _range(found))
            rows.append((target.title, *shown, target.bound, met))
    return table(("case", "ratio", "spread", "target", ""), rows)


def floors(bench: Bench) -> str:
    """Write what is left of bare Flask when it does one more thing."""
    found = ((each.title, each.spread(bench.rounds())) for each in FLOORS)
    rows = [(title, _short(each.median), _range(each)) for title, each in found if each]
    return table(("case", "ratio", "spread"), rows)


def all_cases(bench: Bench) -> str:
    """Write the figures of every case, but for those of growth and memory."""
    rows = [
        _row(bench, name, (_SHOWN[load], on, connections))
        for name, (load, on, connections) in _names(bench)
        if ":" not in on
    ]
    head = ("case", "on", "connections", "a second", "spread", "p50 ms", "p99 ms")
    return table(head, rows)


def growth(bench: Bench) -> str:
    """Write how the same load does on small stores and on large ones."""
    rows = []
    for name, (load, on, _) in _names(bench):
        if ":" in on:
            setup, size = on.split(":")
            count, grown = size.split("-")
            if load == "deposits":
                shown = f"deposits over all {grown}"
            else:
                shown = _SHOWN[load]
            rows.append(_row(bench, name, (shown, setup, f"{int(count):,} {grown}")))
    rows.sort(key=lambda row: (row[1], row[2].split()[1], row[0]))
    head = ("case", "on", "size", "a second", "spread", "p50 ms", "p99 ms")
    return table(head, rows)


def memory(bench: Bench) -> str:
    """Write what the largest worker holds."""
    rows = []
    names = ("rss_rest_mb", "pss_rest_mb", "rss_quarter_mb", "rss_mb", "pss_mb")
    for name in bench.names():
        if name.startswith("memory "):
            values = (spread(bench.values(name, each)).median for each in names)
            on = name.partition(" ")[2]
            rows.append((on, *(f"{each:.1f}" for each in values)))
    head = ("on", "RSS at rest", "PSS at rest", "RSS after a quarter")
    return table((*head, "RSS in the end", "PSS in the end"), rows)


def refused(bench: Bench) -> str:
    """Tell what was not answered with success, or that there was nothing."""
    found = bench.refused()
    if not found:
        return "Nothing was refused, and nothing failed."
    rows = [
        (case, reason, f"{count:,}")
        for case, counts in found.items()
        for reason, count in counts.items()
    ]
    return table(("case", "status or failure", "requests"), rows) + "\n"


def verified(bench: Bench) -> str:
    """Tell how many stores were right, to the last entry."""
    found = [re.search(r"([\d,]+) entries", each) for each in bench.verified]
    replayed = [int(each[1].replace(",", "")) for each in found if each]
    told = (
        f"`wallet verify` replayed {len(replayed)} stores, {sum(replayed):,} entries."
    )
    totals = len(found) - len(replayed)
    return told + (f" Of {totals} more, the totals were checked." if totals else "")


def explanations() -> str:
    """Take in what was written by hand, if anything was."""
    if not _EXPLANATIONS.exists():
        return ""
    return _EXPLANATIONS.read_text(encoding="utf-8").strip()


def facts(bench: Bench) -> str:
    """Write down the machine and the programs."""
    return table(("what", "which"), bench.facts.items())


def table(head: tuple[str, ...], rows: object) -> str:
    """Write a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]  # type: ignore[misc]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _names(bench: Bench) -> list[tuple[str, tuple[str, str, str]]]:
    found = []
    for name in bench.names():
        if not name.startswith("memory "):
            load, on, connections = name.split(" ")
            found.append((name, (load, on, connections)))
    return found


def _row(bench: Bench, name: str, begin: tuple[str, ...]) -> tuple[str, ...]:
    rate = spread(bench.values(name, "rate"))
    shown = f"{rate.least:,.0f} to {rate.most:,.0f}"
    row = (*begin, f"{rate.median:,.0f}", shown)
    for each in ("p50_ms", "p99_ms"):
        values = bench.values(name, each)
        row += (f"{spread(values).median:.2f}" if values else "",)
    return row


def _range(found: Spread) -> str:
    return f"{_short(found.least)} to {_short(found.most)}"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"
