"""Shared mode: who sees what, what the session holds, and what every page carries."""

import re
import time

import pytest
from flask.sessions import SecureCookieSessionInterface
from werkzeug.http import parse_cookie
from werkzeug.test import encode_multipart

from wallet import create_app
from wallet.clock import now_us
from wallet.pages import access
from wallet.pages.access import masked
from wallet.storage.errors import NotWritten
from wallet.storage.sessions import end_session, has_ended
from wallet.web import service
from wallet.web.service import service_of

from ..browsing import Visitor, error_of, text_of
from .conftest import OPERATOR, SECRET

pytestmark = pytest.mark.one_engine


@pytest.fixture
def made(operator):
    """A wallet with ten rand, as it was answered when it was made."""
    made = operator.post("/v1/wallets", {"name": "Ada"}).json
    operator.deposit(made["id"], 10)
    return made


@pytest.fixture
def other(operator):
    """Somebody else's wallet."""
    wallet = operator.create(name="Other people's money")
    operator.deposit(wallet, 77)
    return wallet


@pytest.fixture
def visitor(shared_app):
    """Someone with a browser, not signed in."""
    return Visitor(shared_app.test_client())


@pytest.fixture
def owner(visitor, made):
    """The holder of the wallet's key, signed in."""
    assert visitor.sign_in(made["key"]).status_code == 303
    return visitor


@pytest.fixture
def manager(shared_app):
    """The operator, signed in."""
    manager = Visitor(shared_app.test_client())
    assert manager.sign_in(OPERATOR).status_code == 303
    return manager


def session_of(visitor):
    """Read the session as anyone with the cookie and the secret can."""
    with visitor.client.session_transaction(base_url=visitor.address) as session:
        return dict(session)


COOKIE = "__Host-wallet"


def cookie_of(visitor, name=COOKIE):
    return visitor.client.get_cookie(name, domain="localhost")


PAGES = (
    *("/wallets/{}", "/wallets/{}/statement.csv", "/transfer", "/pay", "/review/x"),
    *("/wallets/{}/settings", "/wallets/{}/holds", "/wallets/{}/key/renew"),
    *("/wallets/{}/entries/1", "/wallets/{}/entries/1/undo", "/add"),
)
FORMS = (
    *("/wallets", "/wallets/{}/balance", "/transfer", "/pay", "/review/x"),
    *("/wallets/{}/key", "/wallets/{}/key/renew", "/wallets/{}/settings"),
    *("/wallets/{}/archive", "/wallets/{}/holds", "/wallets/{}/holds/x/capture"),
    *("/wallets/{}/holds/x/release", "/add"),
)


def test_whoever_is_not_signed_in_is_asked_to(visitor, made):
    """Every page and every form, before anything else is judged."""
    assert visitor.get("/").location == "/sign-in"
    answers = [visitor.get(path.format(made["id"])) for path in PAGES]
    answers += [visitor.send(path.format(made["id"]), {}) for path in FORMS]
    assert {answer.status_code for answer in answers} == {401}
    for answer in answers:
        assert answer.mimetype == "text/html"
        assert 'name="key"' in answer.text
        assert "Ada" not in answer.text


def test_an_owner_sees_and_is_offered_what_the_key_may_do(owner, made, other):
    """Reading, transferring and paying; nothing else, and no one else's."""
    index = owner.get("/")
    assert (index.status_code, index.location) == (303, f"/wallets/{made['id']}")
    page = owner.read(index.location)
    assert "Ada" in page
    assert "R 10.00" in text_of(page)
    for shown in (page, owner.read("/transfer"), owner.read("/pay")):
        assert "Other people" not in shown
        assert other not in shown
    assert "Set balance" not in page
    assert "statement.csv" in page
    assert owner.get(f"/wallets/{made['id']}/statement.csv").status_code == 200


