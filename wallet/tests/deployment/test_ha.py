"""The third Compose file, which puts a cluster in the place of the one database."""

import os
import re
from typing import Any

import pytest
import yaml

from . import project

AROUND = ["prometheus", "socket-proxy", "traefik", "whoami"]
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
NODES = ["n1", "n2", "n3"]
CLUSTER = ["etcd", "haproxy", *NODES]
IMAGES = {
    "etcd": ("ETCD_IMAGE", r"quay\.io/coreos/etcd:v3\.5\.\d+"),
    "haproxy": ("HAPROXY_IMAGE", r"haproxy:3\.2\.\d+"),
    **dict.fromkeys(NODES, ("PATRONI_IMAGE", r"wallet-patroni:local")),
}
OF_A_NODE = [
    "database_password",
    "replication_password",
    "restapi_password",
    "superuser_password",
]
#: User, networks and secrets of each service.
RIGHTS = {
    # Its image has no other user.
    "etcd": ("0:0", ["cluster"], []),
    # Its user is in its image. Nobody else is on both networks.
    "haproxy": (None, ["back", "cluster"], []),
    **dict.fromkeys(NODES, ("postgres", ["cluster"], OF_A_NODE)),
}


@pytest.fixture(scope="module")
def all_three(compose: None) -> dict[str, Any]:
    """The three files together."""
    return project.render(*project.BOTH, project.HA)


@pytest.fixture(scope="module")
def services(all_three: dict[str, Any]) -> dict[str, Any]:
    """Every service."""
    return all_three["services"]


def test_a_cluster_stands_in_the_place_of_the_database(services):
    """The one database is not started beside it."""
    assert sorted(services) == sorted([*AROUND, *CLUSTER, "wallet"])


def test_the_cluster_is_a_project_of_its_own(all_three):
    """So `make up` can neither take its containers nor serve another database."""
    assert all_three["name"] == "wallet-ha"
    assert project.render(*project.BOTH)["name"] == "wallet"


@pytest.mark.parametrize("name", CLUSTER)
def test_a_container_of_the_cluster_is_confined(services, name):
    """Like the others, it has the rights it needs and no other."""
    service = services[name]
    assert {part: service.get(part) or None for part in CONFINED} == CONFINED
    assert 0 < int(service["mem_limit"]) <= 1024**3
    assert service["healthcheck"]["test"][0] == "CMD"
    assert "ports" not in service
    secrets = sorted(secret["source"] for secret in service.get("secrets", []))
    assert (service.get("user"), sorted(service["networks"]), secrets) == RIGHTS[name]


@pytest.mark.parametrize("name", CLUSTER)
def test_an_image_of_the_cluster_is_pinned_and_is_a_setting(services, name):
    """Without a setting it is one version."""
    variable, version = IMAGES[name]
    assert re.fullmatch(version, services[name]["image"])
    other = {variable: "example.org/other:1"}
    changed = project.render(*project.BOTH, project.HA, **other)["services"]
    assert changed[name]["image"] == "example.org/other:1"


def test_the_network_of_the_cluster_leads_nowhere(all_three):
    """And the wallet is not on it: it reaches the leader through HAProxy alone."""
    assert all_three["networks"]["cluster"]["internal"] is True
    on_it = [
        name
        for name, service in all_three["services"].items()
        if "cluster" in service["networks"]
    ]
    assert sorted(on_it) == CLUSTER


def test_two_wallets_ask_haproxy_for_the_leader(services):
    """And only for one that can be written to."""
    wallet = services["wallet"]
    assert wallet["scale"] == 2
    assert list(wallet["depends_on"]) == ["haproxy"]
    assert wallet["environment"]["WALLET_DATABASE_URL"] == (
        "postgresql://wallet@haproxy/wallet?target_session_attrs=read-write"
    )


