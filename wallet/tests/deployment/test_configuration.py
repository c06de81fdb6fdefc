"""The two Compose files, rule by rule, as Compose itself reads them."""

import re
from itertools import combinations
from typing import Any

import pytest

from . import project

HOSTS = {
    "dashboard": "traefik.localhost",
    "prometheus": "prometheus.localhost",
    "whoami": "whoami.localhost",
    "wallet": "wallet.localhost",
}
SERVICES = ("db", "prometheus", "socket-proxy", "traefik", "wallet", "whoami")
AROUND = ("prometheus", "socket-proxy", "traefik", "whoami")
IMAGES = {
    "db": ("POSTGRES_IMAGE", r"postgres:18(\.\d+)?"),
    "prometheus": ("PROMETHEUS_IMAGE", r"prom/prometheus:v3\.\d+\.\d+"),
    "socket-proxy": ("SOCKET_PROXY_IMAGE", r"wollomatic/socket-proxy:1\.\d+\.\d+"),
    "traefik": ("TRAEFIK_IMAGE", r"traefik:v3\.7\.\d+"),
    "wallet": ("WALLET_IMAGE", r"wallet:local"),
    "whoami": ("WHOAMI_IMAGE", r"traefik/whoami:v1\.11(\.\d+)?"),
}
each_service = pytest.mark.parametrize("name", SERVICES)


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
    """Traefik's flags, by their names in small letters."""
    return _flags(services["traefik"]["command"])


@pytest.fixture(scope="module")
def labels(services: dict[str, Any]) -> dict[str, str]:
    """What Traefik reads from all services."""
    found: dict[str, str] = {}
    for service in services.values():
        found |= service.get("labels", {})
    return found


# The files


def test_the_files_are_split_between_the_wallet_and_what_stands_around(compose):
    """Each file renders alone and holds its own services; together they hold all."""
    assert sorted(project.render(project.AROUND)["services"]) == sorted(AROUND)
    assert sorted(project.render(project.WALLET)["services"]) == ["db", "wallet"]
    assert sorted(project.render(*project.BOTH)["services"]) == sorted(SERVICES)


def test_the_files_mean_the_same_networks_and_secrets(compose, both):
    """What both files name, they name alike."""
    for part in ("networks", "secrets"):
        for file in project.BOTH:
            for name, value in project.render(file)[part].items():
                assert value == both[part][name]


@pytest.mark.parametrize("file", project.BOTH)
def test_the_files_carry_no_version_key(file):
    """Compose v2 reads no version and warns of one."""
    assert not re.search(r"^version:", (project.ROOT / file).read_text(), re.M)


# Images


@each_service
def test_the_default_image_is_pinned(services, name):
    """Without settings, each image is one version."""
    assert re.fullmatch(IMAGES[name][1], services[name]["image"])


@each_service
def test_the_image_is_a_setting(compose, name):
    """Each image can be another one, by its variable."""
    variable, _ = IMAGES[name]
    changed = project.render(*project.BOTH, **{variable: "example.org/other:1"})
    assert changed["services"][name]["image"] == "example.org/other:1"


def test_the_base_image_is_a_setting(compose, services):
    """The wallet is built on python:3.13-slim, or on the image that is named."""
    build = services["wallet"]["build"]
    assert (build["target"], build["args"]) == (
        "final",
        {"BASE_IMAGE": "python:3.13-slim"},
    )
    changed = project.render(*project.BOTH, BASE_IMAGE="example.org/python:3")
    changed_build = changed["services"]["wallet"]["build"]
    assert changed_build["args"] == {"BASE_IMAGE": "example.org/python:3"}


# What a container may do


@each_service
def test_a_container_has_no_capability(services, name):
    """Every capability is dropped, and none comes back."""
    assert services[name]["cap_drop"] == ["ALL"]
    assert not services[name].get("cap_add")
    assert not services[name].get("privileged")


