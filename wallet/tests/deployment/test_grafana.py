"""Grafana, as Compose and it are told; no test runs it."""

from typing import Any

import pytest
import yaml

from . import project

#: What it has in common with each service beside it.
CONFINED = ("cap_drop", "security_opt", "read_only", "restart", "logging", "pids_limit")
PROVISIONED = "/etc/grafana/provisioning"


@pytest.fixture(scope="module")
def services(compose: None) -> dict[str, Any]:
    """Every service, where Grafana is asked for."""
    return project.render(*project.BOTH, COMPOSE_PROFILES="grafana")["services"]


@pytest.fixture(scope="module")
def grafana(services: dict[str, Any]) -> dict[str, Any]:
    """The service alone."""
    return services["grafana"]


def test_it_is_there_for_those_who_ask_for_it(compose, services):
    """And all others are there without it."""
    without = project.render(*project.BOTH)["services"]
    assert set(services) - set(without) == {"grafana"}


def test_its_image_is_pinned_and_is_a_setting(grafana):
    """Without a setting it is one version."""
    assert grafana["image"] == "grafana/grafana:12.3.1"
    given = {"COMPOSE_PROFILES": "grafana", "GRAFANA_IMAGE": "example.org/other:1"}
    changed = project.render(*project.BOTH, **given)["services"]["grafana"]
    assert changed["image"] == "example.org/other:1"


def test_it_is_confined_like_the_others(services, grafana):
    """It holds no secret, is not root, and writes to memory alone."""
    beside = services["prometheus"]
    assert {each: grafana.get(each) for each in CONFINED} == {
        each: beside.get(each) for each in CONFINED
    }
    assert grafana["read_only"] is True
    assert grafana["user"] == "472:0"
    assert 0 < int(grafana["mem_limit"]) <= 1024**3
    assert not grafana.get("secrets")
    assert not grafana.get("ports")
    assert [volume["read_only"] for volume in grafana["volumes"]] == [True]


def test_it_shares_a_network_with_prometheus_and_traefik_alone(services, grafana):
    """Neither the wallet nor the database can be reached from it."""
    assert set(grafana["networks"]) == {"watch"}
    there = {name for name in services if "watch" in services[name]["networks"]}
    assert there == {"grafana", "prometheus", "traefik"}


def test_it_is_behind_the_password_of_the_others(services, grafana):
    """On a host of its own, by way of the network that it shares with Traefik."""
    labels = grafana["labels"]
    router = "traefik.http.routers.grafana"
    assert labels["traefik.enable"] == "true"
    assert labels[f"{router}.rule"] == "Host(`grafana.localhost`)"
    assert labels[f"{router}.entrypoints"] == "websecure"
    for service, name in (("prometheus", "prometheus"), ("whoami", "whoami")):
        same = services[service]["labels"][f"traefik.http.routers.{name}.middlewares"]
        assert labels[f"{router}.middlewares"] == same
    assert labels["traefik.docker.network"] == "wallet_watch"
    assert labels["traefik.http.services.grafana.loadbalancer.server.port"] == "3000"


def test_whoever_is_let_in_may_look_and_nothing_else(grafana):
    """There is nobody to sign in as."""
    settings = grafana["environment"]
    told = {
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_AUTH_BASIC_ENABLED": "false",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
    }
    assert told.items() <= settings.items()
    calls = [name for name in settings if "CHECK_FOR" in name or "REPORTING" in name]
    assert {settings[name] for name in calls} == {"false"}


def test_it_knows_the_port_under_which_it_is_called(compose, grafana):
    """Its links lead back through Traefik."""
    assert grafana["environment"]["GF_SERVER_ROOT_URL"] == "https://grafana.localhost/"
    given = {"COMPOSE_PROFILES": "grafana", "HTTPS_PORT": "8443"}
    changed = project.render(*project.BOTH, **given)["services"]["grafana"]
    address = changed["environment"]["GF_SERVER_ROOT_URL"]
    assert address == "https://grafana.localhost:8443/"


def test_it_finds_prometheus_and_its_dashboard(services, grafana):
    """At the name that Prometheus has for it, and in the folder that is mounted."""
    folder = project.ROOT / "deploy" / "grafana"
    (volume,) = grafana["volumes"]
    assert (volume["source"], volume["target"]) == (str(folder), PROVISIONED)
    sources = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())
    (name,) = services["prometheus"]["networks"]["watch"]["aliases"]
    assert [each["url"] for each in sources["datasources"]] == [f"http://{name}:9090"]
    providers = yaml.safe_load((folder / "dashboards" / "wallet.yml").read_text())
    (provider,) = providers["providers"]
    assert provider["options"]["path"] == f"{PROVISIONED}/dashboards"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (folder / home.removeprefix(f"{PROVISIONED}/")).is_file()


def test_prometheus_keeps_a_bounded_past(compose, services):
    """By time and by size, and both are settings."""
    flag = "--storage.tsdb.retention"
    command = services["prometheus"]["command"]
    assert {f"{flag}.time=30d", f"{flag}.size=4GB"} <= set(command)
    given = {"PROMETHEUS_KEEP": "7d", "PROMETHEUS_SIZE": "1GB"}
    changed = project.render(*project.BOTH, **given)["services"]["prometheus"]
    assert {f"{flag}.time=7d", f"{flag}.size=1GB"} <= set(changed["command"])
