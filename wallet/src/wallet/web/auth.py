"""Who sends a request and what they may do; keeps out foreign pages and proxies."""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from flask import Request
from itsdangerous import BadSignature, Signer

from ..ledger.commands import Principal
from ..ledger.ids import is_wallet_id
from ..ledger.outcomes import WalletState
from .problems import Problem

#: Keeps these signatures apart from others made with the same secret.
_SALT: Final = "wallet.key"
#: Methods that change nothing.
_HARMLESS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
#: A header that begins like this comes from a proxy.
_PROXY_HEADERS: Final = (" HTTP_FORWARDED", " HTTP_X_REAL_IP", " HTTP_X_FORWARDED_")


class WalletKeys:
    """Makes and reads the keys of wallets.

    A key is the wallet's id and the version of its keys, signed. Nothing is stored:
    raising the version in the wallet's row makes older keys worthless.
    """

    def __init__(self, secret: str, fallbacks: Sequence[str] = ()) -> None:
        self._signer = Signer(
            [*fallbacks, secret],
            salt=_SALT,
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )

    def make(self, wallet_id: str, key_version: int) -> str:
        """Make the key of a wallet."""
        return self._signer.sign(f"{wallet_id}.{key_version}").decode()

    def read(self, key: str) -> tuple[str, int] | None:
        """Read the wallet's id and key version, ``None`` if the key is not ours."""
        try:
            text = self._signer.unsign(key.encode()).decode()
        except (BadSignature, UnicodeError):
            return None
        wallet_id, _, version = text.partition(".")
        return wallet_id, int(version)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: the operator, or the holder of one wallet's key."""

    principal: Principal
    wallet_id: str | None = None
    key_version: int | None = None

    @property
    def name(self) -> str:
        """Tell keys apart: one that was replaced is no longer its wallet's."""
        if self.principal is Principal.OPERATOR:
            return ""
        return f"{self.wallet_id}.{self.key_version}"

    def must_be_operator(self) -> None:
        """Refuse the holder of a wallet's key.

        :raises Problem: forbidden.
        """
        if self.principal is not Principal.OPERATOR:
            raise Problem("forbidden")

    def must_see(self, wallet_id: str) -> None:
        """Refuse every wallet but the caller's own, before anything is looked up.

        :raises Problem: forbidden; for the operator unknown, if it cannot be an id.
        """
        if self.principal is Principal.OWNER and wallet_id != self.wallet_id:
            raise Problem("forbidden")
        if not is_wallet_id(wallet_id):
            raise Problem("unknown-wallet")

    def must_open(self, wallet: WalletState | None) -> WalletState:
        """Refuse a key that was replaced, and then a wallet that is not there.

        :raises Problem: unauthenticated, or unknown.
        """
        if self.key_version is not None and (
            wallet is None or wallet.key_version != self.key_version
        ):
            raise Problem("unauthenticated")
        if wallet is None:
            raise Problem("unknown-wallet")
        return wallet


def recognise(token: str, operator_token: str, keys: WalletKeys) -> Caller:
    """Return whose token or key this is; the version of a key is checked later.

    :raises Problem: it is not ours.
    """
    # Equal time for every wrong token, so that it cannot be found letter by letter.
    if hmac.compare_digest(_bytes(token), _bytes(operator_token)):
        return Caller(Principal.OPERATOR)
    wallet = keys.read(token) if token.isascii() else None
    if wallet is None:
        raise Problem("unauthenticated")
    return Caller(Principal.OWNER, *wallet)


def require_metrics_token(token: str, metrics_token: str) -> None:
    """Refuse any token but the one in `WALLET_METRICS_TOKEN`.

    :raises Problem: it is another.
    """
    if not hmac.compare_digest(_bytes(token), _bytes(metrics_token)):
        raise Problem(
            "unauthenticated",
            "Send Authorization: Bearer with the token in WALLET_METRICS_TOKEN.",
        )


def bearer(request: Request) -> str:
    """Take the token from the header that carries it.

    :raises Problem: there is none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Problem("unauthenticated")
    return token


def refuse_strangers(request: Request) -> None:
    """Refuse requests from other machines, for other names, or through a proxy.

    :raises Problem: local-only.
    """
    environ = request.environ
    # One text with all names is searched faster than each name by itself.
    names = f" {' '.join(environ)}"
    proxied = any(begin in names for begin in _PROXY_HEADERS)
    peer, host = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_HOST", "")
    if proxied or not is_loopback(peer) or not _is_local_name(host):
        raise Problem("local-only")


def refuse_foreign_pages(request: Request) -> None:
    """Refuse a POST that a page of another site makes a browser send.

    :raises Problem: foreign-page.
    """
    if request.method in _HARMLESS:
        return
    site = request.environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Problem("foreign-page")
        return
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is None:
        return
    host = request.environ.get("HTTP_HOST", "")
    _, _, page = origin.lower().partition("://")
    if not host or page != host.lower():
        raise Problem("foreign-page")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# The same few peers and names ask again and again; strangers cannot fill the memory.
@lru_cache(maxsize=256)
def _is_local_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if "@" in host:
        return False
    return name == "localhost" or is_loopback(name)


@lru_cache(maxsize=256)
def is_loopback(address: str) -> bool:
    """Say whether an address is a loopback address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