@each_service
def test_a_container_gains_no_privilege(services, name):
    """No program in it becomes more than it was started as."""
    assert services[name]["security_opt"] == ["no-new-privileges:true"]


@each_service
def test_a_container_cannot_write_to_its_image(services, name):
    """The root file system is read-only."""
    assert services[name]["read_only"] is True


@each_service
def test_a_container_has_a_limit_of_memory(services, name):
    """At most one GiB."""
    assert 0 < int(services[name]["mem_limit"]) <= 1024**3


@each_service
def test_a_log_cannot_fill_the_disk(services, name):
    """Logs are rotated."""
    assert services[name]["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "3"},
    }


@each_service
def test_a_container_comes_back(services, name):
    """Whatever ends it, but its owner, it is started again."""
    assert services[name]["restart"] == "unless-stopped"


def test_only_the_socket_proxy_runs_as_root(services):
    """It has to read the engine's socket; all others are someone else."""
    users = {name: service.get("user") for name, service in services.items()}
    # The wallet's user is in its image.
    assert users == {
        "db": "postgres",
        "prometheus": "65534:65534",
        "socket-proxy": "0:0",
        "traefik": "65534:65534",
        "wallet": None,
        "whoami": "65534:65534",
    }


# Ports


def test_only_traefik_publishes_ports_and_only_to_this_machine(services):
    """HTTP and HTTPS, on the loopback address."""
    published = [
        (name, port["host_ip"], port["published"], port["target"])
        for name, service in services.items()
        for port in service.get("ports", [])
    ]
    assert published == [
        ("traefik", "127.0.0.1", "80", 80),
        ("traefik", "127.0.0.1", "443", 443),
    ]
    assert not any(service.get("network_mode") for service in services.values())


def test_the_ports_and_their_address_are_settings(compose):
    """A redirection to HTTPS names the entry point's port, so that moves along."""
    changed = project.render(
        *project.BOTH, BIND_ADDRESS="192.0.2.1", HTTP_PORT="8080", HTTPS_PORT="8443"
    )["services"]["traefik"]
    assert [
        (port["host_ip"], port["published"], port["target"])
        for port in changed["ports"]
    ] == [("192.0.2.1", "8080", 8080), ("192.0.2.1", "8443", 8443)]
    flags = _flags(changed["command"])
    assert flags["entrypoints.web.address"] == ":8080"
    assert flags["entrypoints.websecure.address"] == ":8443"


def test_the_wallet_can_be_scaled(services):
    """Nothing of the wallet can be there only once."""
    assert not services["wallet"].get("ports")
    assert not services["wallet"].get("container_name")
    assert not services["wallet"].get("hostname")
    assert not services["wallet"].get("volumes")


# Traefik: the way in


@pytest.mark.parametrize("router", HOSTS)
def test_each_host_has_a_router_over_https(labels, router):
    """The four hosts are reached by the entry point with TLS, and by no other."""
    rule = labels[f"traefik.http.routers.{router}.rule"]
    assert rule.startswith(f"Host(`{HOSTS[router]}`)")
    assert labels[f"traefik.http.routers.{router}.entrypoints"] == "websecure"


def test_there_is_no_other_router(labels):
    """Four routers, for four hosts."""
    assert {key.split(".")[3] for key in labels if ".routers." in key} == set(HOSTS)


@pytest.mark.parametrize("name", ["prometheus", "traefik", "wallet", "whoami"])
def test_traefik_serves_only_who_asks_for_it(services, traefik, name):
    """Containers are not served unless they say so."""
    assert traefik["providers.docker.exposedbydefault"] == "false"
    assert services[name]["labels"]["traefik.enable"] == "true"


@pytest.mark.parametrize("name", ["db", "socket-proxy"])
def test_traefik_knows_nothing_of_what_is_inside(services, name):
    """The database and the socket have no label of Traefik's."""
    assert not services[name].get("labels")


