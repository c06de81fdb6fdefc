import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from wallet import create_app
from wallet.cli import main
from wallet.config import SETTINGS, ConfigError, read_environment, read_settings
from wallet.environment import meant_for_the_wallet
from wallet.storage.address import place

ROOT = Path(__file__).parents[2]
TOKEN = "12345678901234567890"
SHARED = {"OPERATOR_TOKEN": TOKEN, "SECRET_KEY": "s" * 32}


def test_without_settings_the_service_is_local(tmp_path, monkeypatch):
    """A file and a secret in the folder of the instance, and no credentials."""
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.local
    assert settings.database_url.database == str(tmp_path / "instance/wallet.db")
    assert len(settings.secret_key) >= 32
    assert read_settings({}).secret_key == settings.secret_key
    mode = stat.S_IMODE((tmp_path / "instance/secret_key").stat().st_mode)
    assert mode == 0o600
    assert [path.name for path in (tmp_path / "instance").iterdir()] == ["secret_key"]


def test_a_secret_may_be_in_a_file(tmp_path):
    """Its end of line does not count."""
    for name, value in {
        "t": "a-long-token-of-mine",
        "k": "k" * 40,
        "p": "p@ss/word",
    }.items():
        (tmp_path / name).write_text(f"{value}\n")
    settings = read_settings(
        {
            "OPERATOR_TOKEN_FILE": str(tmp_path / "t"),
            "SECRET_KEY_FILE": str(tmp_path / "k"),
            "DATABASE_PASSWORD_FILE": str(tmp_path / "p"),
            "DATABASE_URL": "postgresql://ada@db/wallet",
            "SECRET_KEY_FALLBACKS": "a" * 32 + ", " + "b" * 32,
        }
    )
    assert (settings.operator_token, settings.secret_key) == (
        "a-long-token-of-mine",
        "k" * 40,
    )
    assert settings.database_url.password == "p@ss/word"
    assert settings.database_url.drivername == "postgresql+psycopg"
    assert settings.secret_key_fallbacks == ("a" * 32, "b" * 32)


def test_a_retired_key_may_be_named_twice(tmp_path):
    """It is one secret all the same."""
    twice = "f" * 32 + "," + "f" * 32
    given = SHARED | {"SECRET_KEY_FALLBACKS": twice, "HOME": str(tmp_path)}
    assert set(read_settings(given).secret_key_fallbacks) == {"f" * 32}


