"""The command line: `python -m bench`."""

import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
from tests.servers import ServerError

from wallet.audit.replay import Fault

from . import facts, page, results, runs, wrk
from .cases import CASES, Case
from .field import SHORT, Field, Options, WrongSums
from .postgres import PostgresError, postgres
from .results import Bench
from .targets import TARGETS

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
_PARTS = _ROOT / "bench" / "results"
_JSON = "performance.json"
_NAMES = (*dict.fromkeys(case.load for case in CASES), "growth", "memory")
_MISTAKES = (WrongSums, ServerError, PostgresError, Fault, wrk.WrkError)


def _check_names(
    _context: click.Context, _option: click.Parameter, value: str
) -> tuple[str, ...]:
    names = tuple(name for name in value.split(",") if name)
    for name in names:
        if name not in _NAMES:
            raise click.BadParameter(f"{name} is none of {', '.join(_NAMES)}.")
    return names


@click.command()
@click.option("--short", is_flag=True, help="Everything once and small; for a test.")
@click.option(
    "--only",
    default="",
    callback=_check_names,
    help=f"Some of {', '.join(_NAMES)}, with what they are compared with.",
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--seconds", type=click.IntRange(1), help="How long each load takes.")
@click.option(
    "--folder",
    default=tempfile.gettempdir(),
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where the stores are: the disk that is to be measured.",
)
@click.option("--page", "only_page", is_flag=True, help="Write the page anew, only.")
def main(
    short: bool,
    only: tuple[str, ...],
    rounds: int,
    seconds: int | None,
    folder: Path,
    only_page: bool,
) -> None:
    """Measure the wallet beside what limits it, and write docs/performance.md."""
    if only_page:
        _write(results.load(_DOCS / _JSON), _DOCS)
        return
    if not wrk.is_there():
        raise click.ClickException(wrk.MISSING)
    options = SHORT if short else Options(rounds=rounds)
    if seconds:
        options = replace(options, seconds=seconds, growth_s=seconds)
    whole = options == Options() and not only
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    with _place(folder) as place:
        try:
            bench = measure(place, options, only)
        except _MISTAKES as error:
            raise click.ClickException(str(error)) from error
        _write(bench, place if short else _DOCS if whole else _PARTS)
    for part in (page.rates, page.limits, page.met, page.missed, page.refused):
        click.echo(part(bench) + "\n")
    click.echo(f"Took {time.monotonic() - began:.0f} s.")
    if short and bench.refused():
        raise click.ClickException("Requests were refused.")


def choose(only: Sequence[str]) -> list[Case]:
    """Pick the cases that are asked for, and those that they are compared with."""
    wanted = [case for case in CASES if not only or case.load in only]
    names = {str(case) for case in wanted} | {str(case.beside) for case in wanted}
    for target in TARGETS:
        if target.needs[0] in map(str, wanted):
            names.update(target.needs)
    return [case for case in CASES if str(case) in names]


def measure(place: Path, options: Options, only: Sequence[str]) -> Bench:
    """Run everything that was chosen."""
    with postgres(place) as server:
        bench = Bench(facts.collect(place, server, options))
        field = Field(place, server, options, bench, _say)
        for number in range(1, options.rounds + 1):
            runs.run_round(field, choose(only), number)
        if not only or "memory" in only:
            runs.run_memory(field)
        if not only or "growth" in only:
            runs.run_growth(field)
    return bench


def _write(bench: Bench, folder: Path) -> None:
    bench.save(folder / _JSON)
    (folder / "performance.md").write_text(page.write(bench), encoding="utf-8")


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wallet-bench-", dir=folder) as name:
        place = Path(name)
        # PostgreSQL runs as another user where the bench is run by root.
        place.chmod(0o755)
        if facts.file_system(place) in ("tmpfs", "ramfs"):
            _say(
                "The stores are in memory, where a commit costs nothing: see --folder."
            )
        yield place


def _say(line: str) -> None:
    click.echo(line, err=True)


def _stop(_number: int, _frame: object) -> None:
    sys.exit(143)


if __name__ == "__main__":
    main(prog_name="python -m bench")
