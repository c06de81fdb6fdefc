"""The visitor's rows in Flask's session, from the third stage on."""

import os
import shutil
import stat
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from page import look
from page import nothing_changes
from page import save
from stages import ROOT
from stages import load_server

FIRST_STAGE = 3

# What browsers store: name, value and attributes together.
COOKIE_BYTES_MAX = 4093


@pytest.fixture
def copied(folder, tmp_path):
    """A copy of the stage's folder that has never been started."""
    leave = shutil.ignore_patterns("instance", "__pycache__")
    return shutil.copytree(folder, tmp_path / folder.name, ignore=leave)


def cookie_of(response):
    [cookie] = SimpleCookie(response.headers["Set-Cookie"]).values()
    return cookie


def carry(response, client):
    """Put the cookie of an answer into another browser."""
    cookie = cookie_of(response)
    client.set_cookie(cookie.key, cookie.value)


def test_the_cookie_is_named_after_the_folder(client, folder):
    """So the stages on one host, at different ports, do not share it."""
    assert cookie_of(save(client, "7")).key == folder.name


def test_a_copy_of_the_folder_keeps_balances_whatever_its_name(
    folder, monkeypatch, tmp_path
):
    """A cookie's name may hold no space and no accent."""
    monkeypatch.setenv("SECRET_KEY", "a key for the tests alone")
    copy = shutil.copytree(folder, tmp_path / f"{folder.name} (copié)")
    client = load_server(copy).app.test_client()

    save(client, "7")

    assert look(client).balances[-1] == "R\u00a07.00"


def test_the_cookie_is_kept_for_a_year(client):
    """Closing the browser loses nothing."""
    expires = parsedate_to_datetime(cookie_of(save(client, "7"))["expires"])

    assert 364 < (expires.timestamp() - time.time()) / 86400 < 366


def test_the_cookie_is_hidden_from_scripts(client):
    """``HttpOnly``: nothing on the page has to read it."""
    assert cookie_of(save(client, "7"))["httponly"]


def test_the_cookie_is_not_sent_with_another_sites_form(client):
    """``SameSite=Lax``: it comes along when a link leads here."""
    assert cookie_of(save(client, "7"))["samesite"] == "Lax"


def test_a_view_does_not_send_the_cookie_again(client):
    """A view that did could undo what a form stored in the meantime."""
    save(client, "7")

    response = client.get("/")

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


def test_two_visitors_never_see_each_others_rows(client, other):
    """Nothing of a visitor is kept in the server."""
    history = look(other).balances

    save(client, "7")
    save(other, "8")

    assert look(client).balances == [*history, "R\u00a07.00"]
    assert look(other).balances == [*history, "R\u00a08.00"]


def test_two_stages_on_one_host_keep_their_rows(client, stage):
    """A browser sends the cookies of one host to every port of it."""
    neighbour = load_server(ROOT / f"stage-{3 if stage != 3 else 4}").app.test_client()
    carry(save(client, "7"), neighbour)

    carry(save(neighbour, "8"), client)

    assert look(client).balances[-1] == "R\u00a07.00"
    assert look(neighbour).balances[-1] == "R\u00a08.00"


def test_a_cookie_of_another_key_is_no_cookie(client, folder, monkeypatch):
    """Rows that this server did not sign are not shown, and do no harm."""
    monkeypatch.setenv("SECRET_KEY", "another")
    forger = load_server(folder).app.test_client()

    with nothing_changes(client):
        carry(save(forger, "666"), client)


@pytest.mark.parametrize("configured", [None, ""])
def test_a_restart_loses_nothing_without_configuration(copied, monkeypatch, configured):
    """The key is kept; an empty setting counts as none."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    if configured is not None:
        monkeypatch.setenv("SECRET_KEY", configured)
    saved = save(load_server(copied).app.test_client(), "7")
    restarted = load_server(copied).app.test_client()

    carry(saved, restarted)

    assert look(restarted).balances[-1] == "R\u00a07.00"


def test_the_key_is_one_long_file_for_its_owner_alone(copied, monkeypatch):
    """Nothing else is left beside it."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    load_server(copied)

    [kept] = (copied / "instance").iterdir()
    assert kept.name == "secret_key"
    assert len(kept.read_text()) >= 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_key_is_whole_from_the_moment_it_has_its_name(copied, monkeypatch):
    """A second start that looks at that moment must not read half of it."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    link, named = os.link, []

    def look_and_link(new, kept):
        named.append(Path(new).read_text())
        link(new, kept)

    monkeypatch.setattr(os, "link", look_and_link)

    key = load_server(copied).app.secret_key

    assert named == [key]


def test_a_configured_key_is_used_alone(copied, monkeypatch):
    """With ``SECRET_KEY`` set, nothing is written to the disk."""
    monkeypatch.setenv("SECRET_KEY", "configured")

    assert load_server(copied).app.secret_key == "configured"
    assert not (copied / "instance").exists()


@pytest.mark.once
def test_starts_at_the_same_moment_agree_on_one_key(copied):
    """Four processes race for the first start; all sign with the same key."""
    environment = {k: v for k, v in os.environ.items() if k != "SECRET_KEY"}
    command = [sys.executable, "-c", "import server; print(server.app.secret_key)"]
    starts = [
        subprocess.Popen(
            command, cwd=copied, env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    keys = {start.communicate()[0].strip() for start in starts}

    assert [start.returncode for start in starts] == [0] * 4
    assert keys == {(copied / "instance" / "secret_key").read_text()}


def test_the_widest_rows_fit_into_the_cookie(full, server):
    """A browser silently drops a cookie that is too large, and every row with it."""
    cookie = full.get_cookie(server.app.config["SESSION_COOKIE_NAME"])
    attributes = (
        "; Expires=Thu, 25 Nov 2027 00:00:00 GMT; HttpOnly; Path=/; SameSite=Lax"
    )

    assert len(look(full).rows) == 210
    assert len(f"{cookie.key}={cookie.value}{attributes}") <= COOKIE_BYTES_MAX