@pytest.mark.parametrize(
    ("name", "port"), [("prometheus", "9090"), ("wallet", "8000"), ("whoami", "8080")]
)
def test_traefik_is_told_the_port_of_each_service(labels, name, port):
    """No port is guessed from an image."""
    assert labels[f"traefik.http.services.{name}.loadbalancer.server.port"] == port


def test_whoami_listens_where_traefik_looks(services):
    """Its port is above 1024, because it is not root."""
    assert services["whoami"]["environment"] == {"WHOAMI_PORT_NUMBER": "8080"}


def test_https_is_everywhere(traefik):
    """TLS is on for all routers, and HTTP only sends there."""
    assert traefik["entrypoints.web.address"] == ":80"
    assert traefik["entrypoints.websecure.address"] == ":443"
    assert traefik["entrypoints.websecure.http.tls"] == "true"
    redirection = "entrypoints.web.http.redirections.entrypoint"
    assert traefik[f"{redirection}.to"] == "websecure"
    assert traefik[f"{redirection}.scheme"] == "https"
    assert traefik[f"{redirection}.permanent"] == "true"


def test_a_router_without_an_entry_point_is_on_https(traefik):
    """Otherwise it would also be served where metrics and health are."""
    assert traefik["entrypoints.websecure.asdefault"] == "true"


@pytest.mark.parametrize("router", ["dashboard", "prometheus", "whoami"])
def test_what_stands_around_wants_a_password(labels, router):
    """The three supporting hosts carry basic auth."""
    middlewares = labels[f"traefik.http.routers.{router}.middlewares"].split(",")
    assert "admin-auth@docker" in middlewares


def test_the_wallet_wants_its_own_credentials_only(labels):
    """Basic auth would take the header that the wallet's callers need."""
    assert "auth" not in labels["traefik.http.routers.wallet.middlewares"]


def test_the_users_are_in_a_mounted_file(services, labels):
    """Basic auth reads a secret, and no label holds a user."""
    prefix = "traefik.http.middlewares.admin-auth.basicauth"
    assert labels[f"{prefix}.usersfile"] in _mounted(services["traefik"])
    assert not any(key.endswith(".basicauth.users") for key in labels)


def test_passwords_are_not_handed_on(labels):
    """What stands behind basic auth does not see the password."""
    prefix = "traefik.http.middlewares.admin-auth.basicauth"
    assert labels[f"{prefix}.removeheader"] == "true"


def test_each_middleware_that_is_named_is_defined(labels, traefik):
    """A name without a definition takes its router away."""
    defined = {key.split(".")[3] for key in labels if ".middlewares." in key}
    named = traefik["entrypoints.websecure.http.middlewares"].split(",")
    for key, value in labels.items():
        if re.fullmatch(r"traefik\.http\.routers\.\w+\.middlewares", key):
            named += value.split(",")
    assert {name.partition("@") for name in named} == {
        (name, "@", "docker") for name in defined
    }


def test_the_dashboard_is_the_real_one_and_never_open(labels, traefik):
    """It is served by its router, with its interface, and by nothing else."""
    assert labels["traefik.http.routers.dashboard.service"] == "api@internal"
    assert labels["traefik.http.routers.dashboard.rule"] == (
        "Host(`traefik.localhost`) && (PathPrefix(`/api`) || PathPrefix(`/dashboard`))"
    )
    assert traefik["api.dashboard"] == "true"
    assert "api.insecure" not in traefik
    assert "api" not in traefik


def test_metrics_are_not_routed(labels):
    """The wallet's router leaves them out."""
    rule = labels["traefik.http.routers.wallet.rule"]
    assert rule == "Host(`wallet.localhost`) && !PathPrefix(`/metrics`)"


def test_a_stopped_wallet_is_unavailable_and_not_unknown(traefik):
    """Without a healthy container the router stays, and answers 503."""
    assert traefik["providers.docker.allowemptyservices"] == "true"


