"""The way in, as clients outside find it: Traefik before every host."""

import json
import re
import shutil
import subprocess
import uuid
from urllib.parse import urlencode

import pytest

from ..actions import until
from ..clients import Client
from .conftest import missing
from .outside import Outside, basic, lines_of_json

#: A page of each host that wants a password, and words of it.
PAGES = {
    "traefik": ("/dashboard/", b"Traefik"),
    "prometheus": ("/query", b"Prometheus"),
    "whoami": ("/", b"GET / HTTP/1.1"),
}
SERVICES = ["db", "prometheus", "socket-proxy", "traefik", "wallet", "whoami"]


@pytest.mark.parametrize("host", PAGES)
def test_a_host_wants_the_password(stack, host):
    """Without it, or with another, nobody sees the page."""
    path, words = PAGES[host]
    for credentials in (None, basic("x" * 32)):
        with Outside(host, stack.https, stack.certificate, credentials) as client:
            assert client.get(path).status == 401
    seen = stack.visit(host, path)
    assert seen.status == 200
    assert words in seen.data


@pytest.mark.parametrize(
    ("host", "leads_to"), [("traefik", "/dashboard/"), ("prometheus", "/query")]
)
def test_the_bare_address_of_a_host_leads_to_its_page(stack, host, leads_to):
    """Without a path one arrives, too."""
    answer = stack.visit(host, "/")
    assert answer.status // 100 == 3
    assert answer.headers["Location"].endswith(leads_to)


@pytest.mark.parametrize("host", ["traefik", "prometheus", "whoami", "wallet"])
def test_plain_http_leads_to_https_at_the_published_port(stack, host):
    """With the path, and whatever the port is."""
    with Client("127.0.0.1", stack.http) as client:
        headers = {"Host": f"{host}.localhost:{stack.http}"}
        answer = client.send("GET", "/a?b=c", None, headers)
    assert answer.status in (301, 308)
    at = f"https://{host}.localhost:{stack.https}/a?b=c"
    assert answer.headers["Location"] == at


@pytest.mark.parametrize("host", ["traefik", "prometheus", "whoami", "wallet"])
def test_curl_trusts_the_certificate_of_the_deployment(stack, host):
    """It names every host, so nothing has to be left unchecked."""
    if shutil.which("curl") is None:
        missing("curl is not installed")
    words = ["curl", "--silent", "--show-error", "--output", "/dev/null"]
    words += ["--write-out", "%{http_code}", "--cacert", str(stack.certificate)]
    words += ["--user", f"admin:{stack.secrets['admin_password']}"]
    path, _ = PAGES.get(host, ("/status", b""))
    url = f"https://{host}.localhost:{stack.https}{path}"
    done = subprocess.run([*words, url], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200", "")


def test_the_certificate_outlives_a_restart(stack):
    """Trusted once, it is not asked about again."""
    stack.compose("restart", "traefik")
    stack.up()
    assert stack.visit("wallet", "/status").status == 200


def test_money_moves_through_traefik_once(stack):
    """A request that is sent again with its key is answered with the same bytes."""
    with stack.outside() as client:
        wallet = client.post("/v1/wallets").json["id"]
        answered = client.deposit(wallet, "12.50", "through")
        repeated = client.deposit(wallet, "12.50", "through")
        read = client.get(f"/v1/wallets/{wallet}")
    assert (answered.status, read.json["balance"]) == (201, "12.50")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.data == answered.data


def test_the_pages_can_be_signed_in_to(stack):
    """Cookies and the check of where a form comes from hold behind the proxy."""
    with Outside("wallet", stack.https, stack.certificate) as client:
        page = client.get("/sign-in")
        cookie = page.headers["Set-Cookie"].split(";")[0]
        (token,) = set(re.findall(r'name="form" value="([^"]+)"', page.data.decode()))
        words = {"form": token, "key": stack.secrets["operator_token"]}
        form = urlencode(words).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie,
            "Origin": f"https://wallet.localhost:{stack.https}",
        }
        signed_in = client.send("POST", "/sign-in", form, headers)
        elsewhere = headers | {"Origin": "https://whoami.localhost"}
        assert client.send("POST", "/sign-in", form, elsewhere).status == 403
    assert signed_in.status in (302, 303)
    assert signed_in.headers["Set-Cookie"].startswith("__Host-wallet=")


def test_metrics_stay_inside(stack):
    """Even with their token."""
    bearer = f"Bearer {stack.secrets['metrics_token']}"
    with Outside("wallet", stack.https, stack.certificate, bearer) as client:
        assert client.get("/metrics").status == 404


