"""Whom a question over TLS is asked; openssl makes the certificates."""

import ssl
import subprocess
from decimal import Decimal

import pytest

from wallet.prices.luno import AskOutcome, TickerFault, ask_price

from ..luno import PRICE, answer, luno


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that it has signed itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, signed = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, key)
    return context, signed


def test_over_tls_a_trusted_server_is_asked(certificate, monkeypatch):
    """The price comes through."""
    context, signed = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(signed))
    with luno(answer(), context) as server:
        assert ask_price(server.url) == Decimal(PRICE)


@pytest.mark.parametrize(
    ("host", "is_known"),
    [("localhost", False), ("127.0.0.1", True)],
    ids=["nobody vouches for it", "its certificate is for another name"],
)
def test_another_server_is_not_asked(certificate, monkeypatch, host, is_known):
    """It never sees the question, whatever the environment trusts for requests."""
    context, signed = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(signed))
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(signed))
    with luno(answer(), context) as server:
        with pytest.raises(TickerFault) as caught:
            ask_price(server.url.replace("localhost", host))
    assert caught.value.outcome is AskOutcome.UNTRUSTED
    assert server.asked == []
