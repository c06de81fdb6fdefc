import re
from pathlib import Path

import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from wallet import create_app
from wallet.config import ConfigError
from wallet.ledger.commands import Kind
from wallet.storage.errors import NotWritten, OutcomeUnknown
from wallet.web import metrics
from wallet.web.gauges import GAUGES
from wallet.web.service import service_of

from ..actions import Wallets
from .conftest import METRICS, OPERATOR, SECRET

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def read(caller):
    """Every sample by its name and labels."""
    answer = caller.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class Gained:
    """What was added to the metrics by what is done in between."""

    def __init__(self, caller):
        self.caller = caller
        self.before = read(caller)

    def __call__(self, *names):
        name = names[0], *names[1:]
        return read(self.caller).get(name, 0) - self.before.get(name, 0)


def test_a_request_is_counted_by_its_route(local):
    """The pattern of the route is told, never an id."""
    wallet = local.create()
    gained = Gained(local)
    for _ in range(3):
        local.balance(wallet)
    local.deposit(wallet, "x")
    name = "wallet_http_request_duration_seconds_count"
    assert gained(name, "GET", "/v1/wallets/<wallet_id>", "200") == 3
    assert gained(name, "POST", "/v1/wallets/<wallet_id>/deposits", "400") == 1
    assert wallet not in local.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("BREW", "/v1/wallets", ("OTHER", "none", "405")),
        ("", "/nothing", ("OTHER", "none", "404")),
        ("GET", "/nothing/x", ("GET", "none", "404")),
        ("PATCH", "/v1/wallets", ("PATCH", "none", "405")),
    ],
)
def test_labels_come_from_closed_sets(local, method, path, labels):
    """Odd methods and addresses make no new label."""
    gained = Gained(local)
    local.client.open(path, method=method)
    assert gained("wallet_http_request_duration_seconds_count", *labels) == 1


def test_operations_are_counted_by_kind_and_outcome(local):
    """Each command counts once, also within a batch."""
    gained = Gained(local)
    wallet, other = local.create(), local.create()
    local.deposit(wallet, 5, key="k")
    local.deposit(wallet, 5, key="k")
    local.withdraw(wallet, 9)
    local.withdraw(wallet, 1, if_match='"9"')
    item = {"kind": "transfer", "amount": 1, "to": other}
    local.batch(wallet, item, item)
    local.batch(wallet, item, item | {"amount": 9}, atomic=True)
    local.post(f"/v1/wallets/{wallet}/keys")
    told = {
        ("new-wallet", "done"): 2,
        ("new-key", "done"): 1,
        ("deposit", "done"): 1,
        ("deposit", "replayed"): 1,
        ("withdrawal", "insufficient-funds"): 1,
        ("withdrawal", "version-mismatch"): 1,
        ("transfer", "done"): 2,
        ("transfer", "batch-refused"): 2,
    }
    assert {name: gained("wallet_operations_total", *name) for name in told} == told


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(NotWritten(), "failed"), (OutcomeUnknown(), "outcome-unknown")],
)
def test_failures_are_counted(app, local, monkeypatch, error, outcome):
    """What could not be done, and what nobody knows."""

    def fail(_submission):
        raise error

    wallet = local.create()
    gained = Gained(local)
    monkeypatch.setattr(service_of(app).writer, "submit", fail)
    local.deposit(wallet, 1)
    assert gained("wallet_operations_total", "deposit", outcome) == 1


def test_money_that_moved_is_answered_even_if_it_cannot_be_counted(
    local, monkeypatch, caplog
):
    """The count is lost and logged; the answer is not."""

    def fail(_outcome):
        raise RuntimeError("no count")

    wallet = local.create()
    monkeypatch.setattr(metrics, "_outcome", fail)
    answer = local.deposit(wallet, 1)
    assert answer.status_code == 201, answer.text
    assert local.balance(wallet) == ("1.00", 1)
    assert "the results of a request were not counted" in caplog.text


