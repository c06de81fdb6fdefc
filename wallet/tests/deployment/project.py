"""The deployment's own files, and the commands that read them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
AROUND = "docker-compose.traefik.yml"
WALLET = "docker-compose.yml"
BOTH = (AROUND, WALLET)
#: Laid over both, for a database of three nodes.
HA = "docker-compose.ha.yml"

#: Everything that the files can be told from outside.
VARIABLES = frozenset(
    name
    for file in (*BOTH, HA)
    for name in re.findall(r"\$\{([A-Z_]+)", (ROOT / file).read_text())
)


def environment(**given: str) -> dict[str, str]:
    """Keep the caller's environment, without what would change the deployment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES and not name.startswith("COMPOSE_")
    }
    return kept | given


def copy(folder: Path) -> Path:
    """Copy what a deployment needs into a folder, without secrets."""
    for name in (*BOTH, HA, "Makefile"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets")
    )
    return folder


def make_secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script that makes the secrets of a copy."""
    return run([str(folder / "deploy" / "secrets.sh")])


def secrets_of(folder: Path) -> dict[str, str]:
    """Read every secret of a copy."""
    made = sorted((folder / "deploy" / "secrets").iterdir())
    return {path.name: path.read_text().strip() for path in made}


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and keep what it says."""
    return subprocess.run(command, capture_output=True, text=True, **options)


def render(*files: str, root: Path = ROOT, **given: str) -> dict[str, Any]:
    """Ask Compose what it makes of the files."""
    command = ["docker", "compose", "--env-file", os.devnull]
    for file in files:
        command += ["--file", str(root / file)]
    command += ["config", "--format", "json"]
    result = run(command, env=environment(**given))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def lines(heading: str) -> str:
    """Read what someone types by a section of the manual."""
    manual = (ROOT / "docs" / "operations.md").read_text()
    section = manual.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "".join(block.split("```")[0] for block in section.split("```sh\n")[1:])
