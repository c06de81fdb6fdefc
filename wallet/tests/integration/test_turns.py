"""Requests that read take turns; no caller has more than half of them."""

import re
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module

import psycopg
import pytest
from sqlalchemy import make_url
from werkzeug.test import create_environ

from wallet import create_app
from wallet.ledger.commands import Principal
from wallet.web.service import service_of

from ..actions import Wallets, in_thread, locking, until
from ..browsing import Visitor
from .conftest import OPERATOR, SECRET
from .test_following import waiting

#: The module; its package has the routes under the same name.
STATEMENT = import_module("wallet.pages.statement")


@contextmanager
def holding(turns, *begins):
    """Have requests that begin like this hold a turn each."""
    over, took = threading.Event(), []

    def hold(begin):
        begin()
        turns.take()
        took.append(begin)
        over.wait(60)
        turns.end()

    threads = [threading.Thread(target=hold, args=(begin,)) for begin in begins]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(took) == len(begins))
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def held(turns, *callers):
    """Have requests of these callers hold a turn each."""
    return holding(turns, *(partial(turns.begin, caller) for caller in callers))


@pytest.fixture
def calls(tmp_path):
    """A local service, which has one caller and so two turns."""
    given = {"HOME": str(tmp_path), "LOCK_TIMEOUT_MS": "100", "READERS": "4"}
    app = create_app(given)
    yield Wallets(app.test_client())
    service_of(app).close()


def turns_of(calls):
    return service_of(calls.client.application).turns