def test_a_host_that_nobody_serves_is_not_found(stack):
    """There is no answer but for the four hosts."""
    with stack.outside() as client:
        headers = {"Host": f"other.localhost:{stack.https}"}
        assert client.send("GET", "/status", None, headers).status == 404


def test_names_that_another_header_could_be_taken_for_are_dropped(stack):
    """To WSGI they are the same as the one with hyphens."""
    sent = {"X_Forwarded_User": "1", "X.Forwarded.User": "2", "X-Kept": "3"}
    with stack.outside("whoami") as client:
        seen = client.send("GET", "/", None, sent).data.decode().lower()
    assert "x-kept: 3" in seen
    assert "forwarded_user" not in seen
    assert "forwarded.user" not in seen


def test_a_page_behind_the_password_does_not_see_it(stack):
    """Traefik keeps it; and it says who asked, whatever the client claims."""
    with stack.outside("whoami") as client:
        answer = client.send("GET", "/", None, {"X-Forwarded-For": "203.0.113.7"})
    seen = answer.data.decode().lower()
    assert "x-forwarded-for: " in seen
    assert "203.0.113.7" not in seen
    assert "authorization" not in seen


@pytest.mark.parametrize("host", ["wallet", "whoami"])
def test_every_answer_has_the_headers_of_caution(stack, host):
    """No matter which service answers."""
    headers = stack.visit(host, "/status").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "max-age=31536000" in headers["Strict-Transport-Security"]


def test_calls_are_counted_on_both_sides(stack):
    """By Traefik and by the wallet itself, and both can be read in Prometheus."""
    wallet = stack.create()
    seen = {
        "traefik": 'traefik_service_requests_total{service="wallet@docker",code="201"}',
        "wallet": "wallet_http_request_duration_seconds_count"
        '{route=~".*/deposits",status="201"}',
    }

    def counted() -> dict[str, float]:
        return {
            side: sum(stack.query(f"sum({series})").values())
            for side, series in seen.items()
        }

    stack.scraped()
    before = counted()
    with stack.outside() as client:
        for _ in range(20):
            assert client.deposit(wallet, "1.00").status == 201
    until(
        lambda: all(after == before[side] + 20 for side, after in counted().items()),
        each_s=0.5,
    )


def test_the_log_tells_who_called_and_no_secret(stack):
    """One line of JSON for each request, and the wallet's own line has the same id."""
    token, mark = stack.secrets["operator_token"], uuid.uuid4().hex
    with stack.outside() as client:
        answer = client.get(f"/v1/nothing-{mark}?key={token}")
    assert answer.status == 404
    line = json.loads(stack.logged("traefik", mark))
    assert line["RequestPath"] == f"/v1/nothing-{mark}"
    assert line["DownstreamStatus"] == 404
    assert line["RouterName"] == "wallet@docker"
    assert line["downstream_X-Request-Id"] == answer.headers["X-Request-Id"]
    own = stack.logged("wallet", mark)
    assert f"{answer.headers['X-Request-Id']} {line['ClientHost']} " in own
    assert not [name for name in line if "authorization" in name.lower()]
    assert lines_of_json(stack.logs("traefik"))


def test_a_statement_may_take_longer_than_other_answers(stack):
    """It is measured before it is sent, so it has a router without that limit."""
    wallet = stack.create()
    mark = f"/wallets/{wallet}/statement.csv"
    stack.visit("wallet", mark)
    line = json.loads(stack.logged("traefik", mark))
    assert line["RouterName"] == "statements@docker"
    services = {
        name: stack.visit("traefik", f"/api/http/services/{name}@docker").json
        for name in ("wallet", "statements")
    }
    assert services["wallet"]["loadBalancer"]["serversTransport"] == "wallet@file"
    assert "serversTransport" not in services["statements"]["loadBalancer"]


def test_each_container_is_healthy_and_confined(stack):
    """No more rights than the files give it, and an end to what it may take."""
    for service in SERVICES:
        (container,) = stack.containers(service)
        state, host = container["State"], container["HostConfig"]
        assert state["Status"] == "running"
        # Traefik asks whoami, in whose image nothing could.
        health = state.get("Health", {}).get("Status")
        assert health == (None if service == "whoami" else "healthy"), service
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert 0 < host["Memory"] <= 1024**3
        assert 0 < host["PidsLimit"] <= 2048
        root = container["Config"]["User"] in ("", "0", "0:0", "root")
        assert root == (service == "socket-proxy"), service
        assert bool(host["PortBindings"]) == (service == "traefik"), service
