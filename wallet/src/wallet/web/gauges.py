"""What is measured when it is asked for: version, memory, database, backup.

Nothing is kept between scrapes, so nothing is told of a worker that has ended.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .. import __version__
from ..storage.errors import StoreFailure
from ..storage.figures import read_figures
from ..storage.store import Store

#: Every gauge without labels, in the order in which they are told.
GAUGES: Final = {
    "wallet_workers": "Processes that serve.",
    "wallet_resident_memory_bytes": "Memory of all workers, shared parts in each.",
    "wallet_database_up": "Whether the database answers.",
    "wallet_database_size_bytes": "Size of the database.",
    "wallet_database_connections": "Connections to the database server, of all.",
    "wallet_database_connections_limit": "Connections that the server allows.",
    "wallet_database_oldest_transaction_seconds": "Age of the oldest transaction.",
    "wallet_database_standbys": "Servers that follow the database.",
    "wallet_database_replication_lag_bytes": "How far the last of them is behind.",
    "wallet_last_backup_timestamp_seconds": "Time of the last backup; 0 is none.",
}
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Gauges(Collector):
    """Measures a server.

    :param within_s: half of the time that a scrape waits for the database at most. A
        scrape that is given up tells nothing of what is counted in the workers, either.
    """

    def __init__(self, store: Store, within_s: float = 1.5) -> None:
        self._store, self._within_s = store, within_s
        self._asking = threading.Lock()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Measure everything that can be measured here and now."""
        build = GaugeMetricFamily("wallet_build_info", "What runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        figures = self._ask()
        measured = _memory() | {"wallet_database_up": float(bool(figures))} | figures
        for name, meaning in GAUGES.items():
            if name in measured:
                yield GaugeMetricFamily(name, meaning, measured[name])

    def _ask(self) -> dict[str, float]:
        """Ask the database; a scrape that waits for an absent one holds up no other."""
        found: dict[str, float] = {}

        def ask() -> None:
            try:
                with suppress(StoreFailure):
                    found.update(read_figures(self._store))
            finally:
                self._asking.release()

        if self._asking.acquire(timeout=self._within_s):
            thread = threading.Thread(target=ask, name="figures", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # There are too many threads; the next scrape may find room for one.
                self._asking.release()
            else:
                thread.join(self._within_s)
        return dict(found)


def _memory() -> dict[str, float]:
    """Add up the workers of this server, which are its parent's children, on Linux."""
    children = Path(f"/proc/{os.getppid()}/task").glob("*/children")
    pages = []
    with suppress(OSError):
        for worker in " ".join(each.read_text() for each in children).split():
            # What has ended meanwhile, or is about to, has no memory.
            with suppress(OSError):
                statm = Path(f"/proc/{worker}/statm").read_text()
                pages.append(int(statm.split()[1]))
    if not any(pages):
        return {}
    return {
        "wallet_workers": sum(each > 0 for each in pages),
        "wallet_resident_memory_bytes": sum(pages) * _PAGE_BYTES,
    }