def test_an_owner_transfers_and_pays(owner, operator, made, other):
    """What the recipient is called stays unknown to the owner."""
    for way, fields in (
        ("/transfer", {"to_id": other, "amount": "1"}),
        ("/pay", {"amount": "2", "payee": "Thandi"}),
    ):
        review = owner.fill(way, way, **fields).location
        assert "Other people" not in owner.read(review)
        assert owner.send(review, owner.hidden(review, review)).status_code == 303
    assert operator.balance(made["id"]) == ("7.00", 3)
    assert operator.balance(other) == ("78.00", 2)
    page = owner.read(f"/wallets/{made['id']}")
    assert other in page
    assert f"/wallets/{other}" not in page
    assert "Other people" not in page


def test_an_owner_pays_out_of_a_hold_to_a_wallet_by_its_id(
    owner, operator, made, other
):
    """No other wallet is offered, and what it is called stays unknown."""
    page = f"/wallets/{made['id']}/holds"
    assert owner.fill(page, page, amount="5", days="1").status_code == 303
    shown = owner.read(page)
    (capture,) = re.findall(r'action="([^"]*/capture)"', shown)
    assert ("<select" in shown, "Id of the receiving wallet" in shown) == (False, True)
    paid = owner.fill(page, capture, amount="3", to_id=other)
    assert paid.status_code == 303
    assert operator.balance(made["id"]) == ("7.00", 2)
    assert operator.balance(other) == ("80.00", 2)
    assert "Other people" not in owner.read(page)


def test_an_owner_may_do_nothing_else(owner, operator, made, other):
    """Neither more with the own wallet, nor anything with another."""
    owner.read(f"/wallets/{made['id']}")
    token = {"form": masked(session_of(owner)["form"])}
    move = token | {"from": other, "amount": "1", "payee": "x", "to_id": made["id"]}
    answers = [
        owner.send("/wallets", token | {"name": "x", "currency": "ZAR", "key": "k"}),
        *(
            owner.send(
                f"/wallets/{each}/balance",
                token | {"balance": "0", "version": "1", "key": "k"},
            )
            for each in (made["id"], other, "w_1")
        ),
        owner.send(f"/wallets/{made['id']}/key", token),
        owner.send(f"/wallets/{made['id']}/key/renew", token),
        owner.send(f"/wallets/{other}/key", token),
        owner.get(f"/wallets/{other}"),
        owner.get(f"/wallets/{other}/statement.csv"),
        owner.get("/wallets/w_1"),
    ]
    assert {answer.status_code for answer in answers} == {403}
    # The sender of an owner is the own wallet, whatever the form says.
    review = owner.send("/pay", move).location
    assert "From Ada" in text_of(owner.read(review))
    assert operator.balance(made["id"]) == ("10.00", 1)
    assert operator.balance(other) == ("77.00", 1)
    assert len(operator.get("/v1/wallets").json["wallets"]) == 2


def test_a_review_is_its_makers_alone(
    owner, manager, operator, made, other, shared_app
):
    """The operator's is not an owner's, nor one owner's another's."""
    bob = Visitor(shared_app.test_client())
    bob.sign_in(operator.post(f"/v1/wallets/{other}/keys").json["key"])
    fields = {"from": made["id"], "amount": "1", "payee": "x"}
    theirs = owner.fill("/pay", "/pay", **fields).location
    ours = manager.fill("/pay", "/pay", **fields).location
    elsewhere = manager.fill("/pay", "/pay", **fields | {"from": other}).location
    bobs = bob.fill("/pay", "/pay", amount="1", payee="x").location
    for visitor, review in (
        *((owner, ours), (owner, elsewhere), (owner, bobs)),
        *((manager, theirs), (bob, theirs)),
    ):
        form = {"form": masked(session_of(visitor)["form"]), "version": "1"}
        assert visitor.get(review).status_code == 403
        assert visitor.send(review, form).status_code == 403
    assert operator.balance(made["id"]) == ("10.00", 1)
    assert operator.balance(other) == ("77.00", 1)


def test_the_operator_sees_and_does_everything(manager, operator, made, other):
    """All wallets, new ones, and adding funds."""
    index = manager.read("/")
    assert "Ada" in index
    assert "Other people&#39;s money" in index
    assert manager.set_balance(made["id"], "50").status_code == 303
    assert operator.balance(made["id"]) == ("50.00", 2)
    assert operator.balance(manager.make_wallet()) == ("0.00", 0)


