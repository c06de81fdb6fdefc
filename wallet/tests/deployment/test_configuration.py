"""The two Compose files, rule by rule, as Compose itself reads them."""

import re
from typing import Any

import pytest
import yaml

from . import project

AROUND = ["prometheus", "socket-proxy", "traefik", "whoami"]
SERVICES = sorted(["db", "wallet", *AROUND])
each_service = pytest.mark.parametrize("name", SERVICES)

IMAGES = {
    "db": ("POSTGRES_IMAGE", r"postgres:18(\.\d+)?"),
    "prometheus": ("PROMETHEUS_IMAGE", r"prom/prometheus:v3\.\d+\.\d+"),
    "socket-proxy": ("SOCKET_PROXY_IMAGE", r"wollomatic/socket-proxy:1\.\d+\.\d+"),
    "traefik": ("TRAEFIK_IMAGE", r"traefik:v3\.7\.\d+"),
    "wallet": ("WALLET_IMAGE", r"wallet:local"),
    "whoami": ("WHOAMI_IMAGE", r"traefik/whoami:v1\.11(\.\d+)?"),
}

#: What every container is held to.
CONFINED = {
    "cap_drop": ["ALL"],
    "cap_add": None,
    "privileged": None,
    "security_opt": ["no-new-privileges:true"],
    "read_only": True,
    "network_mode": None,
    "restart": "unless-stopped",
    "logging": {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "3"},
    },
}

#: User, networks and secrets of each service.
RIGHTS = {
    "db": ("postgres", ["back"], ["database_password"]),
    "prometheus": ("65534:65534", ["edge", "metrics", "watch"], ["metrics_token"]),
    # Only it runs as root, because it has to read the engine's socket.
    "socket-proxy": ("0:0", ["socket"], []),
    "traefik": (
        "65534:65534",
        ["edge", "metrics", "socket", "watch"],
        ["traefik_users"],
    ),
    # Its user is in its image. The operator's token is its alone.
    "wallet": (
        None,
        ["back", "edge", "metrics"],
        ["database_password", "metrics_token", "operator_token", "secret_key"],
    ),
    "whoami": ("65534:65534", ["edge"], []),
}

#: What else must stand in a service, as a path into it.
DETAILS = {
    # Nothing of the wallet can be there only once, so that it can be scaled.
    "wallet ports": None,
    "wallet container_name": None,
    "wallet hostname": None,
    "wallet volumes": None,
    # It needs up to ten seconds after SIGTERM.
    "wallet stop_grace_period": "15s",
    "wallet depends_on db condition": "service_healthy",
    "wallet build target": "final",
    "wallet build args": {"BASE_IMAGE": "python:3.13-slim"},
    "wallet environment WALLET_DATABASE_URL": "postgresql://wallet@db/wallet",
    # SIGINT is PostgreSQL's fast stop, which does not wait for its clients.
    "db stop_signal": "SIGINT",
    "db environment LANG": "C.UTF-8",
    "db environment POSTGRES_PASSWORD": None,
    # Traefik knows nothing of what is inside.
    "db labels": None,
    "socket-proxy labels": None,
    # Above 1024, because it is not root; its image has nothing that asks from inside.
    "whoami environment": {"WHOAMI_PORT_NUMBER": "8080"},
    "whoami healthcheck": None,
}

#: How each container is asked for its health, up to where it is only about time.
CHECKS = {
    # Over the network: the server that prepares the first start has no address.
    "db": ["CMD", "pg_isready", "--quiet", "--host=127.0.0.1"],
    # It is in every one of its images.
    "prometheus": ["CMD", "promtool", "check", "healthy"],
    # A second process, which has to be told the entry point again.
    "traefik": [
        *("CMD", "traefik", "healthcheck", "--ping=true", "--ping.entrypoint=ping"),
        "--entrypoints.ping.address=:8082",
    ],
}

