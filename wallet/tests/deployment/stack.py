"""A running deployment, called from outside through Traefik, or past it."""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..actions import until
from ..clients import BROKEN, Answer, Client
from .containers import Containers
from .outside import Outside, basic

#: How the services are with one wallet, when all is well.
WELL = Counter(
    {
        ("db", "healthy"): 1,
        ("prometheus", "healthy"): 1,
        ("socket-proxy", "healthy"): 1,
        ("traefik", "healthy"): 1,
        ("wallet", "healthy"): 1,
        # Traefik asks whoami, in whose image nothing could.
        ("whoami", "running"): 1,
    }
)


class Stack(Containers):
    """A deployment that can be called."""

    def __init__(self, folder: Path, images: dict[str, str]) -> None:
        super().__init__(folder, images)
        self.secrets: dict[str, str] = {}

    def up(self, wallets: int = 1) -> None:
        """Start everything that does not run, and wait until it is healthy."""
        if self.is_well(wallets):
            return
        # Compose does not wait for one that recovers.
        until(lambda: "unhealthy" not in {how for _, how in self.states()}, each_s=0.2)
        self.compose(
            *("up", "--detach", "--wait", "--wait-timeout", "180", "--no-build"),
            *("--quiet-pull", "--scale", f"wallet={wallets}"),
        )
        until(lambda: self.is_well(wallets), each_s=0.1)

    def is_well(self, wallets: int) -> bool:
        """Tell whether so many wallets and all else are healthy, and Traefik knows."""
        well = WELL | Counter({("wallet", "healthy"): wallets})
        return self.states() == well and self.serves(wallets)

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
        try:
            service = self.visit("traefik", "/api/http/services/wallet@docker")
        except BROKEN:
            # It may answer before it has its certificate.
            return {}
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

    def logged(self, service: str, mark: str) -> str:
        """Wait for the one line in which a service has logged something."""
        found: list[str] = []

        def there() -> bool:
            found[:] = [one for one in self.logs(service).splitlines() if mark in one]
            return bool(found)

        until(there, each_s=0.1)
        (line,) = found
        return line

    def create(self) -> str:
        """Create a wallet, and again if a worker has just lost its database."""
        answers: list[Answer] = []

        def created() -> bool:
            with self.client() as client:
                answers.append(client.post("/v1/wallets"))
            assert answers[-1].status in (201, 503), answers[-1].data
            return answers[-1].status == 201

        until(created)
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
        answers: list[Answer] = []

        def read() -> bool:
            answers.append(self.get(f"/v1/wallets/{wallet}", address))
            # A worker may not have found its database again.
            assert answers[-1].status in (200, 503), answers[-1].data
            return answers[-1].status == 200

        until(read, each_s=0.1)
        return answers[-1].json["balance"]

    def prometheus(self, path: str) -> Any:
        """Ask Prometheus, which knows what happens to Traefik."""
        (address,) = self.addresses("prometheus", "watch")
        with Client(address, 9090) as client:
            return client.get(f"/api/v1/{path}").json["data"]

    def query(self, expression: str) -> dict[str, float]:
        """Ask Prometheus for figures; the answer is by instance."""
        result = self.prometheus(f"query?query={quote(expression)}")["result"]
        return {
            one["metric"].get("instance", ""): float(one["value"][1]) for one in result
        }

    def scraped(self, wallets: int = 1) -> None:
        """Wait until Prometheus has counted all that was done until now.

        By then it has forgotten the replicas that are gone.
        """
        begun = time.time()
        # Traefik and itself as well.
        targets = wallets + 2

        def anew() -> bool:
            # Of the samples: around a comparison, it would be the time of the query.
            seen = self.query("timestamp(up) > time() - 20 and up == 1").values()
            return len(seen) == targets and min(seen) > begun

        until(anew, 60, each_s=0.5)

    def alerts(self) -> dict[str, str]:
        """Name the alerts that are ``pending`` or ``firing``."""
        alerts = self.prometheus("alerts")["alerts"]
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


def reachable() -> bool:
    """Tell whether this machine reaches containers by their addresses."""
    return os.uname().sysname == "Linux"