def test_whoami_is_asked_for_its_health_by_traefik(services, labels):
    """Its image has nothing that could ask from inside."""
    prefix = "traefik.http.services.whoami.loadbalancer.healthcheck"
    assert labels[f"{prefix}.path"] == "/health"
    assert "healthcheck" not in services["whoami"]


def test_underscores_in_headers_end_at_the_door(traefik):
    """WSGI cannot tell X_Forwarded_For from X-Forwarded-For."""
    assert traefik["entrypoints.websecure.http.underscoreheadersstrategy"] == "delete"


def test_one_client_cannot_take_the_whole_wallet(labels):
    """The wallet's router limits the rate, with room for a burst."""
    middlewares = labels["traefik.http.routers.wallet.middlewares"].split(",")
    assert "wallet-rate@docker" in middlewares
    prefix = "traefik.http.middlewares.wallet-rate.ratelimit"
    assert int(labels[f"{prefix}.average"]) > 1
    assert int(labels[f"{prefix}.burst"]) > int(labels[f"{prefix}.average"])


def test_every_answer_carries_the_headers_of_caution(labels, traefik):
    """They are set at the entry point, so no router can forget them."""
    middlewares = traefik["entrypoints.websecure.http.middlewares"].split(",")
    assert middlewares == ["secure-headers@docker"]
    prefix = "traefik.http.middlewares.secure-headers.headers"
    assert labels[f"{prefix}.contenttypenosniff"] == "true"
    assert labels[f"{prefix}.framedeny"] == "true"
    assert labels[f"{prefix}.referrerpolicy"] == "same-origin"
    assert int(labels[f"{prefix}.stsseconds"]) >= 31_536_000


def test_traefik_asks_its_own_health_where_it_answers(services, traefik):
    """The check is a second process, and has to be told the entry point again."""
    assert traefik["ping"] == "true"
    assert traefik["ping.entrypoint"] == "ping"
    test = services["traefik"]["healthcheck"]["test"]
    assert test[:3] == ["CMD", "traefik", "healthcheck"]
    assert _flags(test[3:]) == {
        "ping": "true",
        "ping.entrypoint": "ping",
        "entrypoints.ping.address": traefik["entrypoints.ping.address"],
    }


def test_traefik_counts_by_router_and_service_in_fine_steps(traefik):
    """Its metrics are on an entry point of their own, which no port publishes."""
    assert traefik["metrics.prometheus"] == "true"
    assert traefik["metrics.prometheus.entrypoint"] == "metrics"
    assert traefik["entrypoints.metrics.address"] == ":8083"
    assert traefik["metrics.prometheus.addrouterslabels"] == "true"
    assert traefik["metrics.prometheus.addserviceslabels"] == "true"
    buckets = [float(b) for b in traefik["metrics.prometheus.buckets"].split(",")]
    assert buckets == sorted(buckets)
    assert buckets[0] <= 0.005
    assert buckets[-1] >= 10


def test_traefik_tells_nobody_about_itself(traefik):
    """It neither looks for versions nor reports use."""
    assert traefik["global.checknewversion"] == "false"
    assert traefik["global.sendanonymoususage"] == "false"


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


def test_traefik_asks_the_proxy(traefik):
    """It reaches the engine over the network."""
    assert traefik["providers.docker.endpoint"] == "tcp://socket-proxy:2375"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/_ping", True),
        ("GET", "/version", True),
        ("GET", "/v1.51/version", True),
        ("GET", "/v1.51/events", True),
        ("GET", "/v1.51/containers/json", True),
        ("GET", f"/v1.51/containers/{'0a' * 32}/json", True),
        ("HEAD", "/version", False),
        ("GET", "/_ping", False),
        ("GET", "/v1.51/info", False),
        ("GET", "/v1.51/secrets", False),
        ("GET", "/v1.51/images/json", False),
        ("GET", f"/v1.51/containers/{'0a' * 32}/logs", False),
        ("GET", f"/v1.51/containers/{'0a' * 32}/archive", False),
        ("GET", f"/v1.51/containers/{'0a' * 32}/export", False),
        ("POST", "/v1.51/containers/create", False),
        ("DELETE", f"/v1.51/containers/{'0a' * 32}", False),
    ],
)
def test_the_proxy_lets_through_what_traefik_needs(services, method, path, allowed):
    """Version, events and containers can be read, and nothing can be changed."""
    rules = _flags(services["socket-proxy"]["command"])
    pattern = rules.get(f"allow{method.lower()}")
    assert bool(pattern and re.fullmatch(pattern, path)) is allowed