#: Traefik's flags, in small letters; ``None`` stands for one that must not be there.
TRAEFIK = {
    "global.checknewversion": "false",
    "global.sendanonymoususage": "false",
    "api.dashboard": "true",
    "api.insecure": None,
    "api": None,
    "ping": "true",
    "ping.entrypoint": "ping",
    "entrypoints.ping.address": ":8082",
    # TLS is on for all routers, and HTTP only sends there.
    "entrypoints.web.address": ":80",
    "entrypoints.web.http.redirections.entrypoint.to": "websecure",
    "entrypoints.web.http.redirections.entrypoint.scheme": "https",
    "entrypoints.web.http.redirections.entrypoint.permanent": "true",
    "entrypoints.websecure.address": ":443",
    "entrypoints.websecure.http.tls": "true",
    # A router without an entry point must not be where metrics and health are.
    "entrypoints.websecure.asdefault": "true",
    # No router can forget the headers of caution.
    "entrypoints.websecure.http.middlewares": "secure-headers@docker",
    # WSGI cannot tell X_Forwarded_For from X-Forwarded-For.
    "entrypoints.websecure.http.underscoreheadersstrategy": "delete",
    "providers.docker.endpoint": "tcp://socket-proxy:2375",
    "providers.docker.exposedbydefault": "false",
    "providers.docker.network": "wallet_edge",
    # A wallet that is stopped or not healthy answers 503, never 404.
    "providers.docker.allowemptyservices": "true",
    "providers.docker.constraints": "Label(`com.docker.compose.project`, `wallet`)",
    # Metrics are on an entry point of their own, which no port publishes.
    "metrics.prometheus": "true",
    "metrics.prometheus.entrypoint": "metrics",
    "metrics.prometheus.addrouterslabels": "true",
    "metrics.prometheus.addserviceslabels": "true",
    "entrypoints.metrics.address": ":8083",
}

DASHBOARD = "(PathPrefix(`/api`) || PathPrefix(`/dashboard`))"
#: The whole rule and the middlewares of each router, and the port behind it.
ROUTERS = {
    "dashboard": (f"Host(`traefik.localhost`) && {DASHBOARD}", "admin-auth", None),
    "prometheus": ("Host(`prometheus.localhost`)", "admin-auth", "9090"),
    # Basic auth would take the header that the wallet's callers need.
    "wallet": (
        "Host(`wallet.localhost`) && !PathPrefix(`/metrics`)",
        "wallet-rate",
        "8000",
    ),
    "whoami": ("Host(`whoami.localhost`)", "admin-auth", "8080"),
}

#: What else Traefik reads from the services; the users of basic auth are in a file.
LABELS = {
    "routers.dashboard.service": "api@internal",
    "services.whoami.loadbalancer.healthcheck.path": "/health",
    "middlewares.admin-auth.basicauth.usersfile": "/run/secrets/traefik_users",
    "middlewares.admin-auth.basicauth.users": None,
    "middlewares.admin-auth.basicauth.removeheader": "true",
    "middlewares.secure-headers.headers.contenttypenosniff": "true",
    "middlewares.secure-headers.headers.framedeny": "true",
    "middlewares.secure-headers.headers.referrerpolicy": "same-origin",
}


@pytest.fixture(scope="module")
def both(compose: None) -> dict[str, Any]:
    """Both files together."""
    return project.render(*project.BOTH)


@pytest.fixture(scope="module")
def services(both: dict[str, Any]) -> dict[str, Any]:
    """Every service."""
    return both["services"]


@pytest.fixture(scope="module")
def traefik(services: dict[str, Any]) -> dict[str, str]:
    """Traefik's flags."""
    return _flags(services["traefik"])


@pytest.fixture(scope="module")
def labels(services: dict[str, Any]) -> dict[str, str]:
    """What Traefik reads from all services, without the words that all begin with."""
    return {
        name.removeprefix("traefik.http."): value
        for service in services.values()
        for name, value in service.get("labels", {}).items()
    }


# The files


def test_the_files_are_split_between_the_wallet_and_what_stands_around(compose, both):
    """Each renders alone, and what both name, they name alike."""
    for file, names in ((project.AROUND, AROUND), (project.WALLET, ["db", "wallet"])):
        alone = project.render(file)
        assert sorted(alone["services"]) == names
        for part in ("networks", "secrets"):
            assert alone[part].items() <= both[part].items()
    assert sorted(both["services"]) == SERVICES


@pytest.mark.parametrize("file", project.BOTH)
def test_the_files_carry_no_version_key(file):
    """Compose v2 reads no version and warns of one."""
    assert "version" not in yaml.safe_load((project.ROOT / file).read_text())


@each_service
def test_an_image_is_pinned_and_is_a_setting(services, name):
    """Without a setting it is one version."""
    variable, version = IMAGES[name]
    assert re.fullmatch(version, services[name]["image"])
    changed = _services(**{variable: "example.org/other:1"})
    assert changed[name]["image"] == "example.org/other:1"


