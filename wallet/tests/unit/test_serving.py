import pytest

from wallet.config import ConfigError, read_settings
from wallet.server import check, prepare
from wallet.storage.errors import StoreFailure


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
        (f"{'a' * 80}.example", 1, "is no name of a host"),
        ("127.0.0.1", 2, "SQLite takes one worker"),
    ],
)
def test_what_cannot_be_served_is_refused(settings, host, workers, sentence):
    """An open address, one that is not ours, and a second writer."""
    with pytest.raises(ConfigError, match=sentence):
        check(settings, host, 0, workers)


#: Where nobody listens.
ADDRESS = "postgresql://u@127.0.0.1:1/w?"


@pytest.mark.parametrize(
    "wrong",
    [
        *("sslmode=banana", "gssencmode=x", "channel_binding=x", "sslnegotiation=x"),
        *("target_session_attrs=x", "load_balance_hosts=x", "sslcertmode=x"),
        *("require_auth=x", "require_auth=md5,md5", "ssl_min_protocol_version=x"),
        "ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2",
        *("sslrootcert=system&sslmode=prefer", "max_protocol_version=9", "hostaddr=x"),
        *("hostaddr=127.0.0.1,127.0.0.2", "service=nobody", f"host=/{'a' * 200}"),
    ],
)
def test_an_address_that_can_never_be_right_is_not_waited_for(tmp_path, wrong):
    """The driver refuses it before it asks anybody."""
    home = tmp_path / "absent"
    given = {"HOME": str(home), "SECRET_KEY": "s" * 32, "DATABASE_URL": ADDRESS + wrong}
    with pytest.raises(StoreFailure):
        prepare(read_settings(given))
    assert not home.exists()


def test_a_database_that_is_away_is_waited_for(tmp_path):
    """The same address without the mistake."""
    given = {"HOME": str(tmp_path), "DATABASE_URL": f"{ADDRESS}sslmode=prefer"}
    assert prepare(read_settings(given)) is None