def test_the_nodes_differ_by_their_names_and_disks_alone(services):
    """Each tells the others where it is."""
    for name in NODES:
        node = services[name]
        assert node["environment"] == {
            "PATRONI_NAME": name,
            "PATRONI_ETCD3_HOSTS": "etcd:2379",
            "PATRONI_RESTAPI_LISTEN": "0.0.0.0:8008",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{name}:8008",
            "PATRONI_POSTGRESQL_LISTEN": "0.0.0.0:5432",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{name}:5432",
            "PATRONI_POSTGRESQL_DATA_DIR": "/var/lib/postgresql/patroni",
            "PATRONI_POSTGRESQL_PGPASS": "/tmp/pgpass",  # noqa: S108  in memory
        }
        disks = [(disk["source"], disk["target"]) for disk in node["volumes"]]
        assert disks == [(name, "/var/lib/postgresql")]
        assert node["build"]["context"] == str(project.ROOT / "deploy" / "ha")


def test_haproxy_runs_the_file_that_the_failover_tests_run(services):
    """Each name in it is set, and each server of it is a node."""
    haproxy = services["haproxy"]
    (mounted,) = haproxy["volumes"]
    configuration = project.ROOT / "deploy" / "ha" / "haproxy.cfg"
    assert (mounted["source"], mounted["read_only"]) == (str(configuration), True)
    named = re.findall(r"\$\{(\w+)\}", configuration.read_text())
    assert sorted(named) == sorted(haproxy["environment"])
    nodes = [haproxy["environment"][f"NODE{number}"] for number in (1, 2, 3)]
    assert nodes == [f"{name}:5432" for name in NODES]


def test_patroni_runs_the_file_that_the_failover_tests_run():
    """With every password from a secret, and none in the file."""
    folder = project.ROOT / "deploy" / "ha"
    copied = re.findall(r"^COPY .*$", (folder / "Dockerfile").read_text(), re.M)
    # A builder of some years ago takes no other way to say so.
    files = " --chmod=0644 patroni.yml wallet.sql node.sh "
    assert any(files in line for line in copied)
    given = re.findall(r"^(\w+_PASSWORD)=", (folder / "node.sh").read_text(), re.M)
    users = ["SUPERUSER", "REPLICATION", "REWIND", "RESTAPI"]
    wanted = [f"PATRONI_{user}_PASSWORD" for user in users]
    assert given == [*wanted, "WALLET_DATABASE_PASSWORD"]
    configuration = yaml.safe_load((folder / "patroni.yml").read_text())
    logins = [*configuration["postgresql"]["authentication"].values()]
    logins.append(configuration["restapi"]["authentication"])
    assert [list(each) for each in logins] == [["username"]] * 4


def test_the_secrets_of_the_cluster_are_made_when_it_is_started(all_three, tmp_path):
    """They are asked for by name, and are files like the others."""
    folder = project.copy(tmp_path)
    script = str(folder / "deploy" / "secrets.sh")
    asked = re.search(
        r"deploy/secrets\.sh \$\(if \$\(HA\),(.*)\)",
        (project.ROOT / "Makefile").read_text(),
    )
    assert asked is not None
    more = asked[1].split()
    assert sorted(more) == sorted(set(OF_A_NODE) - {"database_password"})
    made = project.run([script, *more])
    assert made.returncode == 0
    files = project.secrets_of(folder)
    for name in more:
        assert len(files[name]) == 64
        place = project.ROOT / "deploy" / "secrets" / name
        assert all_three["secrets"][name]["file"] == str(place)


#: Says how it was called, and does what it was asked to do within a node.
ENGINE = """#!/bin/sh
asked=
while [ "$asked" != node.sh ]; do asked=$1; printf '%s ' "$1"; shift; done
PATRONI_SUPERUSER_PASSWORD='a b' exec "$@"
"""
SHOWN = (
    """on_leader sh -c 'printf "%s|" "$PGHOST" "$PGUSER" "$PGPASSWORD" "$1"' sh 'c d'"""
)


def test_the_lines_for_a_cluster_ask_its_leader(services, tmp_path):
    """As its superuser, by the address that always leads there."""
    engine = tmp_path / "docker"
    engine.write_text(ENGINE)
    engine.chmod(0o700)
    script = project.lines("A cluster") + SHOWN
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = project.run(["sh", "-euc", script], env={"PATH": path})
    assert (done.returncode, done.stderr) == (0, "")
    files = "".join(f"-f {file} " for file in (*project.BOTH, project.HA))
    asked = f"compose {files}exec -T n1 sh node.sh "
    assert done.stdout == f"{asked}haproxy|postgres|a b|c d|"
    assert {"n1", "haproxy"} <= set(services)