def test_a_token_of_digits_stays_text(tmp_path, monkeypatch):
    """Nothing in the environment is parsed."""
    monkeypatch.setenv("WALLET_OPERATOR_TOKEN", TOKEN)
    monkeypatch.setenv("WALLET_SECRET_KEY", "1" * 32)
    monkeypatch.setenv("WALLET_HOME", str(tmp_path))
    app = create_app()
    service = app.extensions["wallet"]
    service.close()
    assert service.settings.operator_token == TOKEN
    assert service.settings.secret_key == "1" * 32


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("OPERATOR_TOKN", "did you mean WALLET_OPERATOR_TOKEN?"),
        ("OPERATOR_TOKEN_FIEL", "did you mean WALLET_OPERATOR_TOKEN_FILE?"),
        ("DATABASE", "did you mean WALLET_DATABASE_URL?"),
        ("HOME_FILE", "did you mean WALLET_HOME?"),
        ("home", "unset it."),
        ("DEBUG", "unset it."),
        ("PORT", "unset it."),
        ("", "unset it."),
    ],
)
def test_a_name_that_is_no_setting_is_refused(tmp_path, monkeypatch, name, advice):
    """With what was probably meant, without its value, and before anything is made."""
    monkeypatch.setenv("WALLET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"WALLET_{name}", "a-secret")
    sentence = f"WALLET_{name} is not a setting: {advice}"
    for command in (["serve"], ["verify"], ["backup", "x"], ["key", "w_1"]):
        done = CliRunner().invoke(main, command)
        assert (done.exit_code, done.stderr) == (1, f"Error: {sentence}\n")
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        create_app()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("environment", sorted(ROOT.glob("docker-compose*.yml")))
def test_what_compose_sets_is_known(environment):
    """A wallet starts from the project's own files."""
    named = re.findall(r"WALLET_(\w+)", environment.read_text())
    known = [*SETTINGS, *(f"{name}_FILE" for name in SETTINGS)]
    for name in named:
        meant_for_the_wallet({f"WALLET_{name}": "x"}, known)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAGE", "wallet:1"),
        ("WORKERS", "2"),
        ("REPLICAS", "3"),
        ("TEST_DATABASE_URL", "postgresql:///x"),
        ("TEST_CITUS_URL", "postgresql:///x"),
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT_HTTP", "80"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("PORT_80_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_others_call_so_keeps_nobody_from_starting(
    tmp_path, monkeypatch, name, value
):
    """Those who run the wallet, its tests or Kubernetes mean something else by it."""
    monkeypatch.setenv(f"WALLET_{name}", value)
    given = read_environment()
    assert given.pop(name) == value
    assert set(given) == {"LUNO_URL", "TIME_ZONE"}
    assert read_settings(given | {"HOME": str(tmp_path)}).local


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (SHARED | {"SECRET_KEY": ""}, "WALLET_SECRET_KEY is missing"),
        (SHARED | {"SECRET_KEY": "short"}, "WALLET_SECRET_KEY is too short"),
        ({"SECRET_KEY": "short"}, "WALLET_SECRET_KEY is too short"),
        (SHARED | {"OPERATOR_TOKEN": "s" * 32}, "WALLET_SECRET_KEY must differ"),
        (SHARED | {"OPERATOR_TOKEN": ""}, "WALLET_OPERATOR_TOKEN is empty"),
        (SHARED | {"OPERATOR_TOKEN": " "}, "WALLET_OPERATOR_TOKEN is empty"),
        (SHARED | {"OPERATOR_TOKEN": "\u00e9"}, "WALLET_OPERATOR_TOKEN must be"),
        (SHARED | {"OPERATOR_TOKEN": "x" * 19}, "WALLET_OPERATOR_TOKEN is too short"),
        (SHARED | {"METRICS_TOKEN": "x"}, "WALLET_METRICS_TOKEN is too short"),
        (SHARED | {"METRICS_TOKEN": TOKEN}, "WALLET_METRICS_TOKEN must differ"),
        (SHARED | {"METRICS_TOKEN": "s" * 32}, "WALLET_SECRET_KEY must differ from"),
        (SHARED | {"SECRET_KEY_FALLBACKS": "s" * 32}, "WALLET_SECRET_KEY must differ"),
        (
            SHARED | {"OPERATOR_TOKEN": "f" * 32, "SECRET_KEY_FALLBACKS": "f" * 32},
            "WALLET_SECRET_KEY_FALLBACKS must differ from WALLET_OPERATOR_TOKEN",
        ),
        (SHARED | {"OPERATOR_TOKEN_FILE": "/x"}, "Set WALLET_OPERATOR_TOKEN or"),
        ({"OPERATOR_TOKEN_FILE": "/no/such"}, "WALLET_OPERATOR_TOKEN_FILE cannot"),
        (SHARED | {"SECRET_KEY_FALLBACKS": "x"}, "WALLET_SECRET_KEY_FALLBACKS is too"),
        (SHARED | {"DATABASE_URL": "nonsense"}, "WALLET_DATABASE_URL cannot be read"),
        (SHARED | {"DATABASE_URL": "mysql://x/y"}, "WALLET_DATABASE_URL must begin"),
        (SHARED | {"DATABASE_URL": "sqlite://"}, "WALLET_DATABASE_URL must name a"),
        (SHARED | {"DATABASE_URL": "sqlite:///:memory:"}, "WALLET_DATABASE_URL must"),
        (
            SHARED | {"DATABASE_URL": "sqlite:////x?a=1"},
            "WALLET_DATABASE_URL must have",
        ),
        (
            SHARED | {"DATABASE_URL": "postgresql://h/d?speed=1"},
            "WALLET_DATABASE_URL has a parameter that PostgreSQL does not know: speed",
        ),
        (
            SHARED | {"DATABASE_URL": "postgresql://h/d?options=a&options=b"},
            "WALLET_DATABASE_URL has the parameter options more than once",
        ),
        (
            SHARED | {"DATABASE_URL": "postgresql://u@a:1:2,b/d"},
            "WALLET_DATABASE_URL has a host that cannot be read: a:1:2",
        ),
        (
            SHARED | {"DATABASE_URL": "postgresql://u@a,b,c/d?port=1,2"},
            "WALLET_DATABASE_URL must have one port for all hosts, or one for each",
        ),
        (SHARED | {"REQUIRE_STANDBY": "yes"}, "WALLET_REQUIRE_STANDBY must be one"),
        (SHARED | {"THREADS": "0"}, "WALLET_THREADS must be a number from 1"),
        (SHARED | {"QUEUE_SIZE": "1.5"}, "WALLET_QUEUE_SIZE must be a number"),
        (SHARED | {"BATCH_SIZE": "\u0661"}, "WALLET_BATCH_SIZE must be a number"),
        (SHARED | {"LUNO_URL": "on"}, "WALLET_LUNO_URL cannot be used"),
        (SHARED | {"LUNO_URL": "ftp://a.example"}, "WALLET_LUNO_URL cannot be used"),
        (SHARED | {"LUNO_URL": "https://"}, "WALLET_LUNO_URL cannot be used"),
        (SHARED | {"LUNO_URL": "https://a.example:0/"}, "WALLET_LUNO_URL cannot be"),
        (SHARED | {"LUNO_URL": "https://a.example:99999"}, "WALLET_LUNO_URL cannot be"),
        (SHARED | {"LUNO_URL": "https://a.example/a b"}, "WALLET_LUNO_URL cannot be"),
        (SHARED | {"LUNO_URL": f"https://{'a' * 64}.example"}, "WALLET_LUNO_URL cann"),
        (SHARED | {"LUNO_URL": "https://a:b@c.example"}, "WALLET_LUNO_URL cannot be"),
        (SHARED | {"TIME_ZONE": "Berlin"}, "WALLET_TIME_ZONE must be the name of a"),
        (SHARED | {"TIME_ZONE": "../UTC"}, "WALLET_TIME_ZONE must be the name of a"),
        (SHARED | {"DEFAULT_CURRENCY": "zar"}, "WALLET_DEFAULT_CURRENCY must be one"),
        (SHARED | {"DEFAULT_CURRENCY": ""}, "WALLET_DEFAULT_CURRENCY must be one of"),
        ({"HOME": "/dev/null/x"}, "/dev/null/x cannot be written"),
    ],
    ids=str,
)
def test_what_is_unsafe_is_refused_with_a_sentence(given, sentence):
    """It names the setting and says what to change."""
    with pytest.raises(ConfigError) as caught:
        read_settings(given)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")


