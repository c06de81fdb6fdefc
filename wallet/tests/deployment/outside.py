"""What a client outside sees: HTTPS to Traefik, host by host."""

import base64
import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any

from ..clients import Client


class Outside(Client):
    """A client of one host, which trusts the deployment's own certificate.

    :param credentials: what its requests carry as ``Authorization``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        certificate: Path,
        credentials: str | None = None,
        patience_s: float = 15,
    ) -> None:
        super().__init__("127.0.0.1", port)
        trust = ssl.create_default_context(cafile=str(certificate))
        self._connection = _Connection(f"{host}.localhost", port, trust, patience_s)
        if credentials is not None:
            self._headers["Authorization"] = credentials


class _Connection(http.client.HTTPSConnection):
    """Finds every host on this machine, whatever its resolver says of them."""

    def __init__(
        self, host: str, port: int, trust: ssl.SSLContext, timeout: float
    ) -> None:
        super().__init__(host, port, timeout=timeout, context=trust)
        self._trust = trust

    def connect(self) -> None:
        line = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._trust.wrap_socket(line, server_hostname=self.host)


def basic(password: str) -> str:
    """Write the administrator's credentials."""
    return "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()


def lines_of_json(log: str) -> list[dict[str, Any]]:
    """Read a log of which each line must be JSON."""
    return [json.loads(line) for line in log.splitlines()]