def test_the_base_image_is_a_setting(compose):
    """The wallet is built on the image that is named."""
    build = _services(BASE_IMAGE="example.org/python:3")["wallet"]["build"]
    assert build["args"] == {"BASE_IMAGE": "example.org/python:3"}


# What a container may do


@each_service
def test_a_container_is_confined(services, name):
    """It gains no right, cannot write to its image or fill the disk, and comes back."""
    assert {part: services[name].get(part) or None for part in CONFINED} == CONFINED
    assert 0 < int(services[name]["mem_limit"]) <= 1024**3


@each_service
def test_a_container_has_the_rights_it_needs_and_no_other(services, name):
    """A user, networks that keep apart who has nothing to say to another, secrets."""
    service = services[name]
    secrets = sorted(secret["source"] for secret in service.get("secrets", []))
    rights = (service.get("user"), sorted(service["networks"]), secrets)
    assert rights == RIGHTS[name]


@pytest.mark.parametrize("path", DETAILS)
def test_a_service_has_its_details(services, path):
    """Each for the reason that stands beside it in the table."""
    value: Any = services
    for part in path.split():
        value = (value or {}).get(part)
    assert (value or None) == DETAILS[path]


@pytest.mark.parametrize("name", CHECKS)
def test_a_container_is_asked_for_its_health(services, name):
    """By what its image has."""
    command = CHECKS[name]
    assert services[name]["healthcheck"]["test"][: len(command)] == command


def test_only_traefik_publishes_ports_and_only_to_this_machine(services):
    """HTTP and HTTPS, on the loopback address."""
    assert _published(services) == [
        ("traefik", "127.0.0.1", "80", 80),
        ("traefik", "127.0.0.1", "443", 443),
    ]


def test_the_ports_and_their_address_are_settings(compose):
    """A redirection to HTTPS names the entry point's port, so that moves along."""
    ports = {"HTTP_PORT": "8080", "HTTPS_PORT": "8443"}
    changed = _services(BIND_ADDRESS="192.0.2.1", **ports)
    assert _published(changed) == [
        ("traefik", "192.0.2.1", "8080", 8080),
        ("traefik", "192.0.2.1", "8443", 8443),
    ]
    flags = _flags(changed["traefik"])
    assert flags["entrypoints.web.address"] == ":8080"
    assert flags["entrypoints.websecure.address"] == ":8443"


# Traefik: the way in


def test_traefik_has_its_flags(traefik):
    """Each for the reason that stands beside it in the table."""
    assert {name: traefik.get(name) for name in TRAEFIK} == TRAEFIK


def test_traefik_counts_in_fine_steps(traefik):
    """From milliseconds to ten seconds."""
    buckets = [float(b) for b in traefik["metrics.prometheus.buckets"].split(",")]
    assert buckets == sorted(buckets)
    assert buckets[0] <= 0.005
    assert buckets[-1] >= 10


@pytest.mark.parametrize("name", ["prometheus", "traefik", "wallet", "whoami"])
def test_traefik_serves_who_asks_for_it(services, name):
    """The others are not served."""
    assert services[name]["labels"]["traefik.enable"] == "true"


def test_each_host_has_a_router_over_https(labels):
    """Four hosts, the entry point with TLS, and no port that is guessed."""
    assert {name.split(".")[1] for name in labels if name.startswith("routers.")} == {
        *ROUTERS
    }
    for name, (rule, middleware, port) in ROUTERS.items():
        assert labels[f"routers.{name}.rule"] == rule
        assert labels[f"routers.{name}.entrypoints"] == "websecure"
        assert labels[f"routers.{name}.middlewares"] == f"{middleware}@docker"
        assert labels.get(f"services.{name}.loadbalancer.server.port") == port


def test_each_middleware_that_is_named_is_defined(labels):
    """A name without a definition takes its router away."""
    defined = {name.split(".")[1] for name in labels if name.startswith("middlewares.")}
    assert defined == {"secure-headers", *(each for _, each, _ in ROUTERS.values())}


def test_traefik_reads_its_labels(services, labels):
    """The users are in a mounted file, and what they open never sees a password."""
    assert {name: labels.get(name) for name in LABELS} == LABELS
    users = labels["middlewares.admin-auth.basicauth.usersfile"]
    assert users in _mounted(services["traefik"])
    secure = "middlewares.secure-headers.headers.stsseconds"
    assert int(labels[secure]) >= 31_536_000