def test_the_proxy_listens_to_traefik_only(services):
    """On its network, and to one name."""
    rules = _flags(services["socket-proxy"]["command"])
    assert set(rules) == {
        "listenip",
        "allowfrom",
        "allowhealthcheck",
        "allowhead",
        "allowget",
    }
    assert rules["allowfrom"] == "traefik"


# Networks


def test_each_service_is_on_the_networks_it_needs(services):
    """Four networks keep apart who has nothing to say to another."""
    assert {name: sorted(one["networks"]) for name, one in services.items()} == {
        "db": ["back"],
        "prometheus": ["edge", "metrics"],
        "socket-proxy": ["socket"],
        "traefik": ["edge", "metrics", "socket"],
        "wallet": ["back", "edge", "metrics"],
        "whoami": ["edge"],
    }


def test_who_must_talk_can_and_nobody_else(services):
    """Every pair that shares a network is named here."""
    pairs = {
        (one, other)
        for one, other in combinations(sorted(services), 2)
        if set(services[one]["networks"]) & set(services[other]["networks"])
    }
    at_the_edge = set(combinations(["prometheus", "traefik", "wallet", "whoami"], 2))
    assert pairs == at_the_edge | {("db", "wallet"), ("socket-proxy", "traefik")}


def test_three_networks_have_no_way_out(both):
    """Only the edge leads anywhere."""
    internal = {name: net.get("internal") for name, net in both["networks"].items()}
    assert internal == {"edge": None, "back": True, "metrics": True, "socket": True}


def test_traefik_is_told_the_real_name_of_its_network(compose, both, traefik):
    """In this project, and in one of another name."""
    assert both["networks"]["edge"]["name"] == "wallet_edge"
    assert traefik["providers.docker.network"] == "wallet_edge"
    other = project.render(*project.BOTH, COMPOSE_PROJECT_NAME="other")
    flags = _flags(other["services"]["traefik"]["command"])
    assert flags["providers.docker.network"] == other["networks"]["edge"]["name"]
    assert other["networks"]["edge"]["name"] == "other_edge"


def test_traefik_serves_its_own_project_only(compose, traefik):
    """Two projects on one engine do not get into each other's way."""
    label = "com.docker.compose.project"
    flag = "providers.docker.constraints"
    assert traefik[flag] == f"Label(`{label}`, `wallet`)"
    other = project.render(*project.BOTH, COMPOSE_PROJECT_NAME="other")
    flags = _flags(other["services"]["traefik"]["command"])
    assert flags[flag] == f"Label(`{label}`, `other`)"


# The wallet and its database


def test_the_database_starts_as_its_own_user(services):
    """Its data is one level above what an image of PostgreSQL 18 writes."""
    assert services["db"]["user"] == "postgres"
    data = [(v["source"], v["target"]) for v in services["db"]["volumes"]]
    assert ("database", "/var/lib/postgresql") in data


def test_the_database_stops_without_waiting_for_its_clients(services):
    """SIGINT is PostgreSQL's fast stop."""
    assert services["db"]["stop_signal"] == "SIGINT"


def test_the_database_speaks_utf_8(services):
    """Whatever the image's own language is."""
    assert services["db"]["environment"]["LANG"] == "C.UTF-8"


