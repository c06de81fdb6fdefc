"""Secrets are made once, by the first start, with nothing but a shell and openssl."""

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
    assert sorted(made) == NAMES
    assert len(set(made.values())) == len(NAMES)
    assert min(map(len, made.values())) >= 32


def test_only_the_owner_can_open_the_folder(folder):
    """Its files can be read, because a container's user is not the owner."""
    project.make_secrets(folder)
    secrets = folder / "deploy" / "secrets"
    assert oct(secrets.stat().st_mode & 0o777) == "0o700"
    modes = {oct(path.stat().st_mode & 0o777) for path in secrets.iterdir()}
    assert modes == {"0o444"}


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
    """Whoever brings a file with users needs no password from here."""
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


def test_git_does_not_see_secrets():
    """The folder is ignored."""
    rules = (project.ROOT / "deploy" / ".gitignore").read_text().splitlines()
    assert "secrets/" in rules