def test_one_client_cannot_take_the_whole_wallet(labels):
    """The rate is limited, with room for a burst."""
    limit = "middlewares.wallet-rate.ratelimit"
    assert 1 < int(labels[f"{limit}.average"]) < int(labels[f"{limit}.burst"])


def test_another_project_on_the_engine_has_a_traefik_of_its_own(compose, both):
    """It finds its own network by its real name, and serves its own containers only."""
    other = project.render(*project.BOTH, COMPOSE_PROJECT_NAME="other")
    flags = _flags(other["services"]["traefik"])
    assert both["networks"]["edge"]["name"] == "wallet_edge"
    assert other["networks"]["edge"]["name"] == "other_edge"
    assert flags["providers.docker.network"] == "other_edge"
    constraint = "Label(`com.docker.compose.project`, `other`)"
    assert flags["providers.docker.constraints"] == constraint


def test_three_networks_have_no_way_out(both):
    """Only the edge leads anywhere, and where alerts are sent from."""
    internal = {name for name, net in both["networks"].items() if net.get("internal")}
    assert internal == {"back", "metrics", "socket"}
    assert set(both["networks"]) - internal == {"edge", "watch"}


# The engine's socket


def test_only_the_socket_proxy_has_the_socket(services):
    """Nobody else mounts it, and the proxy cannot replace it."""
    mounts = [
        (name, volume["source"], volume.get("read_only", False))
        for name, service in services.items()
        for volume in service.get("volumes", [])
        if "docker.sock" in volume["source"] + volume["target"]
    ]
    assert mounts == [("socket-proxy", "/var/run/docker.sock", True)]


CONTAINER = f"/v1.51/containers/{'0a' * 32}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/_ping", True),
        ("GET", "/version", True),
        ("GET", "/v1.51/version", True),
        ("GET", "/v1.51/events", True),
        ("GET", "/v1.51/containers/json", True),
        ("GET", f"{CONTAINER}/json", True),
        ("HEAD", "/version", False),
        ("GET", "/_ping", False),
        ("GET", "/v1.51/info", False),
        ("GET", "/v1.51/secrets", False),
        ("GET", "/v1.51/images/json", False),
        ("GET", f"{CONTAINER}/logs", False),
        ("GET", f"{CONTAINER}/archive", False),
        ("GET", f"{CONTAINER}/export", False),
        ("POST", "/v1.51/containers/create", False),
        ("DELETE", CONTAINER, False),
    ],
)
def test_the_proxy_lets_through_what_traefik_needs(services, method, path, allowed):
    """Version, events and containers can be read, and nothing can be changed."""
    pattern = _flags(services["socket-proxy"]).get(f"allow{method.lower()}")
    assert bool(pattern and re.fullmatch(pattern, path)) is allowed


def test_the_proxy_listens_to_traefik_only(services):
    """On its network, and to one name."""
    rules = _flags(services["socket-proxy"])
    named = {"listenip", "allowfrom", "allowhealthcheck", "allowhead", "allowget"}
    assert set(rules) == named
    assert rules["allowfrom"] == "traefik"


# The wallet and its database


def test_the_database_keeps_its_data(services):
    """One level above what an image of PostgreSQL 18 writes."""
    data = [(v["source"], v["target"]) for v in services["db"]["volumes"]]
    assert ("database", "/var/lib/postgresql") in data


def test_the_wallet_serves_where_traefik_and_prometheus_look(services):
    """On every address of its container, at port 8000."""
    assert " ".join(services["wallet"]["command"][:6]) == (
        "wallet serve --host 0.0.0.0 --port 8000"
    )


def test_secrets_reach_the_wallet_and_its_database_as_files(services):
    """Settings name the files, and each file is mounted."""
    settings = services["wallet"]["environment"]
    files = {name: path for name, path in settings.items() if name.endswith("_FILE")}
    secrets = ["DATABASE_PASSWORD", "METRICS_TOKEN", "OPERATOR_TOKEN", "SECRET_KEY"]
    assert sorted(files) == [f"WALLET_{name}_FILE" for name in secrets]
    assert set(files.values()) == _mounted(services["wallet"])
    others = ["WALLET_DATABASE_URL", "WALLET_HOME", "WALLET_LUNO_URL"]
    others += ["WALLET_DEFAULT_CURRENCY", "WALLET_TIME_ZONE"]
    assert sorted(set(settings) - set(files)) == sorted(others)
    password = services["db"]["environment"]["POSTGRES_PASSWORD_FILE"]
    assert _mounted(services["db"]) == {password}


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "https://api.luno.com/api/1/ticker"),
        ({"WALLET_LUNO_URL": "off"}, "off"),
        ({"WALLET_LUNO_URL": ""}, ""),
    ],
)
def test_luno_is_asked_unless_that_is_turned_off(compose, settings, url):
    """By the wallet's own setting."""
    environment = _services(**settings)["wallet"]["environment"]
    assert environment["WALLET_LUNO_URL"] == url


