"""Prometheus: what it is told anew, and whom it calls."""

from ..actions import until

RULE = """groups:
  - name: of this test
    rules:
      - {alert: Always, expr: vector(1)}
"""


def test_a_changed_configuration_is_loaded(stack):
    """Nobody restarts it; and a rule that holds becomes an alert."""
    folder = stack.folder / "deploy" / "prometheus"
    kept = (folder / "prometheus.yml").read_text()
    (folder / "more.yml").write_text(RULE)
    added = kept.replace("rule_files:\n", "rule_files:\n  - more.yml\n")
    (folder / "prometheus.yml").write_text(added)
    try:
        stack.fires("Always", 30)
    finally:
        (folder / "prometheus.yml").write_text(kept)
    until(lambda: "Always" not in stack.alerts(), 30, each_s=0.5)


def test_its_links_lead_back_through_traefik(stack):
    """With the port that is published."""
    path = "/api/v1/status/flags"
    flags = stack.visit("prometheus", path).json["data"]
    at = f"https://prometheus.localhost:{stack.https}/"
    assert flags["web.external-url"] == at


def test_somebody_is_called_when_the_database_is_away(stack):
    """Within a minute and a half; and when it is back, nobody is called any more."""
    until(lambda: "WalletNotReady" not in stack.alerts(), 60, each_s=0.5)
    stack.compose("stop", "db")
    stack.fires("WalletNotReady", 90)
    stack.compose("start", "db")
    until(lambda: "WalletNotReady" not in stack.alerts(), 60, each_s=0.5)
