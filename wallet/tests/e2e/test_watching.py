"""What is watched exists: metrics in alerts and pictures, and words for each alert."""

import json
import re
from pathlib import Path

import pytest
import yaml

from ..actions import until

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "wallet.json").read_text())
RULES = [
    rule
    for group in yaml.safe_load(
        (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
    )["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
TOKEN = "m" * 16
#: Only a database with a standby has it.
WITH_A_STANDBY = {"wallet_database_replication_lag_bytes"}
WORDS = {"and", "or", "unless", "bool", "offset", "inf"}


def expressions():
    """Every expression of a rule or a panel."""
    yield from (rule["expr"] for rule in RULES)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def metrics_in(expression):
    """Name the metrics in an expression: what is no function, label, word or number."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    names = re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?![\w:]*\s*\()", bare)
    return set(names) - WORDS


def scraped(server):
    """Every name under which a running wallet tells something."""
    with server.client(TOKEN) as client:
        answer = client.get("/metrics")
    assert answer.status == 200, answer.data
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    lines = re.findall(r"^# TYPE (\S+) (\S+)$", answer.data.decode(), re.M)
    return {name + end for name, kind in lines for end in ends.get(kind, ("",))}


@pytest.fixture
def server(make_server, postgresql_url):
    """A running server on PostgreSQL."""
    return make_server(postgresql_url, METRICS_TOKEN=TOKEN).start()


def test_metrics_are_found_in_an_expression():
    """What is looked for below is all that there is."""
    found = metrics_in(
        'sum by (le) (rate(a_bucket{b="c or d", e=~"f(g)"}[5m:10s])) / on (h) i:j > 2e3'
        " or time() - max_over_time(up[1h]) unless vector(1)"
    )
    assert found == {"a_bucket", "i:j", "up"}


def test_every_metric_that_is_watched_exists(server):
    """In a running wallet, among recorded rules, or in the list of other programs."""
    watched = {name for each in expressions() for name in metrics_in(each)}
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    text = (ROOT / "docs" / "metrics.md").read_text()
    others = set(re.findall(r"^\| `([a-zA-Z]\w+)` of ", text, re.M))
    mine = watched - recorded - others
    assert others <= watched
    assert recorded <= watched
    assert mine - scraped(server) == WITH_A_STANDBY
    assert len(mine) > 15


def test_two_workers_add_up_their_memory(make_server, postgresql_url):
    """Both are counted, whichever is asked, and each has some of the memory."""
    server = make_server(postgresql_url, METRICS_TOKEN=TOKEN).start(workers=2)

    def both():
        with server.client(TOKEN) as client:
            text = client.get("/metrics").data.decode()
        (workers,) = re.findall(r"^wallet_workers (\S+)$", text, re.M)
        (memory,) = re.findall(r"^wallet_resident_memory_bytes (\S+)$", text, re.M)
        return workers == "2.0" and float(memory) > 2 * 30_000_000

    until(both)
    assert [both() for _ in range(8)] == [True] * 8


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_a_panel_can_be_read(panel):
    """It has a title, a sentence and a unit, and asks the database that is there."""
    sources = yaml.safe_load((GRAFANA / "datasources" / "prometheus.yml").read_text())
    (source,) = sources["datasources"]
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
    assert all(target["legendFormat"] for target in panel["targets"])


def test_panels_are_told_apart_and_lie_side_by_side():
    """Numbers and titles are there once, and no two panels cover the same place."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(places)) == len(places)
    assert {x for x, _ in places} == set(range(24))


def test_every_alert_has_a_section_that_says_what_to_do():
    """And no section is of an alert that is gone."""
    text = (ROOT / "docs" / "alerts.md").read_text()
    sections = re.findall(r"^## (\w+)$", text, re.M)
    names = [rule["alert"] for rule in ALERTS]
    assert sections == list(dict.fromkeys(names))
    for rule in ALERTS:
        note = rule["annotations"]
        assert note["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert note["summary"].endswith(".")
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_every_alert_is_seen_and_seen_silent():
    """The tests of the rules do both for each."""
    asked = [
        each
        for path in (ROOT / "tests" / "deployment").glob("*.test.yml")
        for case in yaml.safe_load(path.read_text())["tests"]
        for each in case.get("alert_rule_test", [])
    ]
    names = {rule["alert"] for rule in ALERTS}
    assert {each["alertname"] for each in asked if each.get("exp_alerts")} == names
    assert {each["alertname"] for each in asked if not each.get("exp_alerts")} == names
