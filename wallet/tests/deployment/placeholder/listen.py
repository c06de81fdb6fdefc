#!/usr/bin/env python3
"""Listens at every entry point that it is told, and asks nobody anything."""

import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Here(BaseHTTPRequestHandler):
    """Answers that it is there."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")


if "healthcheck" not in sys.argv[0] + "".join(sys.argv[1:2]):
    for port in re.findall(r"\.address=:(\d+)", " ".join(sys.argv)):
        server = ThreadingHTTPServer(("", int(port)), Here)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.pause()