@pytest.mark.parametrize("path", ["/v1/wallets/{}", "/wallets/{}", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_that_waits_in_vain_is_refused(calls, method, path):
    """With an id, as every refusal, and it works once a turn is free."""
    path = path.format(calls.create())
    with held(turns_of(calls), "", ""):
        answer = calls.client.open(path, method=method)
        assert answer.status_code == 503
        assert answer.headers["X-Request-Id"]
        refused = calls.get(path).json
    assert refused["type"] == "/problems/unavailable"
    assert refused["detail"].startswith("Too many reads")
    for _ in range(3):
        assert calls.client.open(path, method=method).status_code == 200


def test_who_changes_or_asks_for_the_health_waits_for_no_turn(calls):
    """Nor do readers of the documents and the metrics."""
    wallet = calls.create()
    with held(turns_of(calls), "", ""):
        assert calls.deposit(wallet, 5).status_code == 201
        for path in ("/status", "/docs", "/problems/forbidden", "/metrics"):
            assert calls.get(path).status_code == 200
        assert "wallet_database_up 1.0" in calls.get("/metrics").text
    assert calls.get(f"/v1/wallets/{wallet}").json["balance"] == "5.00"


def test_a_read_that_fails_gives_its_turn_back(calls):
    """However often."""
    wallet = calls.create()
    with held(turns_of(calls), ""):
        for _ in range(5):
            assert calls.get("/v1/wallets/nothing").status_code == 404
            assert calls.get("/wallets/nothing").status_code == 404
        assert calls.get(f"/v1/wallets/{wallet}").status_code == 200


def test_a_call_that_waits_for_an_entry_keeps_no_turn(calls):
    """Others read as long as it does, and it is answered by what comes."""
    wallet, followed = calls.create(), []

    def follow():
        path = f"/v1/wallets/{wallet}/entries?after=0&wait=60"
        followed.append(calls.get(path).json["entries"])

    with held(turns_of(calls), ""):
        thread = threading.Thread(target=follow)
        thread.start()
        until(lambda: waiting(calls.client.application) == 1)
        for _ in range(3):
            assert calls.get(f"/v1/wallets/{wallet}").status_code == 200
        assert followed == []
        assert calls.deposit(wallet, 5).status_code == 201
        until(lambda: len(followed) == 1)
        thread.join(60)
        assert calls.get(f"/v1/wallets/{wallet}").status_code == 200
    assert followed[0][0]["amount"] == "5.00"


def test_statements_that_wait_for_one_another_keep_no_turn(calls):
    """Two are to be measured, and the same caller reads all the same."""
    wallet, app = calls.create(), calls.client.application
    assert calls.deposit(wallet, 5).status_code == 201
    places = service_of(app).slow.statements[Principal.OPERATOR]
    path = f"/wallets/{wallet}/statement.csv"

    def download():
        return app.test_client().get(path).text

    with STATEMENT._ONE_AT_A_TIME:
        downloads = [in_thread(download) for _ in range(2)]
        until(lambda: places._free.qsize() == places.count - 2)
        for other in (f"/v1/wallets/{wallet}", f"/wallets/{wallet}", "/"):
            assert calls.get(other).status_code == 200
        assert [told for _, told in downloads] == [[], []]
    for thread, told in downloads:
        thread.join(60)
        assert "1 entries" in told[0]


def test_a_statement_keeps_its_turn_while_it_reads_alone(calls, monkeypatch):
    """It has none while it waits for its place, or makes lines of what it read."""
    wallet, turns, free = calls.create(), turns_of(calls), []
    for _ in range(3):
        assert calls.deposit(wallet, 5).status_code == 201
    slow = service_of(calls.client.application).slow
    places = slow.statements[Principal.OPERATOR]
    take, make_lines = places.take, STATEMENT._lines

    def noting(work):
        def noted(*given):
            free.append(turns._free)
            return work(*given)

        return noted

    monkeypatch.setattr(places, "take", noting(take))
    monkeypatch.setattr(STATEMENT, "_lines", noting(make_lines))
    monkeypatch.setattr(STATEMENT, "_PART", 1)
    assert "3 entries" in calls.get(f"/wallets/{wallet}/statement.csv").text
    # Three parts are measured, and three are sent.
    assert free == [4] * 7


@pytest.mark.one_engine
def test_a_statement_that_waits_for_a_turn_holds_up_no_other(shared_app, owners):
    """Others have requests enough of their own to wait for."""
    service, visitors = service_of(shared_app), []
    for _, owner in owners:
        visitors.append(Visitor(shared_app.test_client()))
        assert visitors[-1].sign_in(owner.token).status_code == 303
    paths = [f"/wallets/{wallet}/statement.csv" for wallet, _ in owners]
    places = service.slow.statements[Principal.OWNER]
    asked = shared_app.request_class(create_environ())
    begin = partial(service.recognise, asked, owners[0][1].token, OPERATOR)
    with ExitStack() as meanwhile:
        with STATEMENT._ONE_AT_A_TIME:
            thread, told = in_thread(visitors[0].get, paths[0])
            until(lambda: places._free.qsize() == places.count - 1)
            meanwhile.enter_context(holding(service.turns, begin, begin))
        until(lambda: len(service.turns._waiting) == 1)
        assert visitors[1].get(paths[1]).status_code == 200
        assert told == []
    thread.join(60)
    assert told[0].status_code == 200


def test_a_key_that_was_replaced_takes_no_turns_of_the_new_one(tmp_path):
    """Those who still have it wait for each other."""
    given = {"HOME": str(tmp_path), "LOCK_TIMEOUT_MS": "100", "READERS": "4"}
    app = create_app(given | {"SECRET_KEY": SECRET, "OPERATOR_TOKEN": OPERATOR})
    service, asked = service_of(app), app.request_class(create_environ())
    operator = Wallets(app.test_client(), OPERATOR)
    made = operator.post("/v1/wallets").json
    path = f"/v1/wallets/{made['id']}"
    key = operator.post(f"{path}/keys").json["key"]
    owner, visitor = Wallets(app.test_client(), key), Visitor(app.test_client())
    assert visitor.sign_in(key).status_code == 303

    def statuses():
        page = visitor.get(f"/wallets/{made['id']}")
        return owner.get(path).status_code, page.status_code

    for other, expected in ((made["key"], 200), (key, 503)):
        begin = partial(service.recognise, asked, other, OPERATOR)
        with holding(service.turns, begin, begin):
            assert statuses() == (expected, expected)
    assert statuses() == (200, 200)
    service.close()


@contextmanager
def reading_slowly(database_url, *asks, expected=200):
    """Have requests read from a table that is locked, and tell how many do."""
    answers = []

    def call(ask):
        answers.append(ask().status_code)

    url = make_url(database_url).set(drivername="postgresql")
    address = url.render_as_string(hide_password=False)
    threads = [threading.Thread(target=call, args=(ask,)) for ask in asks]
    with psycopg.connect(address) as lock, psycopg.connect(address) as look:
        look.autocommit = True
        lock.execute("LOCK TABLE entries IN ACCESS EXCLUSIVE MODE")

        def count():
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return look.execute(query).fetchone()[0]

        for thread in threads:
            thread.start()
        yield count
        assert answers == []
        lock.rollback()
        for thread in threads:
            thread.join(60)
    assert answers == [expected] * len(asks)


@pytest.fixture
def owners(operator):
    """Two wallets, and the calls of their owners."""
    made = [operator.post("/v1/wallets", {"name": name}).json for name in "ab"]
    app = operator.client.application
    return [(each["id"], Wallets(app.test_client(), each["key"])) for each in made]


WAYS = {
    "entries": ("GET", "/v1/wallets/{}/entries?text=x"),
    "head": ("HEAD", "/v1/wallets/{}/entries?text=x"),
    "page": ("GET", "/wallets/{}?text=x"),
    "head of a page": ("HEAD", "/wallets/{}?text=x"),
    "month": ("GET", "/wallets/{}/months"),
    "statement": ("GET", "/wallets/{}/statement.csv"),
}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", WAYS)
def test_a_caller_that_reads_much_holds_up_nobody_else(
    shared_app, database_url, owners, operator, way
):
    """Twenty requests of one key; the others read, and the health is known at once."""
    (greedy, caller), (wallet, other) = owners
    method, path = WAYS[way]
    clients = [shared_app.test_client() for _ in range(20)]
    visitor = Visitor(clients[0])
    assert visitor.sign_in(caller.token).status_code == 303
    cookie = clients[0].get_cookie("__Host-wallet", "localhost").value

    def ask(client):
        client.set_cookie("__Host-wallet", cookie, domain="localhost", secure=True)
        headers = {"Authorization": f"Bearer {caller.token}"}
        return client.open(
            path.format(greedy),
            method=method,
            base_url="https://localhost",
            headers=headers,
        )

    asks = [lambda client=client: ask(client) for client in clients]
    with reading_slowly(database_url, *asks) as count:
        # Of all statements one is worked at.
        most = 1 if way == "statement" else 2
        until(lambda: count() == most)
        for _ in range(3):
            assert other.get(f"/v1/wallets/{wallet}").status_code == 200
            assert operator.get("/v1/wallets").status_code == 200
        if way == "statement":
            # Those that wait for one another keep no turn.
            assert caller.get(f"/v1/wallets/{greedy}").status_code == 200
        assert_well(operator)
        assert count() == most


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_health_is_known_while_all_connections_read(database_url, owners, operator):
    """Two callers have them all; a third waits, and reads when one of them is done."""
    asks = [
        lambda wallet=wallet, caller=caller: caller.get(f"/v1/wallets/{wallet}/entries")
        for wallet, caller in owners
        for _ in range(3)
    ]
    third = []
    with reading_slowly(database_url, *asks) as count:
        until(lambda: count() == 4)
        assert_well(operator)
        call = threading.Thread(
            target=lambda: third.append(operator.get("/v1/wallets"))
        )
        call.start()
        assert_well(operator)
        assert third == []
    call.join(60)
    assert third[0].status_code == 200


def assert_well(calls):
    """The status comes within a second, and nothing fails."""
    began_s = time.monotonic()
    answer = calls.get("/status")
    assert answer.status_code == 200, answer.text
    assert answer.json["status"] == "ok"
    assert time.monotonic() - began_s < 1


@pytest.fixture
def managers(shared_app):
    """Five sessions of the operator."""
    visitors = [Visitor(shared_app.test_client()) for _ in range(5)]
    for visitor in visitors:
        assert visitor.sign_in(OPERATOR).status_code == 303
    return visitors


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_form_that_is_shown_again_takes_a_turn_too(database_url, owners, managers):
    """Of five, two read what their page shows."""
    wallet, owner = owners[0]
    page, asks = f"/wallets/{wallet}", []
    for manager in managers:
        form = manager.hidden(page, f"{page}/balance") | {"balance": "much"}
        asks.append(partial(manager.send, f"{page}/balance?text=x", form))
    with reading_slowly(database_url, *asks, expected=400) as count:
        until(lambda: count() == 2)
        assert owner.get(f"/v1/wallets/{wallet}").status_code == 200
        assert count() == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_form_that_waits_to_be_written_keeps_no_turn(
    shared_app, database_url, owners, operator, managers
):
    """The operator reads meanwhile, and then all of them are written or refused."""
    wallet, _ = owners[0]
    page, statuses = f"/wallets/{wallet}", []
    forms = [manager.hidden(page, f"{page}/balance") for manager in managers]

    def send(manager, form):
        answer = manager.send(f"{page}/balance", form | {"balance": "5"})
        statuses.append(answer.status_code)

    threads = [
        threading.Thread(target=send, args=given)
        for given in zip(managers, forms, strict=True)
    ]
    line = service_of(shared_app).writer.line
    with locking(database_url, wallet):
        for thread in threads:
            thread.start()
        until(lambda: len(line._aside) == len(threads))
        assert operator.get(f"/v1/wallets/{wallet}").status_code == 200
        assert statuses == []
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [303, 412, 412, 412, 412]
    assert operator.get(f"/v1/wallets/{wallet}").json["balance"] == "5.00"


WRITTEN = {"balance": ({"balance": "5"}, 303), "key/renew": ({}, 200)}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ending", WRITTEN)
def test_what_was_written_is_told_without_another_turn(
    shared_app, database_url, owners, operator, managers, ending
):
    """There is none any more, so a page that read it again would tell a failure."""
    (wallet, owner), (typed, status) = owners[0], WRITTEN[ending]
    service, page = service_of(shared_app), f"/wallets/{wallet}"
    path = f"{page}/{ending}"
    form = managers[0].hidden(page if typed else path, path) | typed
    with ExitStack() as until_told:
        with locking(database_url, wallet):
            thread, told = in_thread(managers[0].send, path, form)
            until(lambda: len(service.writer.line._aside) == 1)
            until_told.enter_context(held(service.turns, "", ""))
        thread.join(60)
    assert told[0].status_code == status, told[0].text
    key = re.search(r"<code>([^<]+)</code>", told[0].text)
    after = Wallets(owner.client, key[1] if key else owner.token).balance(wallet)
    assert after == (("5.00", 1) if typed else ("0.00", 0))


class Slowly:
    """A body that does not come before it is told to."""

    def __init__(self):
        self.asked, self.come = threading.Event(), threading.Event()

    def read(self, size=-1):
        self.asked.set()
        self.come.wait(60)
        return b"balance=5"[:size]


@pytest.mark.one_engine
def test_a_form_that_comes_slowly_keeps_no_turn(
    shared_app, database_url, owners, operator, managers
):
    """Though its session was looked up before, and needed one."""
    wallet, _ = owners[0]
    bodies, statuses = [Slowly() for _ in managers], []

    def send(manager, body):
        answer = manager.client.post(
            f"/wallets/{wallet}/balance",
            content_type="application/x-www-form-urlencoded",
            base_url=manager.address,
            environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "9"},
        )
        statuses.append(answer.status_code)

    threads = [
        threading.Thread(target=send, args=given)
        for given in zip(managers, bodies, strict=True)
    ]
    for thread in threads:
        thread.start()
    until(lambda: all(body.asked.is_set() for body in bodies))
    assert operator.get(f"/v1/wallets/{wallet}").status_code == 200
    assert statuses == []
    for body in bodies:
        body.come.set()
    for thread in threads:
        thread.join(60)
    # It has no token, which is looked at when all of it is there.
    assert statuses == [403] * len(threads)
    assert operator.get(f"/v1/wallets/{wallet}").json["version"] == 0