def test_the_operator_hands_out_a_key_and_renews_it(manager, made, shared_app):
    """The page shows the one that counts; older ones do not count any more."""
    page = f"/wallets/{made['id']}"
    first = manager.fill(f"{page}/settings", f"{page}/key")
    assert first.status_code == 200
    assert made["key"] in first.text
    renewed = manager.fill(f"{page}/key/renew", f"{page}/key/renew")
    assert renewed.status_code == 200
    assert "A new key was made. Older keys no longer work." in renewed.text
    shown = manager.fill(f"{page}/settings", f"{page}/key").text
    assert made["key"] not in shown
    assert shown.count("<code>") == 1
    key = re.search(r"<code>([^<]+)</code>", shown)[1]
    assert Visitor(shared_app.test_client()).sign_in(key).status_code == 303
    assert Visitor(shared_app.test_client()).sign_in(made["key"]).status_code == 401


@pytest.mark.parametrize("key", ["", "x", OPERATOR[:-1], "é", "genuine-but-cut"])
def test_a_wrong_key_opens_nothing(visitor, made, key):
    """It is not shown again either."""
    key = made["key"][:-1] if key == "genuine-but-cut" else key
    answer = visitor.sign_in(key)
    assert answer.status_code == 401
    assert "is not valid" in error_of(answer)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not key or f'value="{key}"' not in answer.text
    assert visitor.get("/").location == "/sign-in"


def test_the_session_holds_neither_key_nor_token(owner, manager, made):
    """A wallet's id and key version, or that it is the operator; and an end."""
    theirs, ours = session_of(owner), session_of(manager)
    assert theirs["wallet"] == [made["id"], 1]
    assert set(theirs) - {"form"} == {"_permanent", "until", "id", "wallet"}
    assert set(ours) - {"form"} == {"_permanent", "until", "id", "operator"}
    for secret in (made["key"], OPERATOR, SECRET):
        assert secret not in str(theirs) + str(ours)
    assert abs(theirs["until"] - time.time() - 12 * 60 * 60) < 60


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(
    owner, visitor, made
):
    """Its name binds it to this host and to TLS, and it ends by itself."""
    owner.get("/")
    cookie = cookie_of(owner)
    assert cookie.http_only
    assert cookie.secure
    assert cookie.same_site == "Lax"
    assert (cookie.path, cookie.domain, cookie.origin_only) == ("/", "localhost", True)
    assert cookie.max_age is None or cookie.max_age <= 12 * 60 * 60
    assert cookie.expires is not None


def test_signing_in_and_out_begins_anew(visitor, made, operator):
    """Nothing of the session before is left, its form token included."""
    visitor.get("/sign-in")
    before = session_of(visitor)["form"]
    visitor.sign_in(OPERATOR)
    visitor.get("/")
    during = session_of(visitor)["form"]
    visitor.fill("/sign-in", "/sign-in", key=made["key"])
    assert "operator" not in session_of(visitor)
    page = f"/wallets/{made['id']}"
    visitor.read(page)
    answer = visitor.fill(page, "/sign-out")
    assert (answer.status_code, answer.location) == (303, "/")
    assert session_of(visitor) == {}
    assert visitor.get(f"/wallets/{made['id']}").status_code == 401
    visitor.get("/sign-in")
    assert len({before, during, session_of(visitor)["form"]}) == 3


def copy_of(visitor, app):
    """Someone with a copy of a visitor's cookie."""
    copy = Visitor(app.test_client())
    copy.client.set_cookie(COOKIE, cookie_of(visitor).value, domain="localhost")
    return copy