def test_the_wallet_waits_for_its_database(services):
    """It starts when the database is healthy, which is asked over the network."""
    assert services["wallet"]["depends_on"]["db"]["condition"] == "service_healthy"
    test = services["db"]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "pg_isready"]
    assert "--host=127.0.0.1" in test


def test_the_wallet_has_the_time_to_finish(services):
    """It needs up to ten seconds after SIGTERM."""
    assert services["wallet"]["stop_grace_period"] == "15s"


def test_the_wallet_serves_where_traefik_and_prometheus_look(services):
    """On every address of its container, at port 8000."""
    assert " ".join(services["wallet"]["command"][:6]) == (
        "wallet serve --host 0.0.0.0 --port 8000"
    )


# Secrets


def test_secrets_reach_the_wallet_as_files(services):
    """Its settings name the files, and each file is mounted."""
    settings = services["wallet"]["environment"]
    named = {name: path for name, path in settings.items() if name.endswith("_FILE")}
    assert sorted(named) == [
        "WALLET_DATABASE_PASSWORD_FILE",
        "WALLET_METRICS_TOKEN_FILE",
        "WALLET_OPERATOR_TOKEN_FILE",
        "WALLET_SECRET_KEY_FILE",
    ]
    assert set(named.values()) == _mounted(services["wallet"])
    assert sorted(set(settings) - set(named)) == [
        "WALLET_DATABASE_URL",
        "WALLET_HOME",
        "WALLET_LUNO_URL",
    ]
    assert settings["WALLET_DATABASE_URL"] == "postgresql://wallet@db/wallet"


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({}, "https://api.luno.com/api/1/ticker"),
        ({"WALLET_LUNO_URL": "off"}, "off"),
        ({"WALLET_LUNO_URL": ""}, ""),
    ],
)
def test_luno_is_asked_unless_that_is_turned_off(given, setting):
    """Over the only network of the wallet's that has a way out."""
    config = project.render(*project.BOTH, **given)
    assert config["services"]["wallet"]["environment"]["WALLET_LUNO_URL"] == setting
    networks = config["services"]["wallet"]["networks"]
    ways_out = [n for n in networks if not config["networks"][n].get("internal")]
    assert ways_out == ["edge"]


def test_secrets_reach_the_database_as_files(services):
    """Its password is the one that the wallet uses."""
    settings = services["db"]["environment"]
    assert _mounted(services["db"]) == {settings["POSTGRES_PASSWORD_FILE"]}
    assert "POSTGRES_PASSWORD" not in settings


def test_each_service_gets_the_secrets_it_needs_and_no_other(services):
    """The operator's token is the wallet's alone."""
    got = {
        name: sorted(secret["source"] for secret in service.get("secrets", []))
        for name, service in services.items()
    }
    assert got == {
        "db": ["database_password"],
        "prometheus": ["metrics_token"],
        "socket-proxy": [],
        "traefik": ["traefik_users"],
        "wallet": [
            "database_password",
            "metrics_token",
            "operator_token",
            "secret_key",
        ],
        "whoami": [],
    }


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


def test_the_scraped_name_is_one_of_the_metrics_network_alone(both):
    """On two networks a replica would have two addresses, and be counted twice."""
    named = {
        network: (each or {}).get("aliases")
        for network, each in both["services"]["wallet"]["networks"].items()
    }
    assert named == {"edge": None, "back": None, "metrics": ["wallet-metrics"]}


def test_prometheus_scrapes_each_replica_by_itself():
    """The name leads to the address of every replica."""
    job = _job("wallet")
    assert re.search(r"dns_sd_configs:\s+- names: \[wallet-metrics\]\s+type: A\s", job)
    assert re.search(r"^\s+port: 8000$", job, re.M)
    assert "static_configs" not in job


def test_prometheus_reads_its_token_from_a_secret(services):
    """The token of the metrics, and never the operator's."""
    (path,) = re.findall(r"credentials_file: (\S+)", _job("wallet"))
    assert path == "/run/secrets/metrics_token"
    assert path in _mounted(services["prometheus"])


