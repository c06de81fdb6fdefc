"""The pages about the interface."""

import gzip
import re
from html import unescape
from pathlib import Path

import pytest

from wallet.prices.rates import PAIR
from wallet.web.kinds import KINDS
from wallet.web.service import service_of

pytestmark = pytest.mark.one_engine

CALLS = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


INTERFACE = {"v1", "lists", "holds", "timeline", "prices", "status", "metrics"}
INTERFACE |= {"documents", "imports", "operations"}


def routes_of(app):
    """Every method and route of the interface; people find the pages by themselves."""
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in INTERFACE
        for method in rule.methods - {"HEAD", "OPTIONS"}
    ]


def test_every_route_is_among_the_calls(app):
    """Each has a row; the files and pages of problems are found through others."""
    rows = re.findall(r"^\| `(GET|POST|PATCH|PUT) (/\S*)` \|", CALLS, re.M)
    told = {
        (
            verb,
            re.sub("{(\\w+)}", r"<\1>", path.replace("{id}", "{wallet_id}")).replace(
                PAIR, "<pair>"
            ),
        )
        for verb, path in rows
    }
    hidden = {("GET", "/docs/<name>"), ("GET", "/problems/<name>")}
    assert told == set(routes_of(app)) - hidden


@pytest.mark.parametrize("name", KINDS)
def test_every_type_of_a_problem_is_the_address_of_a_page(app, name):
    """Open to all, with the title and what to do."""
    answer = app.test_client().get(f"/problems/{name}")
    text = unescape(answer.text)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert f"<h1>{KINDS[name].title}</h1>" in text
    assert KINDS[name].detail in text
    assert "script" not in answer.text


@pytest.mark.parametrize("path", ["/problems/x", "/docs/x", "/docs/..%2fapi.py"])
def test_no_other_page_is_there(app, path):
    """Only what is listed is read."""
    answer = app.test_client().get(path)
    assert answer.json["type"] == "/problems/not-found"


def test_the_page_to_try_it_loads_from_this_service_alone(app):
    """Every address is one of its own, and scripts need a nonce of this answer."""
    client = app.test_client()
    answers = [client.get("/docs") for _ in "ab"]
    text, policy = answers[0].text, answers[0].headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)[1]
    assert len(re.findall(f'<script nonce="{nonce}"', text)) == text.count("<script")
    assert nonce not in answers[1].text
    assert "default-src 'none'" in policy
    assert "//" not in text
    assert 'href="/openapi.json"' in text
    for path in re.findall(r'(?:src|href)="([^"]+)"', text):
        with client.get(path) as asset:
            assert (asset.status_code, len(asset.data) > 100) == (200, True)


def test_no_other_answer_may_run_scripts(app):
    """The nonce is on this page only; elsewhere scripts are files of our own."""
    for path in ("/status", "/problems/malformed", "/openapi.json", "/nothing"):
        policy = app.test_client().get(path).headers.get("Content-Security-Policy", "")
        assert "nonce" not in policy
        assert "unsafe-inline" not in policy


FILES = {
    "/docs/swagger-ui-bundle.js": ("text/javascript", "max-age=86400"),
    "/docs/swagger-ui.css": ("text/css", "max-age=86400"),
    "/static/style.css": ("text/css", "no-cache"),
    "/static/jquery.min.js": ("text/javascript", "no-cache"),
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_packed_for_whoever_takes_that(app, path):
    """It is the same file; each form has a mark of its own, by which it is kept."""
    client, marks = app.test_client(), set()
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert gzip.decompress(packed.data) == plain.data
    assert "Content-Encoding" not in plain.headers
    for answer in (plain, packed):
        assert (answer.mimetype, answer.headers["Cache-Control"]) == FILES[path]
        assert (answer.status_code, answer.vary.as_set()) == (200, {"accept-encoding"})
        assert answer.content_length == len(answer.data)
        mark = answer.headers["ETag"]
        coding = answer.headers.get("Content-Encoding", "identity")
        headers = {"Accept-Encoding": coding, "If-None-Match": mark}
        again = client.get(path, headers=headers)
        assert (again.status_code, again.data) == (304, b"")
        marks.add(mark)
    assert len(marks) == 2
    assert client.head(path).content_length == len(plain.data)


def test_a_page_is_packed_and_its_files_are_kept(app, local):
    """The names of files change with what is in them; what is old stays reachable."""
    wallet = local.create()
    for _ in range(50):
        assert local.deposit(wallet, 1, note="Groceries").status_code == 201
    client, path = app.test_client(), f"/wallets/{wallet}"
    client.get(path, base_url="https://localhost")
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (packed.status_code, packed.content_encoding) == (200, "gzip")
    assert packed.content_length == len(packed.data) < 10_000
    assert packed.vary.as_set() >= {"accept-encoding"}
    page = gzip.decompress(packed.data).decode()
    assert page.endswith("</html>")
    plain = client.get(path)
    assert (plain.status_code, plain.content_encoding) == (200, None)
    assert len(plain.data) > 30_000
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert len(files) == 7
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "max-age=31536000, immutable"
        other = client.get(re.sub(r"[0-9a-f]{8}", "00000000", file))
        assert (other.status_code, other.data) == (200, answer.data)
        assert other.headers["Cache-Control"] == "no-cache"
    assert client.get("/static/nothing.css").status_code == 404


def test_a_large_file_has_a_number_of_places(app):
    """A client that does not read holds one; the others get it once that ends."""
    path = "/docs/swagger-ui-bundle.js"
    places = service_of(app).slow.files
    unread = [app.test_client().get(path) for _ in range(places.count)]
    refused = app.test_client().get(path)
    assert (refused.status_code, refused.headers["Connection"]) == (503, "close")
    assert app.test_client().get("/static/style.css").status_code == 200
    for answer in unread:
        answer.close()
    assert app.test_client().get(path).status_code == 200
