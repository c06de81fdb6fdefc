"""The visitor's rows in Flask's session, from the third stage on."""

import os
import shutil
import stat
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from random import Random

import pytest
from page import Page
from stages import ROOT
from stages import load_server

FIRST_STAGE = 3

BROWSER_LIMIT = 4093


def balances(client):
    response = client.get("/")
    assert response.status_code == 200
    return [row[1] for row in Page(response).rows]


@pytest.fixture
def copied(folder, tmp_path):
    """Return a copy of the stage's folder that has never been started."""
    leave = shutil.ignore_patterns("instance", "__pycache__")
    return shutil.copytree(folder, tmp_path / folder.name, ignore=leave)


def test_the_cookie_is_named_after_the_folder_and_kept_for_a_year(client, folder):
    """``HttpOnly`` and ``SameSite=Lax``; the name keeps stages on one host apart."""
    response = client.post("/", data={"balance": "7"})

    assert response.status_code == 303
    [(name, cookie)] = SimpleCookie(response.headers["Set-Cookie"]).items()
    lasts = parsedate_to_datetime(cookie["expires"]).timestamp() - time.time()
    assert name == folder.name
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert 364 < lasts / 86400 < 366


def test_a_view_does_not_send_the_cookie_again(client):
    """A view that sent it could undo what a form stored in the meantime."""
    client.post("/", data={"balance": "7"})

    response = client.get("/")

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


def test_two_visitors_never_see_each_others_rows(client, server):
    """Nothing of a visitor is kept in the server."""
    other = server.app.test_client()
    history = balances(other)

    client.post("/", data={"balance": "7"})
    other.post("/", data={"balance": "8"})

    assert balances(client) == [*history, "R\u00a07.00"]
    assert balances(other) == [*history, "R\u00a08.00"]


def test_two_stages_on_one_host_keep_their_rows(client, stage, monkeypatch):
    """A browser sends the cookies of one host to every port of it."""
    other_stage = 3 if stage != 3 else 4
    other = load_server(ROOT / f"stage-{other_stage}").app.test_client()
    first = client.post("/", data={"balance": "7"})
    other.set_cookie(*cookie_of(first))
    second = other.post("/", data={"balance": "8"})
    client.set_cookie(*cookie_of(second))

    assert (first.status_code, second.status_code) == (303, 303)
    assert balances(client)[-1] == "R\u00a07.00"
    assert balances(other)[-1] == "R\u00a08.00"


def cookie_of(response):
    [(name, cookie)] = SimpleCookie(response.headers["Set-Cookie"]).items()
    return name, cookie.value


def test_a_cookie_of_another_key_is_no_cookie(client, folder, monkeypatch):
    """Rows that this server did not sign are not shown, and do no harm."""
    history = balances(client)
    monkeypatch.setenv("SECRET_KEY", "another")
    forger = load_server(folder).app.test_client()
    client.set_cookie(*cookie_of(forger.post("/", data={"balance": "666"})))

    assert balances(client) == history


@pytest.mark.parametrize("value", [None, ""])
def test_a_restart_loses_nothing_without_configuration(copied, monkeypatch, value):
    """The key is made once, for its owner alone; empty counts as not set."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("SECRET_KEY", value)
    before = load_server(copied).app.test_client()
    saved = before.post("/", data={"balance": "7"})
    after = load_server(copied).app.test_client()
    after.set_cookie(*cookie_of(saved))

    kept = copied / "instance" / "secret_key"
    assert balances(after)[-1] == "R\u00a07.00"
    assert len(kept.read_text()) >= 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(kept.parent.iterdir()) == [kept]


def test_a_configured_key_is_used_alone(copied, monkeypatch):
    """With ``SECRET_KEY`` set, nothing is written to the disk."""
    monkeypatch.setenv("SECRET_KEY", "configured")

    assert load_server(copied).app.secret_key == "configured"
    assert not (copied / "instance").exists()


def test_starts_at_the_same_moment_agree_on_one_key(copied):
    """Eight processes race for the first start; all sign with the same key."""
    environment = {k: v for k, v in os.environ.items() if k != "SECRET_KEY"}
    command = [sys.executable, "-c", "import server; print(server.app.secret_key)"]
    starts = [
        subprocess.Popen(command, cwd=copied, env=environment, stdout=subprocess.PIPE)
        for _ in range(8)
    ]
    keys = {start.communicate()[0] for start in starts}

    assert [start.returncode for start in starts] == [0] * 8
    assert keys == {(copied / "instance" / "secret_key").read_bytes() + b"\n"}


def test_the_entry_that_would_not_fit_is_refused_and_no_row_is_lost(client):
    """A browser drops a cookie above its limit silently; so none is ever sent."""
    random = Random(5)
    typed = []
    while True:
        text = f"{random.randint(0, 999_999_999) / 100:.2f}"
        response = client.post("/", data={"balance": text})
        if response.status_code != 303:
            break
        assert len(response.headers["Set-Cookie"]) <= BROWSER_LIMIT
        typed.append(f"R {float(text):,.2f}".replace(",", " ").replace(" ", "\u00a0"))

    assert response.status_code == 409
    assert "Start over" in Page(response).text("error")
    assert Page(response).by_id("balance")["value"] == text
    assert "Set-Cookie" not in response.headers
    assert len(typed) >= 300
    assert balances(client)[10:] == typed

    assert client.post("/start-over").status_code == 303
    assert client.post("/", data={"balance": text}).status_code == 303
