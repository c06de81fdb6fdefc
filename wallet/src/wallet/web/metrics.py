"""What is counted and timed, in the format of Prometheus.

Histograms and counters only: they add up over workers, and those of a worker that
ended still count. Every label comes from a closed set, and its child is looked up in a
dictionary, because the library's own look-up costs more than what it finds.
"""

import os
from typing import Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from ..ledger.commands import Submission
from ..ledger.outcomes import Abandoned, Created, Outcome, Refused, Replayed, Results
from ..line import Place
from ..storage.errors import OutcomeUnknown

# The time at which a counter was made is a gauge, and every worker has its own.
disable_created_metrics()  # type: ignore[no-untyped-call]

#: Without several workers everything is in this registry, and nothing else is.
_registry: Final = CollectorRegistry()

_SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_COMMANDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
)

REQUESTS: Final = Histogram(
    "wallet_http_request_duration_seconds",
    "Time from the first look at a request to its answer.",
    ("method", "route", "status"),
    buckets=_SECONDS,
    registry=_registry,
)
OPERATIONS: Final = Counter(
    "wallet_operations",
    "What was asked of the ledger, and what came of it.",
    ("kind", "outcome"),
    registry=_registry,
)
BATCH_SIZE: Final = Histogram(
    "wallet_batch_commands",
    "Commands that were decided and committed together.",
    buckets=_COMMANDS,
    registry=_registry,
)
QUEUE_DEPTH: Final = Histogram(
    "wallet_queue_commands",
    "Commands that waited when a batch was begun.",
    buckets=_COMMANDS,
    registry=_registry,
)
QUEUE_WAIT: Final = Histogram(
    "wallet_queue_wait_seconds",
    "Time from the request for a commit to the begin of its batch.",
    buckets=_SECONDS,
    registry=_registry,
)
COMMIT_TIME: Final = Histogram(
    "wallet_commit_duration_seconds",
    "Time to decide, write, commit and answer what was taken together.",
    buckets=_SECONDS,
    registry=_registry,
)

RATE_ASKS: Final = Counter(
    "wallet_rate_asks",
    "Questions for the price of bitcoin, and what came of them.",
    ("outcome",),
    registry=_registry,
)

WAITS: Final = Counter(
    "wallet_waits",
    "Calls that waited for an entry, and what came of them.",
    ("outcome",),
    registry=_registry,
)

_Metric = TypeVar("_Metric", Counter, Histogram)


class _Children(dict[tuple[str, ...], _Metric]):
    """The children of a metric by their labels, each made when it is first wanted."""

    def __init__(self, metric: _Metric) -> None:
        super().__init__()
        self._metric: _Metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> _Metric:
        child: _Metric = self._metric.labels(*labels)
        self[labels] = child
        return child


_requests: Final = _Children(REQUESTS)
_operations: Final = _Children(OPERATIONS)


def exposition() -> bytes:
    """Write what was counted and timed, over all workers."""
    registry = _registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def observe_request(method: str, route: str | None, status: int, took_s: float) -> None:
    """Time a request. What matches no route shares one label, and so do odd methods."""
    known = method if method in _METHODS else "OTHER"
    _requests[known, route or "none", str(status)].observe(took_s)


def observe_batch(
    batch: list[Place], queued: int, began_s: float, took_s: float
) -> None:
    """Time what was committed together."""
    size = sum(place.size for place in batch)
    BATCH_SIZE.observe(size)
    QUEUE_DEPTH.observe(size + queued)
    COMMIT_TIME.observe(took_s)
    for place in batch:
        QUEUE_WAIT.observe(began_s - place.since_s)


def observe_ask(outcome: str) -> None:
    """Count a question for the price of bitcoin."""
    RATE_ASKS.labels(outcome).inc()


def count_wait(outcome: str) -> None:
    """Count a call that waited for an entry."""
    WAITS.labels(outcome).inc()


def count_failure(submission: Submission, error: Exception) -> None:
    """Count commands that were not carried out, or of which that is not known."""
    unknown = isinstance(error, OutcomeUnknown)
    _count(submission, "outcome-unknown" if unknown else "failed")


def count_results(submission: Submission, results: Results) -> None:
    """Count what came of every command."""
    if isinstance(results, Refused):
        _count(submission, results.refusal.value)
    elif isinstance(results, Abandoned):
        _count(submission, "batch-refused")
    else:
        for command, result in zip(submission.commands, results, strict=True):
            _operations[str(command.kind), _outcome(result.outcome)].inc()


def _count(submission: Submission, outcome: str) -> None:
    for command in submission.commands:
        _operations[str(command.kind), outcome].inc()


def _outcome(outcome: Outcome) -> str:
    if isinstance(outcome, Refused):
        return outcome.refusal.value
    replayed = isinstance(outcome, Created) and outcome.replayed
    return "replayed" if replayed or isinstance(outcome, Replayed) else "done"
