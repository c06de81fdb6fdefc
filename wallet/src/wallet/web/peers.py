"""Who asks, by address."""

import ipaddress
from collections.abc import Mapping
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def caller_address(environ: Mapping[str, Any]) -> Address | None:
    """Tell who asks: the peer, or the client named by a proxy on a private network."""
    peer = _parse(environ.get("REMOTE_ADDR", ""))
    # Those of 100.64.0.0/10, as containers may have, are neither private nor global.
    if peer is not None and not peer.is_global:
        named = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
        peer = _parse(named.strip()) or peer
    return peer


def _parse(text: str) -> Address | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
