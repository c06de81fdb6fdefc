"""A running deployment, called from outside through Traefik, or past it."""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..actions import until
from ..clients import Answer, Client
from ..servers import free_port
from . import project
from .outside import Outside, basic


class Stack:
    """Every service of both files, under a name that nobody else has."""

    def __init__(self, folder: Path, images: dict[str, str]) -> None:
        self.folder = folder
        self.name = f"wallet-test-{uuid.uuid4().hex[:12]}"
        self.http, self.https = free_port(), free_port()
        given = {
            "COMPOSE_PROJECT_NAME": self.name,
            "HTTP_PORT": str(self.http),
            "HTTPS_PORT": str(self.https),
            # No test asks the real Luno, and those under load come from one address.
            "WALLET_LUNO_URL": "off",
            "RATE_AVERAGE": "100000",
            "RATE_BURST": "100000",
        }
        self.environment = project.environment(**given | images)
        self.secrets: dict[str, str] = {}

    # Commands

    def compose(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of Compose with both files, and expect it to succeed."""
        result = project.run(self.command(*words), **self._options(), **options)
        assert result.returncode == 0, f"{words}: {result.stderr}{result.stdout}"
        return result

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run a command of Compose beside the test."""
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self._options(),
        )

    def shell(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run lines that someone would type in the deployment's folder."""
        return project.run(["sh", "-c", text], **self._options())

    def engine(self, *words: str) -> str:
        """Run a command of the engine, and expect it to succeed."""
        result = project.run(["docker", *words])
        assert result.returncode == 0, f"{words}: {result.stderr}"
        return result.stdout.strip()

    def command(self, *words: str) -> list[str]:
        files = [f"--file={self.folder / file}" for file in project.BOTH]
        return ["docker", "compose", *files, *words]

    def up(self, wallets: int = 1) -> None:
        """Start everything, and wait until it is healthy."""
        # Compose does not wait for one that recovers.
        until(lambda: not self._recovers(), 45, each_s=0.2)
        self.compose(
            *("up", "--detach", "--wait", "--wait-timeout", "90", "--no-build"),
            *("--quiet-pull", "--scale", f"wallet={wallets}"),
        )
        until(lambda: self.serves(wallets), 15, each_s=0.1)

    def destroy(self) -> None:
        """Remove every trace."""
        words = ("down", "--volumes", "--remove-orphans", "--timeout", "5")
        project.run(self.command(*words), **self._options())

    def left_over(self) -> str:
        """Name what an engine still has of this deployment."""
        mine = f"label=com.docker.compose.project={self.name}"
        lists = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
        return "".join(
            project.run(["docker", *words, "--quiet", "--filter", mine]).stdout
            for words in lists
        )

    # Containers

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """Inspect the containers of one service, or of all."""
        words = ["ps", "--all", "--quiet"] + ([service] if service else [])
        ids = self.compose(*words).stdout.split()
        if not ids:
            return []
        inspected = project.run(["docker", "inspect", *ids])
        return sorted(json.loads(inspected.stdout), key=lambda one: one["Name"])

    def health(self, service: str) -> list[str]:
        """Tell what the engine thinks of each container."""
        return [one["State"]["Health"]["Status"] for one in self.containers(service)]

    def addresses(self, service: str = "wallet", network: str = "edge") -> list[str]:
        """Where each container of a service can be called."""
        return [
            one["NetworkSettings"]["Networks"][f"{self.name}_{network}"]["IPAddress"]
            for one in self.containers(service)
        ]

    def running(self, service: str) -> int:
        """Count the containers of a service that run."""
        return sum(one["State"]["Running"] for one in self.containers(service))

    def logs(self, service: str) -> str:
        """Read what a service has said, as it said it."""
        (container,) = self.containers(service)
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = ["docker", "logs", container["Id"]]
        return subprocess.run(command, text=True, check=True, **both).stdout

    # Calls, through Traefik

    @property
    def certificate(self) -> Path:
        return self.folder / "deploy" / "secrets" / "tls_certificate"

    def outside(self, host: str = "wallet", patience_s: float = 15) -> Outside:
        """Connect to a host, as the wallet's operator or as the administrator."""
        credentials = basic(self.secrets["admin_password"])
        if host == "wallet":
            credentials = f"Bearer {self.secrets['operator_token']}"
        return Outside(host, self.https, self.certificate, credentials, patience_s)

    def visit(self, host: str, path: str) -> Answer:
        """Read a page of a host."""
        with self.outside(host) as client:
            return client.get(path)

    def servers(self) -> dict[str, str]:
        """How Traefik finds each replica of the wallet that it sends requests to."""
        service = self.visit("traefik", "/api/http/services/wallet@docker")
        # While it starts itself, it knows of no service.
        known = service.json if service.status == 200 else {}
        return known.get("serverStatus", {})

    def serves(self, wallets: int) -> bool:
        """Tell whether Traefik knows just so many replicas, and all work."""
        return list(self.servers().values()) == ["UP"] * wallets

    # Calls, past it

    def client(self, address: str | None = None) -> Client:
        """Connect to a wallet as its operator."""
        where = address or self.addresses()[0]
        return Client(where, 8000, self.secrets["operator_token"])

    def get(self, path: str, address: str | None = None) -> Answer:
        """Call a wallet as its operator."""
        with self.client(address) as client:
            return client.get(path)

    def create(self) -> str:
        """Create a wallet, and again if a worker has just lost its database."""
        answers: list[Answer] = []

        def created() -> bool:
            with self.client() as client:
                answers.append(client.post("/v1/wallets"))
            assert answers[-1].status in (201, 503), answers[-1].data
            return answers[-1].status == 201

        until(created, 10)
        return answers[-1].json["id"]

    def deposit(
        self,
        wallet: str,
        amount: str,
        key: str | None = None,
        address: str | None = None,
    ) -> Answer:
        """Add funds to a wallet."""
        with self.client(address) as client:
            return client.deposit(wallet, amount, key)

    def balance(self, wallet: str, address: str | None = None) -> str:
        """Read what a wallet holds."""
        return self.get(f"/v1/wallets/{wallet}", address).json["balance"]

    def query(self, expression: str) -> dict[str, float]:
        """Ask Prometheus; the answer is by instance."""
        path = f"/api/v1/query?query={quote(expression)}"
        result = self.visit("prometheus", path).json["data"]["result"]
        return {
            one["metric"].get("instance", ""): float(one["value"][1]) for one in result
        }

    def alerts(self) -> dict[str, str]:
        """Name the alerts that are ``pending`` or ``firing``."""
        alerts = self.visit("prometheus", "/api/v1/alerts").json["data"]["alerts"]
        return {each["labels"]["alertname"]: each["state"] for each in alerts}

    def fires(self, alert: str, within_s: float) -> None:
        """Wait until an alert calls somebody."""
        until(lambda: self.alerts().get(alert) == "firing", within_s, each_s=0.5)

    @property
    def database_url(self) -> str:
        """Where the database is found from this machine."""
        (address,) = self.addresses("db", "back")
        password = self.secrets["database_password"]
        return f"postgresql://wallet:{password}@{address}/wallet"

    def sql(self, statement: str) -> str:
        """Ask the database."""
        words = ("exec", "-T", "db", "psql", "--username=wallet", "-Atc", statement)
        return self.compose(*words).stdout.strip()

    def _recovers(self) -> bool:
        return any(
            one["State"]["Running"] and one["State"]["Health"]["Status"] == "unhealthy"
            for one in self.containers("wallet")
        )

    def _options(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": self.environment}


def reachable() -> bool:
    """Tell whether this machine reaches containers by their addresses."""
    return os.uname().sysname == "Linux"
