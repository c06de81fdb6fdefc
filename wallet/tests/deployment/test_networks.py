"""Who reaches whom, tried from inside the containers."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from . import project
from .stack import Stack

#: Looks from inside for each address that it is told, for all at once.
REACH = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reached(address):
    try:
        socket.create_connection(address, 3).close()
    except OSError:
        return False
    return True
addresses = map(tuple, json.loads(sys.argv[1]))
print(json.dumps(list(ThreadPoolExecutor(32).map(reached, addresses))))
"""

#: Asks the socket proxy for what stands in a list.
ASK = """
import http.client, json, sys
def status(method, path):
    line = http.client.HTTPConnection("socket-proxy", 2375, timeout=60)
    line.request(method, path)
    return line.getresponse().status
print(json.dumps([status(*each) for each in json.loads(sys.argv[1])]))
"""

#: Where each service listens.
PORTS = {
    "db": 5432,
    "prometheus": 9090,
    "socket-proxy": 2375,
    "traefik": 8082,
    "wallet": 8000,
    "whoami": 8080,
}


#: Whom each service has to reach.
REACHES = {
    "wallet": {"db", "traefik"},
    "db": {"wallet"},
    "whoami": {"traefik"},
    "prometheus": {"traefik", "wallet"},
    "socket-proxy": {"traefik"},
    "traefik": {"prometheus", "socket-proxy", "wallet", "whoami"},
}


@pytest.fixture(scope="module")
def stack(running: Stack) -> Stack:
    """The deployment with one wallet, which these tests leave as it is."""
    running.up()
    return running


@pytest.fixture(scope="module")
def reached(stack: Stack, image: str) -> dict[str, set[str]]:
    """Whom each service reaches; all look at once."""
    found = {
        service: [
            network["IPAddress"]
            for container in stack.containers(service)
            for network in container["NetworkSettings"]["Networks"].values()
        ]
        for service in PORTS
    }

    def look(service: str) -> set[str]:
        others = [
            (other, address)
            for other in PORTS.keys() - {service}
            for address in found[other]
        ]
        addresses = [(address, PORTS[other]) for other, address in others]
        answers = _inside(stack, image, service, REACH, addresses)
        return {name for (name, _), there in zip(others, answers, strict=True) if there}

    with ThreadPoolExecutor(len(REACHES)) as all_at_once:
        return dict(zip(REACHES, all_at_once.map(look, REACHES), strict=True))


@pytest.mark.parametrize("service", REACHES)
def test_a_container_reaches_whom_it_has_to(reached, service):
    """And nobody else: the wallet cannot read Prometheus past its password."""
    assert reached[service] == REACHES[service]


def test_traefik_may_read_what_runs_and_nothing_else(stack, image):
    """Through the socket proxy; anybody else is refused whatever they ask."""
    api = stack.engine("version", "--format", "/v{{.Server.APIVersion}}")
    container = f"{api}/containers/{stack.containers('db')[0]['Id']}"
    allowed = [
        ("HEAD", "/_ping"),
        ("GET", "/version"),
        ("GET", f"{api}/version"),
        ("GET", f"{api}/containers/json"),
        ("GET", f"{container}/json"),
    ]
    refused = [
        ("HEAD", "/version"),
        ("GET", f"{api}/info"),
        ("GET", f"{api}/secrets"),
        ("GET", f"{api}/images/json"),
        ("GET", f"{container}/logs"),
        ("GET", f"{container}/archive"),
        ("GET", f"{container}/export"),
        ("POST", f"{api}/containers/create"),
        ("DELETE", container),
    ]
    assert _inside(stack, image, "traefik", ASK, allowed) == [200] * len(allowed)
    answers = _inside(stack, image, "traefik", ASK, refused)
    assert set(answers) <= {403, 405}
    mine = _inside(stack, image, "socket-proxy", ASK, allowed)
    assert set(mine) == {403}


def _inside(stack: Stack, image: str, service: str, script: str, about: list):
    """Run a script in the network of a service's container."""
    (container,) = stack.containers(service)
    within = f"--network=container:{container['Id']}"
    command = ["docker", "run", "--rm", within, image, "python", "-c", script]
    done = project.run([*command, json.dumps(about)])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