def test_a_secret_that_was_made_is_read_without_writing(tmp_path, monkeypatch):
    """A full disk keeps nobody from reading what is there."""
    made = read_settings({"HOME": str(tmp_path)}).secret_key

    def fail(*_arguments, **_options):
        raise OSError("no space left")

    for name in ("touch", "write_text", "mkdir"):
        monkeypatch.setattr(Path, name, fail)
    assert read_settings({"HOME": str(tmp_path)}).secret_key == made


def test_a_secret_that_was_made_is_not_replaced(tmp_path):
    """Keys that were given out stay good after a restart."""
    (tmp_path / "secret_key").write_text("x" * 40)
    assert read_settings({"HOME": str(tmp_path)}).secret_key == "x" * 40


def test_a_secret_that_is_no_file_is_refused_and_not_waited_for(tmp_path):
    """A pipe has something to say only when somebody writes to it."""
    os.mkfifo(tmp_path / "secret_key")
    with pytest.raises(ConfigError, match=r"holds no secret key: restore it"):
        read_settings({"HOME": str(tmp_path)})
    assert [each.name for each in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_secret_of_other_bytes_than_text_is_refused(tmp_path, name):
    """Nothing can be signed with it, and each worker would find that out by itself."""
    secret = os.fsdecode(b"\xff\xfe" * 20)
    with pytest.raises(ConfigError) as caught:
        read_settings({"HOME": str(tmp_path / "absent"), name: secret})
    assert str(caught.value) == f"WALLET_{name} must be text in UTF-8."
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("damaged", [b"", b"short\n", b"\xff\x00" * 40])
def test_a_damaged_secret_file_is_refused_and_kept(tmp_path, damaged):
    """A loss of power may leave it empty; nobody signs keys with that."""
    path = tmp_path / "secret_key"
    path.write_bytes(damaged)
    with pytest.raises(ConfigError, match=r"holds no secret key: restore it"):
        read_settings({"HOME": str(tmp_path)})
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", None),
        ("off", None),
        ("https://a.example/t?x=1#here", "https://a.example/t?x=1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_luno_is_asked_at_an_address_or_not_at_all(tmp_path, text, url):
    """Its pair is added where it is asked."""
    assert read_settings({"HOME": str(tmp_path), "LUNO_URL": text}).luno_url == url


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("postgresql://u@a/d", "a/d"),
        ("postgresql://u@a:1/d", "a:1/d"),
        ("postgresql:///d", "the local socket/d"),
        ("postgresql://u@/d?host=/run&port=1", "/run:1/d"),
        ("postgresql://u@a:1,b:2/d", "a:1, b:2/d"),
        ("postgresql+psycopg://a,b:2/d", "a, b:2/d"),
        ("postgresql://u:p,w@a:1,[fd00::1]:2/d?sslmode=require", "a:1, fd00::1:2/d"),
        ("postgresql://u:p,w@a:1/d", "a:1/d"),
        ("postgresql://u@/d?host=a:1&host=b:2", "a:1, b:2/d"),
        ("postgresql://u@/d?host=a&host=b", "a, b/d"),
        ("postgresql://u@/d?host=a,b&port=1,2", "a:1, b:2/d"),
        ("postgresql://u@a,b/d?port=1", "a:1, b:1/d"),
    ],
)
def test_several_hosts_are_read_and_told(tmp_path, text, where):
    """As PostgreSQL's own programs take them; only one that writes is taken."""
    url = read_settings({"HOME": str(tmp_path), "DATABASE_URL": text}).database_url
    assert place(url) == f"PostgreSQL at {where}"
    several = ", " in where
    assert ("target_session_attrs" in url.query) == several
    _, given = url.get_dialect()().create_connect_args(url)
    assert str(given.get("host", "")).count(",") == several
    assert (given.get("user"), given["dbname"]) == (url.username, "d")


def test_another_server_than_one_that_writes_can_be_asked_for(tmp_path):
    """What the address says counts."""
    text = "postgresql://a,b/d?target_session_attrs=any"
    url = read_settings({"HOME": str(tmp_path), "DATABASE_URL": text}).database_url
    assert url.query["target_session_attrs"] == "any"
