"""Prometheus: what it is told anew, and whom it calls."""

from ..actions import until
from ..clients import BROKEN
from .stack import Stack

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
        stack.fires("Always", 60)
    finally:
        (folder / "prometheus.yml").write_text(kept)
    until(lambda: "Always" not in stack.alerts(), each_s=0.5)


def test_its_links_lead_back_through_traefik(stack):
    """With the port that is published."""
    path = "/api/v1/status/flags"
    flags = stack.visit("prometheus", path).json["data"]
    at = f"https://prometheus.localhost:{stack.https}/"
    assert flags["web.external-url"] == at


def test_somebody_is_called_when_traefik_knows_no_wallet(stack):
    """One that runs and has no router: Traefik was started while nobody told it."""
    # The alert looks back a minute: errors of the tests before may still count.
    until(lambda: "WalletUnavailable" not in stack.alerts(), 120, each_s=0.5)
    stack.compose("stop", "socket-proxy")
    stack.compose("restart", "traefik")
    until(lambda: _status(stack) == 404, each_s=0.2)
    # When it has been so for a minute and a half, it calls; other tests tell that.
    until(lambda: "WalletUnavailable" in stack.alerts(), each_s=0.5)
    until(lambda: stack.query('max(up{job="wallet"})') == {"": 1}, each_s=0.5)
    assert _status(stack) == 404
    stack.compose("start", "socket-proxy")
    stack.compose("restart", "traefik")
    stack.up()
    until(lambda: "WalletUnavailable" not in stack.alerts(), 120, each_s=0.5)


def _status(stack: Stack) -> int | None:
    try:
        return stack.visit("wallet", "/status").status
    except BROKEN:
        return None