def test_prometheus_scrapes_traefik_where_it_counts(traefik):
    """At the entry point of the metrics."""
    port = traefik["entrypoints.metrics.address"]
    assert f'targets: ["traefik{port}"]' in _job("traefik")


def test_prometheus_knows_its_own_address(services):
    """Links that it makes lead through Traefik."""
    flags = _flags(services["prometheus"]["command"])
    assert flags["web.external-url"] == "https://prometheus.localhost/"
    assert flags["config.file"] == "/etc/prometheus/prometheus.yml"


def test_prometheus_keeps_its_numbers(services):
    """They are in a volume, and its configuration cannot be written."""
    volumes = {v["target"]: v for v in services["prometheus"]["volumes"]}
    flags = _flags(services["prometheus"]["command"])
    assert volumes[flags["storage.tsdb.path"]]["source"] == "prometheus"
    assert volumes["/etc/prometheus"]["read_only"] is True


def test_prometheus_is_asked_for_its_health_by_its_own_tool(services):
    """Which is in every one of its images."""
    test = services["prometheus"]["healthcheck"]["test"]
    assert test[:4] == ["CMD", "promtool", "check", "healthy"]


def test_there_are_two_alerts():
    """The wallet is down; too many requests fail."""
    rules = (project.ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
    assert re.findall(r"- alert: (\w+)", rules) == ["WalletDown", "WalletFailsRequests"]


# The image


def test_the_image_is_told_how_to_be_watched_and_stopped():
    """Not root, asked by Python, stopped by SIGTERM."""
    text = (project.ROOT / "Dockerfile").read_text()
    final = text[text.index(" AS final") :]
    assert "\nUSER 10001:10001\n" in final
    assert "\nSTOPSIGNAL SIGTERM\n" in final
    assert re.search(r'HEALTHCHECK .*\\\n +CMD \["python",', final)
    assert "curl" not in text


def test_the_image_is_built_from_one_base_and_the_lock_file():
    """Nothing else decides what is in it, and no registry is needed to read it."""
    text = (project.ROOT / "Dockerfile").read_text()
    assert re.findall(r"^ARG (BASE_\S+)$", text, re.M) == [
        "BASE_IMAGE=python:3.13-slim"
    ]
    named = re.findall(r"^FROM \S+ AS (\w+)$", text, re.M)
    assert {"test", "final"} <= set(named)
    assert named[-1] == "final"
    assert set(re.findall(r"^FROM (\S+)", text, re.M)) <= {"${BASE_IMAGE}", *named}
    assert text.count("--require-hashes") == 2
    assert "# syntax=" not in text


def test_the_image_names_the_version_that_it_holds():
    """Its label says what the project says."""
    (ours,) = re.findall(
        r'^version = "(.+)"$', (project.ROOT / "pyproject.toml").read_text(), re.M
    )
    (labelled,) = re.findall(
        r"^ARG VERSION=(.+)$", (project.ROOT / "Dockerfile").read_text(), re.M
    )
    assert labelled == ours


def test_nothing_private_reaches_the_build():
    """Only what is named is sent, and neither secrets nor data are."""
    lines = (project.ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not {"!deploy", "!instance", "!.", "!**"} & set(rules)


def _flags(command: list[str]) -> dict[str, str]:
    flags = {}
    for flag in command:
        name, _, value = flag.lstrip("-").partition("=")
        assert name.lower() not in flags
        flags[name.lower()] = value
    return flags


def _mounted(service: dict[str, Any]) -> set[str]:
    return {
        secret.get("target") or f"/run/secrets/{secret['source']}"
        for secret in service.get("secrets", [])
    }


def _job(name: str) -> str:
    text = (project.ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    (job,) = [
        part
        for part in re.split(r"^  - job_name: ", text, flags=re.M)[1:]
        if part.startswith(f"{name}\n")
    ]
    return job
