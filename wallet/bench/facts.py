"""The machine and the programs, for whoever compares two runs."""

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from . import wrk
from .field import Options
from .postgres import Postgres

_ROOT = Path(__file__).parents[1]


def collect(
    folder: Path, postgres: Postgres | None, options: Options
) -> dict[str, str]:
    """Tell everything that figures depend on."""
    packages = ("granian", "flask", "sqlalchemy", "psycopg", "msgspec")
    found = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "program": _commit(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory_gb():.0f} GB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "file system": file_system(folder),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
        "SQLite": sqlite3.sqlite_version,
        "wrk": wrk.version(),
        "rounds": f"{options.rounds}, a load takes {options.seconds} s after"
        f" {options.warm_up} s to warm up, {options.growth_s} s where a store grows",
    }
    if postgres is not None:
        told = postgres.shown()
        found["PostgreSQL"] = told.pop("server_version")
        found["its settings"] = ", ".join(
            f"{name} {each}" for name, each in told.items()
        )
    return found


def file_system(folder: Path) -> str:
    """Tell on what kind of file system a folder is."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    best, kind = "", "unknown"
    for line in mounts.read_text().splitlines():
        _, point, each, *_ = line.split()
        inside = folder == Path(point) or Path(point) in folder.parents
        if inside and len(point) >= len(best):
            best, kind = point, each
    return kind


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


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
