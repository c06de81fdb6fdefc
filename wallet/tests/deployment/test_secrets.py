"""Secrets are made once, by the first start, with nothing but a shell and openssl."""

import re
import shutil
from pathlib import Path

import pytest

from . import project
from .conftest import missing

NAMES = [
    "admin_password",
    "database_password",
    "metrics_token",
    "operator_token",
    "secret_key",
    "tls_certificate",
    "tls_key",
    "traefik_users",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment that was never started."""
    if shutil.which("openssl") is None:
        missing("openssl is not installed")
    return project.copy(tmp_path)


def test_the_first_start_makes_every_secret(folder):
    """Each is long, and none is like another."""
    assert project.make_secrets(folder).returncode == 0
    made = project.secrets_of(folder)
    # Nothing is retired yet.
    assert made.pop("secret_key_fallbacks") == ""
    assert sorted(made) == NAMES
    assert len(set(made.values())) == len(NAMES)
    assert min(map(len, made.values())) >= 32


def test_only_the_owner_can_open_the_folder(folder):
    """Its files can be read, because a container's user is not the owner."""
    project.make_secrets(folder)
    secrets = folder / "deploy" / "secrets"
    assert oct(secrets.stat().st_mode & 0o777) == "0o700"
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in secrets.iterdir()}
    # What is retired later is written into the one that is empty at first.
    assert modes.pop("secret_key_fallbacks") == "0o644"
    assert set(modes.values()) == {"0o444"}


def test_what_containers_read_is_open_to_them_whatever_the_umask_was(folder):
    """A checkout that is closed to others starts, too."""
    closed = [path for path in (folder / "deploy").rglob("*") if path.suffix == ".yml"]
    assert closed
    for path in closed:
        path.chmod(0o600)
        path.parent.chmod(0o700)
    assert project.make_secrets(folder).returncode == 0
    assert {oct(path.stat().st_mode & 0o777) for path in closed} == {"0o644"}
    assert {oct(path.parent.stat().st_mode & 0o777) for path in closed} == {"0o755"}


def test_the_certificate_names_every_host(folder):
    """And belongs to the key beside it; it can sign no other."""
    project.make_secrets(folder)
    secrets = folder / "deploy" / "secrets"
    shown = _openssl("x509", "-noout", "-text", "-in", secrets / "tls_certificate")
    routed = {
        host
        for file in project.BOTH
        for host in re.findall(r"Host\(`([^`]+)`\)", (folder / file).read_text())
    }
    assert set(re.findall(r"DNS:([a-z.]+)", shown)) == routed
    assert len(routed) >= 4
    assert "CA:FALSE" in shown
    mine = _openssl("x509", "-noout", "-pubkey", "-in", secrets / "tls_certificate")
    assert mine == _openssl("pkey", "-pubout", "-in", secrets / "tls_key")


def test_a_second_start_changes_nothing(folder):
    """And says nothing."""
    project.make_secrets(folder)
    before = project.secrets_of(folder)
    again = project.make_secrets(folder)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert project.secrets_of(folder) == before


def test_a_lost_secret_is_made_anew_and_the_others_stay(folder):
    """Only what is missing is made."""
    project.make_secrets(folder)
    before = project.secrets_of(folder)
    (folder / "deploy" / "secrets" / "metrics_token").unlink()
    project.make_secrets(folder)
    after = project.secrets_of(folder)
    changed = {name for name in NAMES if before[name] != after[name]}
    assert changed == {"metrics_token"}


def test_a_secret_of_ones_own_is_kept(folder):
    """With a file of users of one's own, no password from here is needed."""
    secrets = folder / "deploy" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "traefik_users").write_text("ada:of-her-own\n")
    project.make_secrets(folder)
    assert project.secrets_of(folder)["traefik_users"] == "ada:of-her-own"
    assert "admin_password" not in project.secrets_of(folder)


def test_an_empty_secret_stops_the_start(folder):
    """It is a broken one, and the sentence says what to do."""
    secrets = folder / "deploy" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "traefik_users").touch()
    result = project.make_secrets(folder)
    assert result.returncode != 0
    assert "traefik_users is empty" in result.stderr


def test_the_password_opens_what_the_users_file_closes(folder):
    """The file has the user and a hash of the password, not the password."""
    project.make_secrets(folder)
    secrets = project.secrets_of(folder)
    user, _, hashed = secrets["traefik_users"].partition(":")
    _, kind, salt, _ = hashed.split("$")
    again = project.run(
        ["openssl", "passwd", f"-{kind}", "-salt", salt, "-stdin"],
        input=secrets["admin_password"],
    )
    assert (user, again.stdout.strip()) == ("admin", hashed)


def test_secrets_are_not_told_only_where_they_are(folder):
    """Neither the first start nor `make credentials` prints a value."""
    first = project.make_secrets(folder)
    shown = project.run(["make", "-C", str(folder), "credentials"])
    assert "make credentials" in first.stdout
    assert "deploy/secrets/admin_password" in shown.stdout
    assert "deploy/secrets/operator_token" in shown.stdout
    said = first.stdout + first.stderr + shown.stdout + shown.stderr
    secrets = project.secrets_of(folder)
    assert not [name for name in NAMES if secrets[name] in said]


@pytest.mark.parametrize("name", ["deploy/secrets/secret_key", "backups/secrets.tar"])
def test_git_does_not_see_secrets(name):
    """Nor what was saved of them."""
    ignored = project.run(["git", "-C", str(project.ROOT), "check-ignore", name])
    if "not a git repository" in ignored.stderr:
        missing("this is not a git checkout")
    assert ignored.stdout.strip() == name


def _openssl(*words: str | Path) -> str:
    done = project.run(["openssl", *map(str, words)])
    assert done.returncode == 0, done.stderr
    return done.stdout
