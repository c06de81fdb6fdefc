"""What the two Compose files say where no address, port or registry can be tried."""

import re
from typing import Any

import pytest
import yaml

from . import project

#: The image of each service, and the setting that replaces it.
IMAGES = {
    "db": ("POSTGRES_IMAGE", r"postgres:18(\.\d+)?"),
    "prometheus": ("PROMETHEUS_IMAGE", r"prom/prometheus:v3\.\d+\.\d+"),
    "socket-proxy": ("SOCKET_PROXY_IMAGE", r"wollomatic/socket-proxy:1\.\d+\.\d+"),
    "traefik": ("TRAEFIK_IMAGE", r"traefik:v3\.7\.\d+"),
    "wallet": ("WALLET_IMAGE", r"wallet:local"),
    "whoami": ("WHOAMI_IMAGE", r"traefik/whoami:v1\.11(\.\d+)?"),
}

#: What holds unless somebody sets something else, as a path into the services.
DEFAULTS = {
    "prometheus command --web.external-url": "https://prometheus.localhost/",
    "traefik command --entrypoints.web.address": ":80",
    "traefik command --entrypoints.websecure.address": ":443",
    # Nobody outside is told of this Traefik, and nobody is asked.
    "traefik command --global.checknewversion": "false",
    "traefik command --global.sendanonymoususage": "false",
    "wallet labels traefik.http.middlewares.wallet-rate.ratelimit.average": "200",
    "wallet labels traefik.http.middlewares.wallet-rate.ratelimit.burst": "400",
    "wallet build args BASE_IMAGE": "python:3.13-slim",
    "wallet build target": "final",
    "wallet environment WALLET_DATABASE_URL": "postgresql://wallet@db/wallet",
    "wallet environment WALLET_DEFAULT_CURRENCY": "ZAR",
    "wallet environment WALLET_LUNO_URL": "https://api.luno.com/api/1/ticker",
    "wallet environment WALLET_TIME_ZONE": "",
    "wallet scale": 1,
    # It leaves for four seconds after SIGTERM, and then needs up to ten.
    "wallet stop_grace_period": "20s",
}


@pytest.fixture(scope="module")
def services(compose: None) -> dict[str, Any]:
    """Every service, as Compose itself reads it."""
    return _services()


@pytest.mark.parametrize("path", DEFAULTS)
def test_a_default_is_what_it_is(services, path):
    """Each can be changed, which the deployments of other tests do."""
    value: Any = services
    for part in path.split():
        value = value[part]
    assert value == DEFAULTS[path]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_pinned_and_is_a_setting(services, name):
    """Without a setting it is one version."""
    variable, version = IMAGES[name]
    assert re.fullmatch(version, services[name]["image"])
    changed = _services(**{variable: "example.org/other:1"})
    assert changed[name]["image"] == "example.org/other:1"


@pytest.mark.parametrize("file", project.BOTH)
def test_the_files_carry_no_version_key(file):
    """Compose v2 reads no version and warns of one."""
    assert "version" not in yaml.safe_load((project.ROOT / file).read_text())


def test_the_ports_are_those_of_the_web_and_only_of_this_machine(services):
    """HTTP and HTTPS, on the loopback address."""
    assert _published(services) == [
        ("traefik", "127.0.0.1", "80", 80),
        ("traefik", "127.0.0.1", "443", 443),
    ]


def test_the_address_of_the_ports_is_a_setting(compose):
    """To be reached from elsewhere, one says so."""
    changed = _published(_services(BIND_ADDRESS="192.0.2.1", HTTPS_PORT="8443"))
    assert changed == [
        ("traefik", "192.0.2.1", "80", 80),
        ("traefik", "192.0.2.1", "8443", 8443),
    ]


def test_luno_can_be_left_alone(compose):
    """By the wallet's own setting, or by none."""
    for nobody in ("off", ""):
        environment = _services(WALLET_LUNO_URL=nobody)["wallet"]["environment"]
        assert environment["WALLET_LUNO_URL"] == nobody


def test_another_project_on_the_engine_has_a_traefik_of_its_own(compose):
    """It finds its own network by its real name, and serves its own containers only."""
    other = project.render(*project.BOTH, COMPOSE_PROJECT_NAME="other")
    flags = _flags(other["services"]["traefik"])
    assert other["networks"]["edge"]["name"] == "other_edge"
    assert flags["--providers.docker.network"] == "other_edge"
    constraint = "Label(`com.docker.compose.project`, `other`)"
    assert flags["--providers.docker.constraints"] == constraint


# The image, as far as it can be read without an engine


def test_the_image_is_built_from_one_base_and_the_lock_file():
    """Nothing else decides what is in it, and no registry is needed to read it."""
    text = (project.ROOT / "Dockerfile").read_text()
    bases = re.findall(r"^ARG (BASE_\S+)$", text, re.M)
    assert bases == ["BASE_IMAGE=python:3.13-slim"]
    named = re.findall(r"^FROM \S+ AS (\w+)$", text, re.M)
    assert {"test", "final"} <= set(named)
    assert named[-1] == "final"
    assert set(re.findall(r"^FROM (\S+)", text, re.M)) <= {"${BASE_IMAGE}", *named}
    assert text.count("--require-hashes") == 2
    assert "# syntax=" not in text


def test_nothing_private_reaches_the_build():
    """Only what is named is sent, and neither secrets nor data are."""
    lines = (project.ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not {"!deploy", "!instance", "!.", "!**"} & set(rules)


def _services(**settings: str) -> dict[str, Any]:
    services = project.render(*project.BOTH, **settings)["services"]
    for name in ("prometheus", "traefik"):
        services[name]["command"] = _flags(services[name])
    return services


def _flags(service: dict[str, Any]) -> dict[str, str]:
    """The flags of a service's command, by their names."""
    return dict(flag.partition("=")[::2] for flag in service["command"])


def _published(services: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (name, port["host_ip"], port["published"], port["target"])
        for name, service in services.items()
        for port in service.get("ports", [])
    ]


def test_every_setting_of_the_files_is_in_the_manual():
    """All that Compose replaces in them, but for the name that Compose has for it."""
    manual = (project.ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| (`[A-Z].*?) \|", manual, re.M)
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert project.VARIABLES - told == {"COMPOSE_PROJECT_NAME"}