def test_every_secret_is_a_file_that_the_first_start_makes(compose, tmp_path):
    """And no value of one is in the configuration."""
    folder = project.copy(tmp_path)
    project.make_secrets(folder)
    made = project.secrets_of(folder)
    config = project.render(*project.BOTH, root=folder)
    for name, secret in config["secrets"].items():
        assert secret["file"] == str(folder / "deploy" / "secrets" / name)
        assert name in made
    assert not [name for name, value in made.items() if value in str(config)]


# Prometheus


def test_the_scraped_name_is_one_of_the_metrics_network_alone(services):
    """On two networks a replica would have two addresses, and be counted twice."""
    networks = services["wallet"]["networks"]
    aliases = {name: (each or {}).get("aliases") for name, each in networks.items()}
    assert aliases == {"edge": None, "back": None, "metrics": ["wallet-metrics"]}


def test_prometheus_scrapes_each_replica_and_traefik(services):
    """With the token of the metrics, and never the operator's."""
    jobs = {job["job_name"]: job for job in _prometheus("prometheus")["scrape_configs"]}
    (wallet,) = jobs["wallet"]["dns_sd_configs"]
    address = {"names": ["wallet-metrics"], "type": "A", "port": 8000}
    assert address.items() <= wallet.items()
    assert "static_configs" not in jobs["wallet"]
    token = jobs["wallet"]["authorization"]["credentials_file"]
    assert token == "/run/secrets/metrics_token"
    assert token in _mounted(services["prometheus"])
    assert jobs["traefik"]["static_configs"] == [{"targets": ["traefik:8083"]}]


def test_prometheus_keeps_its_numbers_and_knows_its_address(services):
    """In a volume; its configuration cannot be written, and links lead to Traefik."""
    volumes = {v["target"]: v for v in services["prometheus"]["volumes"]}
    flags = _flags(services["prometheus"])
    assert flags["web.external-url"] == "https://prometheus.localhost/"
    assert flags["config.file"] == "/etc/prometheus/prometheus.yml"
    assert volumes[flags["storage.tsdb.path"]]["source"] == "prometheus"
    assert volumes["/etc/prometheus"]["read_only"] is True


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


def test_the_image_is_told_how_to_be_watched_and_stopped():
    """Not root, asked by Python, stopped by SIGTERM, of the project's version."""
    text = (project.ROOT / "Dockerfile").read_text()
    final = text[text.index(" AS final") :]
    assert "\nUSER 10001:10001\n" in final
    assert "\nSTOPSIGNAL SIGTERM\n" in final
    assert re.search(r'HEALTHCHECK .*\\\n +CMD \["python",', final)
    assert "curl" not in text
    pyproject = (project.ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.+)"$', pyproject, re.M)
    assert f"\nARG VERSION={version}\n" in final


def test_nothing_private_reaches_the_build():
    """Only what is named is sent, and neither secrets nor data are."""
    lines = (project.ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not {"!deploy", "!instance", "!.", "!**"} & set(rules)


def _services(**settings: str) -> dict[str, Any]:
    return project.render(*project.BOTH, **settings)["services"]


def _flags(service: dict[str, Any]) -> dict[str, str]:
    """The flags of a service's command, by their names in small letters."""
    flags = {}
    for flag in service["command"]:
        name, _, value = flag.lstrip("-").partition("=")
        assert name.lower() not in flags
        flags[name.lower()] = value
    return flags


def _published(services: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (name, port["host_ip"], port["published"], port["target"])
        for name, service in services.items()
        for port in service.get("ports", [])
    ]


def _mounted(service: dict[str, Any]) -> set[str]:
    return {
        secret.get("target") or f"/run/secrets/{secret['source']}"
        for secret in service.get("secrets", [])
    }


def _prometheus(name: str) -> dict[str, Any]:
    path = project.ROOT / "deploy" / "prometheus" / f"{name}.yml"
    return yaml.safe_load(path.read_text())
