"""What was measured, as it is kept in the JSON file."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """One figure of one case in one round.

    :param values: "rate" a second, "p50_ms", "p99_ms", or what else was measured.
    :param refused: requests that were not answered with success, by the reason.
    :param cut_off: requests under way when the load ended.
    """

    case: str
    round: int
    values: dict[str, float]
    refused: dict[str, int] = field(default_factory=dict)
    cut_off: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a run of the bench measured.

    :param facts: the machine, the programs, and the options of the run.
    :param verified: what `wallet verify` said, store by store.
    """

    facts: dict[str, str]
    results: list[Result] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)

    def rounds(self) -> list[dict[str, Result]]:
        """The results of each round, by case."""
        numbers = sorted({each.round for each in self.results})
        return [
            {each.case: each for each in self.results if each.round == number}
            for number in numbers
        ]

    def refused(self) -> dict[str, Counter[str]]:
        """What was not answered with success, case by case."""
        refusals: dict[str, Counter[str]] = {}
        for each in self.results:
            if each.refused:
                refusals.setdefault(each.case, Counter()).update(each.refused)
        return refusals

    def names(self) -> Iterable[str]:
        """The cases, in the order in which they were first measured."""
        return dict.fromkeys(each.case for each in self.results)

    def values(self, case: str, name: str) -> list[float]:
        """One value of a case, from every round that has it."""
        return [
            each.values[name]
            for each in self.results
            if each.case == case and name in each.values
        ]

    def save(self, path: Path) -> None:
        """Write everything down."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Bench:
    """Read what :meth:`Bench.save` wrote."""
    saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    results = [Result(**each) for each in saved.pop("results")]
    return Bench(**saved, results=results)
