"""The machine and the programs, for whoever compares two runs."""

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from . import wrk
from .field import Options
from .postgres import Postgres

_ROOT = Path(__file__).parents[1]


def collect(folder: Path, postgres: Postgres, options: Options) -> dict[str, str]:
    """Note everything that figures depend on."""
    packages = ("granian", "flask", "sqlalchemy", "psycopg", "msgspec")
    notes = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "program": _commit(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "file system": file_system(folder),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
        "SQLite": sqlite3.sqlite_version,
        "wrk": wrk.version(),
        "rounds": f"{options.rounds}, a load takes {options.seconds} s after"
        f" {options.warm_up_s} s to warm up, {options.growth_s} s where a store grows",
    }
    settings = postgres.settings()
    notes["PostgreSQL"] = settings.pop("server_version")
    notes["its settings"] = ", ".join(f"{n} {each}" for n, each in settings.items())
    return notes


def file_system(folder: Path) -> str:
    """Name the kind of file system that a folder is on."""
    points = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(True)}
    above = [each for each in (folder, *folder.parents) if each in points]
    return points[above[0]] if above else "unknown"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    ran = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return ran.stdout.strip() or "unknown"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
