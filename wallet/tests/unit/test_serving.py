import pytest

from wallet.config import ConfigError, read_settings
from wallet.server import check


@pytest.fixture
def settings(tmp_path):
    """A local service."""
    return read_settings({"HOME": str(tmp_path)})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
def test_a_name_is_turned_into_the_address_to_listen_on(settings, host):
    """A local service listens on this machine's own addresses."""
    assert check(settings, host, 0, 1).startswith(("127.", "::1"))


@pytest.mark.parametrize(
    ("host", "workers", "sentence"),
    [
        ("0.0.0.0", 1, "Without WALLET_OPERATOR_TOKEN"),  # noqa: S104  it is refused
        ("::", 1, "Without WALLET_OPERATOR_TOKEN|cannot be used"),
        ("no.such.host.invalid", 1, "cannot be used"),
        ("203.0.113.1", 1, "cannot be used"),
        ("127.0.0.1", 2, "SQLite takes one worker"),
    ],
)
def test_what_cannot_be_served_is_refused(settings, host, workers, sentence):
    """An open address, one that is not ours, and a second writer."""
    with pytest.raises(ConfigError, match=sentence):
        check(settings, host, 0, workers)