def test_a_copy_of_a_cookie_is_worthless_after_signing_out_or_in_anew(
    owner, shared_app, made
):
    """Pages, forms and signing out again; other sessions of the same key go on."""
    page = f"/wallets/{made['id']}"
    for leave in (
        lambda: owner.fill(page, "/sign-out"),
        lambda: owner.sign_in(made["key"]),
    ):
        other = Visitor(shared_app.test_client())
        other.sign_in(made["key"])
        owner.sign_in(made["key"])
        owner.get(page)
        copy = copy_of(owner, shared_app)
        form = copy.hidden(page, "/sign-out")
        assert copy.get(page).status_code == 200
        assert leave().status_code == 303
        assert copy.get(page).status_code == 401
        assert copy.get("/").location == "/sign-in"
        assert copy.send("/pay", form).status_code == 401
        assert copy.send("/sign-out", form).status_code == 303
        assert other.get(page).status_code == 200
    assert owner.get(page).status_code == 200


def test_what_is_over_in_any_case_is_forgotten(shared_app):
    """A day later, because clocks of servers may differ; ending twice is no fault."""
    store = service_of(shared_app).store
    day_us, until_us = 24 * 60 * 60 * 1_000_000, now_us()
    for now, forgotten in ((0, False), (day_us, False), (day_us + 1, True)):
        end_session(store, "first", until_us, until_us)
        end_session(store, f"at {now}", until_us + 9 * day_us, until_us + now)
        assert has_ended(store, "first") != forgotten
        assert has_ended(store, f"at {now}")


def test_whoever_cannot_be_signed_out_is_told(owner, shared_app, made, monkeypatch):
    """The session goes on; while nobody can look it up, no page is shown."""
    form = owner.hidden(f"/wallets/{made['id']}", "/sign-out")

    def fail(*_arguments):
        raise NotWritten

    with monkeypatch.context() as broken:
        broken.setattr(access, "end_session", fail)
        assert owner.send("/sign-out", form).status_code == 503
    page = f"/wallets/{made['id']}"
    assert owner.get(page).status_code == 200
    with monkeypatch.context() as broken:
        broken.setattr(access, "has_ended", fail)
        answer = owner.get(page)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "Ada" not in answer.text


def test_a_session_without_an_id_has_ended(owner, made):
    """Those of before sessions could be ended."""
    with owner.client.session_transaction(base_url=owner.address) as session:
        del session["id"]
    assert owner.get(f"/wallets/{made['id']}").status_code == 401


def test_raising_the_key_version_ends_the_session(owner, operator, made):
    """Every page and form from then on."""
    review = owner.fill("/pay", "/pay", amount="1", payee="x").location
    form = owner.hidden(review, review)
    operator.post(f"/v1/wallets/{made['id']}/keys")
    for path in (f"/wallets/{made['id']}", "/pay", review):
        assert owner.get(path).status_code == 401
    for way in (review, "/pay"):
        assert owner.send(way, form).status_code == 401
    assert operator.balance(made["id"]) == ("10.00", 1)


def test_the_session_ends_after_twelve_hours(owner, manager, made):
    """Even if its cookie was written anew meanwhile."""
    for visitor in (owner, manager):
        with visitor.client.session_transaction(base_url=visitor.address) as session:
            session["until"] = int(time.time()) - 1
        assert visitor.get(f"/wallets/{made['id']}").status_code == 401


def test_a_cookie_from_twelve_hours_ago_is_not_read(owner, monkeypatch, made):
    """Its signature carries the time."""
    later = time.time() + access.LIFETIME_S + 2
    monkeypatch.setattr(access.time, "time", lambda: later)
    assert owner.get(f"/wallets/{made['id']}").status_code == 401


def test_another_operator_token_ends_the_operators_session(
    manager, made, database_url, tmp_path
):
    """The cookie alone is not enough."""
    settings = {"DATABASE_URL": database_url, "HOME": str(tmp_path)}
    app = create_app(
        settings | {"SECRET_KEY": SECRET, "OPERATOR_TOKEN": "another-operator-token"}
    )
    later = Visitor(app.test_client())
    later.client.set_cookie(COOKIE, cookie_of(manager).value, domain="localhost")
    try:
        assert later.get(f"/wallets/{made['id']}").status_code == 401
    finally:
        service_of(app).close()