def test_batches_and_the_queue_are_measured(local):
    """How much is committed together, how much waited, how long both took."""
    wallet = local.create()
    gained = Gained(local)
    local.deposit(wallet, 1)
    local.batch(wallet, *[{"kind": "deposit", "amount": 1}] * 9)
    assert gained("wallet_batch_commands_sum") == 10
    assert gained("wallet_batch_commands_count") == 2
    assert gained("wallet_queue_commands_count") == 2
    assert gained("wallet_queue_wait_seconds_count") == 2
    assert gained("wallet_commit_duration_seconds_count") == 2
    assert 0 < gained("wallet_commit_duration_seconds_sum") < 10
    assert 0 <= gained("wallet_queue_wait_seconds_sum") < 10


def test_what_workers_count_is_a_histogram_or_a_counter(local):
    """Gauges of workers that ended would stay; the others are measured now."""
    answer = local.get("/metrics")
    families = list(text_string_to_metric_families(answer.text))
    gauges = {family.name for family in families if family.type == "gauge"}
    assert answer.content_type == CONTENT_TYPE_LATEST
    assert gauges <= {"wallet_build_info", *GAUGES}
    assert {family.type for family in families} == {"histogram", "counter", "gauge"}
    assert {family.name for family in families} - gauges == {
        each._name for each in _metrics()
    }


def _metrics():
    found = [metrics.REQUESTS, metrics.OPERATIONS, metrics.BATCH_SIZE]
    found += [metrics.QUEUE_DEPTH, metrics.QUEUE_WAIT, metrics.COMMIT_TIME]
    return [*found, metrics.RATE_ASKS, metrics.WAITS]


def test_every_metric_and_label_is_documented():
    """The document has one row for each, with its labels."""
    text = DOCUMENT.read_text()
    rows = re.findall(r"^\| `(wallet_\w+?)(?:\{(\S*)\})?` \|", text, re.M)
    suffix = {"counter": "_total", "histogram": ""}
    assert rows == [
        (each._name + suffix[each._type], ",".join(each._labelnames))
        for each in _metrics()
    ] + [("wallet_build_info", "version")] + [(name, "") for name in GAUGES]
    kinds = [*Kind, "new-wallet", "new-key"]
    extra = ["done", "replayed", "batch-refused", "failed", "outcome-unknown"]
    missing = [each for each in (*kinds, *extra) if f"`{each}`" not in text]
    assert missing == []


@pytest.mark.parametrize(
    ("token", "status"), [(METRICS, 200), (OPERATOR, 401), ("x", 401), (None, 401)]
)
def test_a_shared_service_shows_metrics_for_their_own_token(stranger, token, status):
    """The operator's token moves money, so it is not one to give to a scraper."""
    answer = Wallets(stranger.client, token).get("/metrics")
    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert ("wallet_" in answer.text) == (status == 200)


def test_the_token_of_metrics_opens_nothing_else(stranger):
    """It reads numbers only."""
    assert Wallets(stranger.client, METRICS).get("/v1/wallets").status_code == 401


def test_without_a_token_a_shared_service_has_no_metrics(database_url, tmp_path):
    """To everyone, the operator included, there is nothing here."""
    settings = {"SECRET_KEY": SECRET, "OPERATOR_TOKEN": OPERATOR}
    app = create_app({"DATABASE_URL": database_url, "HOME": str(tmp_path), **settings})
    for token in (None, OPERATOR, ""):
        answer = Wallets(app.test_client(), token).get("/metrics")
        assert answer.json["type"] == "/problems/not-found"
    service_of(app).close()


def test_the_token_of_metrics_is_not_the_operators(tmp_path):
    """The start is refused with a sentence."""
    settings = {"SECRET_KEY": SECRET, "OPERATOR_TOKEN": OPERATOR}
    with pytest.raises(ConfigError, match="must differ"):
        create_app({"HOME": str(tmp_path), "METRICS_TOKEN": OPERATOR, **settings})
