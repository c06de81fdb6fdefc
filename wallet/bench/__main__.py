"""The command line: `python -m bench`."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from wallet.audit.replay import Fault

from . import facts, page, results, runs, wrk
from .cases import CASES, Case
from .field import Field, Options, WrongSums
from .postgres import Postgres, PostgresError, postgres
from .results import Bench
from .servers import ServerError
from .targets import FLOORS, TARGETS

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
_PARTS = _ROOT / "bench" / "results"
_JSON = "performance.json"
_ENGINES = ("postgresql", "sqlite")
_KINDS = tuple(dict.fromkeys(case.load for case in CASES))
_MORE = ("growth", "memory")
_MISTAKES = (WrongSums, ServerError, PostgresError, Fault, wrk.WrkError)


def _listed(known: tuple[str, ...]) -> Callable[..., tuple[str, ...]]:
    def check(_c: click.Context, _p: click.Parameter, value: str) -> tuple[str, ...]:
        names = tuple(name for name in value.split(",") if name)
        for name in names:
            if name not in known:
                raise click.BadParameter(f"{name} is none of {', '.join(known)}.")
        return names

    return check


@click.command()
@click.option("--short", is_flag=True, help="Everything once and small; for a test.")
@click.option(
    "--only",
    default="",
    callback=_listed((*_KINDS, *_MORE)),
    help=f"Some of {', '.join((*_KINDS, *_MORE))}, with what they are compared with.",
)
@click.option("--engines", default=",".join(_ENGINES), callback=_listed(_ENGINES))
@click.option("--connections", type=int, help="Only loads with so many.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", type=click.IntRange(1), help="How long each load takes.")
@click.option("--warm-up", default=1, show_default=True, type=click.IntRange(0))
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
    engines: tuple[str, ...],
    connections: int | None,
    rounds: int,
    seconds: int | None,
    warm_up: int,
    folder: Path,
    only_page: bool,
) -> None:
    """Measure the wallet beside what limits it, and write docs/performance.md."""
    if only_page:
        _write(results.load(_DOCS / _JSON), _DOCS)
        return
    if not wrk.is_there():
        raise click.ClickException(wrk.MISSING)
    options = Options(rounds=rounds, warm_up=warm_up)
    if seconds:
        options = replace(options, seconds=seconds, growth_s=seconds)
    whole = options == Options() and not only and connections is None
    whole = whole and set(engines) == set(_ENGINES)
    options = options.shortened() if short else options
    chosen = choose(only, engines, connections)
    more = [each for each in _MORE if each in only or not (only or connections)]
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    with _place(folder) as place:
        try:
            bench = measure(place, options, chosen, engines, more)
        except _MISTAKES as error:
            raise click.ClickException(str(error)) from error
        _write(bench, place if short else _DOCS if whole else _PARTS)
    for part in (page.all_cases, page.targets, page.floors, page.refused):
        click.echo(part(bench) + "\n")
    click.echo(f"Took {time.monotonic() - began:.0f} s.")
    if short and bench.refused():
        raise click.ClickException("Requests were refused.")


def choose(
    only: tuple[str, ...], engines: tuple[str, ...], connections: int | None
) -> list[Case]:
    """Pick the cases that are asked for, and those that they are compared with."""
    asked = {
        str(case)
        for case in CASES
        if (not only or case.load in only)
        and connections in (None, case.connections)
        and case.engine in engines
    }
    needed = set(asked)
    for ratio in (*TARGETS, *FLOORS):
        if ratio.needs[0] in asked:
            needed.update(ratio.needs)
    return [case for case in CASES if str(case) in needed and case.engine in engines]


def measure(
    place: Path,
    options: Options,
    chosen: list[Case],
    engines: Sequence[str],
    more: Sequence[str],
) -> Bench:
    """Run everything that was chosen."""
    with ExitStack() as stack:
        server: Postgres | None = None
        if "postgresql" in engines:
            server = stack.enter_context(postgres(place))
        bench = Bench(facts.collect(place, server, options))
        field = Field(place, server, options, bench, _say)
        for number in range(1, options.rounds + 1):
            runs.run_round(field, chosen, number)
        if "memory" in more:
            runs.run_memory(field, engines)
        if "growth" in more:
            runs.run_growth(field, engines)
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
