"""The containers of a deployment, by Compose and by the engine itself."""

import json
import subprocess
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from ..servers import free_port
from . import project


class Containers:
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

    # Commands

    def compose(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of Compose with both files, and expect it to succeed."""
        result = project.run(self.command(*words), **self._options(), **options)
        assert result.returncode == 0, f"{words}: {result.stderr}{result.stdout}"
        return result

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

    def destroy(self) -> None:
        """Remove every trace."""
        words = ("down", "--volumes", "--remove-orphans", "--timeout", "1")
        project.run(self.command(*words), **self._options())

    def left_over(self) -> str:
        """Name what an engine still has of this deployment."""
        lists = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
        return "".join(
            project.run(["docker", *words, "--quiet", *self._mine()]).stdout
            for words in lists
        )

    # What they are like

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """Inspect the containers of one service, or of all."""
        ids = self.engine("ps", "--all", "--quiet", *self._mine(service)).split()
        if not ids:
            return []
        # One that is removed meanwhile is not among those that are found.
        inspected = project.run(["docker", "inspect", *ids])
        return sorted(json.loads(inspected.stdout), key=lambda one: one["Name"])

    def states(self) -> Counter[tuple[str, str]]:
        """Count how the services are; one without a health check runs or does not."""

        def how(state: dict[str, Any]) -> str:
            # The engine calls what does not run unhealthy, too.
            health = state.get("Health", {}) if state["Running"] else {}
            return health.get("Status") or state["Status"]

        return Counter(
            (one["Config"]["Labels"]["com.docker.compose.service"], how(one["State"]))
            for one in self.containers()
        )

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

    def _mine(self, service: str | None = None) -> list[str]:
        label = "label=com.docker.compose"
        words = [f"--filter={label}.project={self.name}"]
        return words + [f"--filter={label}.service={service}"] * (service is not None)

    def _options(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": self.environment}