def test_a_retired_secret_still_reads_the_session(owner, made, database_url, tmp_path):
    """As it still reads the keys of wallets."""
    settings = {"DATABASE_URL": database_url, "HOME": str(tmp_path)}
    secrets = {"SECRET_KEY": "n" * 32, "SECRET_KEY_FALLBACKS": f"{'o' * 32},{SECRET}"}
    app = create_app(settings | secrets | {"OPERATOR_TOKEN": OPERATOR})
    later = Visitor(app.test_client())
    later.client.set_cookie(COOKIE, cookie_of(owner).value, domain="localhost")
    try:
        assert later.get(f"/wallets/{made['id']}").status_code == 200
    finally:
        service_of(app).close()


def test_a_forged_session_opens_nothing(visitor, made):
    """Signed with another secret, by the framework's own means."""
    forger = create_forger()
    value = forger.dumps({"wallet": [made["id"], 1], "until": 2**40, "id": "x"})
    visitor.client.set_cookie(COOKIE, value, domain="localhost")
    assert visitor.get(f"/wallets/{made['id']}").status_code == 401


def create_forger():
    class App:
        secret_key = "x" * 32
        config = {"SECRET_KEY_FALLBACKS": None}  # noqa: RUF012  read once

    return SecureCookieSessionInterface().get_signing_serializer(App)


@pytest.mark.parametrize("token", [None, "", "x", "é", "of another"])
def test_a_form_without_its_token_does_nothing(
    manager, shared_app, operator, made, token
):
    """Each of them, with the token missing, wrong, or of another session."""
    if token == "of another":
        stranger = Visitor(shared_app.test_client())
        stranger.get("/sign-in")
        token = masked(session_of(stranger)["form"])
    fields = {"form": token} if token is not None else {}
    fields |= {"balance": "5", "version": "1", "key": "k", "name": "x"}
    fields |= {"from": made["id"], "amount": "1", "payee": "x", "currency": "ZAR"}
    for path in (*FORMS, "/sign-out", "/sign-in"):
        answer = manager.send(path.format(made["id"]), fields)
        assert answer.status_code == 403
        assert "out of date" in answer.text
    assert operator.balance(made["id"]) == ("10.00", 1)
    assert len(operator.get("/v1/wallets").json["wallets"]) == 1
    assert "operator" in session_of(manager)


def test_the_token_of_forms_looks_anew_in_each_page(manager, operator, made):
    """So that the length of a packed page tells nothing of it; all of them count."""
    path = f"/wallets/{made['id']}"
    forms = [manager.hidden(path, f"{path}/balance") for _ in range(3)]
    assert len({form["form"] for form in forms}) == 3
    secret = session_of(manager)["form"]
    assert all(secret not in form["form"] for form in forms)
    for number, form in enumerate(forms):
        form |= {"balance": f"{20 + number}", "version": f"{1 + number}"}
        assert manager.send(f"{path}/balance", form).status_code == 303
    assert operator.balance(made["id"]) == ("22.00", 4)


def test_a_page_of_another_site_cannot_send_a_form(manager, operator, made):
    """Even with the token of the session."""
    page = f"/wallets/{made['id']}"
    form = manager.hidden(page, f"{page}/balance") | {"balance": "5"}
    for headers in ({"Origin": "https://x.test"}, {"Sec-Fetch-Site": "same-site"}):
        answer = manager.client.post(
            f"{page}/balance", data=form, base_url=manager.address, headers=headers
        )
        assert answer.status_code == 403
    assert operator.balance(made["id"]) == ("10.00", 1)


def test_every_page_carries_its_headers(owner, made):
    """Pages, files, refusals; a page has no script or style within it."""
    paths = ["/", "/pay", f"/wallets/{made['id']}", "/nowhere", "/static/style.css"]
    for answer in map(owner.get, paths):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert (
            re.search(r"<script(?! src)|<style|\sstyle=|\son\w+=", answer.text) is None
        )
    assert owner.get("/").headers["Cache-Control"] == "no-store"


