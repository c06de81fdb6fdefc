"""What callers see during a failover: late, stale and false answers."""

import hashlib
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from itertools import count, pairwise

from wallet.audit.load import Answered, Load

from ..clients import BROKEN, Answer, Client

#: How long after the last answered write /status may go on saying that all is well, and
#: how long before the next it may begin to.
SLOW_S, EARLY_S = 3.0, 1.0


class Watch:
    """Three threads beside a load.

    :param connect: connects to the wallet as its operator.
    """

    def __init__(self, connect: Callable[[], Client], load: Load) -> None:
        #: Reads that did not show what was answered before, in words.
        self.stale: list[str] = []
        self.reads = 0
        #: When answers to writes were seen.
        self._beats = [time.monotonic()]
        #: When /status was asked and answered, if it said that all was well.
        self._well: list[tuple[float, float]] = []
        self._connect, self._load = connect, load
        self._stopped = threading.Event()
        works = (self._count_answers, self._read_own_writes, self._ask_status)
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float) -> bool:
        """Let its last write be answered; tell whether all is over."""
        self._stopped.set()
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def silence(self, since: float) -> float:
        """Tell for how long, at most, no write was answered."""
        pauses = [end - begin for begin, end in pairwise(self._beats) if end > since]
        return max(pauses, default=0.0)

    @property
    def lies(self) -> list[str]:
        """Where /status said that all was well while nothing could be written."""
        return [
            f"{asked - begin:.1f} s into {end - begin:.1f} s without a write"
            for begin, end in pairwise(self._beats)
            for asked, answered in self._well
            if begin + SLOW_S < asked and answered < end - EARLY_S
        ]

    def _count_answers(self) -> None:
        seen = 0
        while not self._stopped.wait(0.02):
            if (now := len(self._load.answered)) != seen:
                seen = now
                self._beats.append(time.monotonic())

    def _ask_status(self) -> None:
        while not self._stopped.wait(0.1):
            asked = time.monotonic()
            with suppress(*BROKEN), self._connect() as client:
                if client.get("/status").status == 200:
                    self._well.append((asked, time.monotonic()))

    def _read_own_writes(self) -> None:
        """Write to a wallet that nobody else knows, and read what was written."""
        wallet = self._written("/v1/wallets", {}, uuid.uuid4().hex).json["id"]
        for version in count(1):
            if self._stopped.wait(0.02):
                return
            key, path = uuid.uuid4().hex, f"/v1/wallets/{wallet}/deposits"
            data = self._written(path, {"amount": "0.01"}, key).data
            digest = hashlib.sha256(data).digest()
            self._load.answered[wallet, key] = Answered(digest, entries=1, holds=0)
            with suppress(*BROKEN), self._connect() as client:
                self._must_show(client, wallet, version, key)

    def _written(self, path: str, body: dict[str, str], key: str) -> Answer:
        """Ask until it is done."""
        while True:
            with suppress(*BROKEN), self._connect() as client:
                answer = client.post(path, body, key)
                if answer.status == 201:
                    return answer
            time.sleep(0.05)

    def _must_show(self, client: Client, wallet: str, version: int, key: str) -> None:
        read = client.get(f"/v1/wallets/{wallet}")
        if read.status == 200:
            self.reads += 1
            if read.json["version"] != version:
                self.stale.append(f"{read.json['version']} in place of {version}")
        told = client.get(f"/v1/operations?wallet={wallet}&key={key}")
        if told.status == 404:
            self.stale.append(f"nothing under the key of {version}")