def test_no_secret_is_in_an_address(owner, made):
    """Pages lead nowhere with the key or the token in it."""
    for path in (f"/wallets/{made['id']}", "/pay", "/transfer"):
        for link in re.findall(r'(?:href|action|src)="([^"]*)"', owner.read(path)):
            assert made["key"] not in link
            assert session_of(owner)["form"] not in link


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/nowhere", "text/html", "text/html"),
        ("/nowhere", "*/*", "application/problem+json"),
        ("/nowhere", "application/json", "application/problem+json"),
        ("/v1/nowhere", "text/html", "application/problem+json"),
        ("/wallets", "text/html", "text/html"),
    ],
)
def test_browsers_get_pages_and_clients_get_problems(visitor, path, accept, kind):
    """The interface always answers with problems."""
    answer = visitor.client.get(
        path, headers={"Accept": accept}, base_url=visitor.address
    )
    assert (answer.status_code, answer.mimetype) in ((404, kind), (405, kind))
    assert answer.headers["X-Request-Id"]


def test_a_mistake_of_the_program_is_a_page_that_tells_nothing(
    owner, made, monkeypatch
):
    """The request's id is in a header, as for clients."""
    monkeypatch.setattr(service, "find_wallet", lambda *_: 1 / 0)
    answer = owner.get(f"/wallets/{made['id']}")
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "division" not in answer.text
    assert "Something went wrong here" in answer.text


def test_a_form_that_is_too_large_is_refused(manager, operator, made):
    """Before it is read."""
    answer = manager.send("/wallets", {"name": "x" * 70_000})
    assert answer.status_code == 413
    assert len(operator.get("/v1/wallets").json["wallets"]) == 1


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_boundary_of_more_than_seventy_characters_is_refused(visitor, accept):
    """Before anything is looked for with it; with one of seventy the form is read."""
    form = visitor.hidden("/sign-in", "/sign-in") | {"key": OPERATOR}

    def sign_in(boundary):
        _, body = encode_multipart(form, boundary)
        return visitor.client.post(
            "/sign-in",
            data=body,
            content_type=f"multipart/form-data; boundary={boundary}",
            base_url=visitor.address,
            headers={"Accept": accept, "Origin": visitor.address},
        )

    refused = sign_in("b" * 71)
    assert refused.status_code == 400
    assert "Content-Type has a boundary of more than 70 characters" in refused.text
    assert visitor.get("/transfer").status_code == 401
    assert sign_in("b" * 70).status_code == 303
    assert visitor.get("/transfer").status_code == 200


def test_local_mode_needs_no_one_to_sign_in(app):
    """There is nothing to sign in with; its cookie may go over plain HTTP."""
    visitor = Visitor(app.test_client(), "http://localhost")
    assert visitor.get("/sign-in").location == "/"
    assert "Sign out" not in visitor.read("/")
    token = {"form": visitor.hidden("/", "/wallets")["form"], "key": OPERATOR}
    assert visitor.send("/sign-in", token).location == "/"
    assert "operator" not in session_of(visitor)
    assert not cookie_of(visitor, app.config["SESSION_COOKIE_NAME"]).secure
    assert visitor.send("/wallets", {"name": "x"}).status_code == 403
    assert visitor.make_wallet()


def test_two_local_wallets_in_one_browser_leave_each_other_alone(app, tmp_path):
    """A browser sends the cookies of one host to every port of it."""
    home = tmp_path / "other"
    other_app = create_app({"HOME": str(home)})
    try:
        here, there = (
            Visitor(each.test_client(), "http://localhost") for each in (app, other_app)
        )
        form = here.hidden("/", "/wallets") | {"name": "Ada"}
        cookie = parse_cookie(there.get("/").headers["Set-Cookie"].partition(";")[0])
        for name, value in cookie.items():
            here.client.set_cookie(name, value, domain="localhost")
        made = here.send("/wallets", form)
        assert made.status_code == 303
        assert "Ada" in here.read(made.location)
    finally:
        service_of(other_app).close()
