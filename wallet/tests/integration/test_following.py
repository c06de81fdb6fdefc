"""The feed of a wallet: what it takes, and what it answers without a server's help."""

import json
import threading
import time

import pytest

from wallet.ledger.commands import Principal
from wallet.web.service import service_of

from ..actions import Wallets, in_thread, until
from .test_metrics import Gained


def ask(caller, wallet, query):
    """Ask for a page; tell how long it took, too."""
    began_s = time.monotonic()
    answer = caller.get(f"/v1/wallets/{wallet}/entries?{query}")
    assert answer.status_code == 200, answer.text
    page = json.loads(answer.data)
    return page, time.monotonic() - began_s


def versions(page):
    return [each["version"] for each in page["entries"]]


def waiting(app):
    """Tell how many wait."""
    return len(service_of(app).feed._waiters)


def test_what_is_newer_is_answered_at_once(local):
    """The oldest come first, and a page always tells where the next one begins."""
    wallet = local.create()
    for amount in (1, 2, 3):
        local.deposit(wallet, amount)
    path = f"/v1/wallets/{wallet}/entries"
    page, took_s = ask(local, wallet, "wait=60&limit=2")
    assert (versions(page), page["next_cursor"], took_s < 30) == ([1, 2], 2, True)
    assert page["next"] == f"{path}?wait=60&limit=2&after=2"
    page, _ = ask(local, wallet, "after=2&wait=60&order=oldest")
    assert (versions(page), page["next_cursor"]) == ([3], 3)
    page, took_s = ask(local, wallet, "after=3&wait=0")
    assert (versions(page), page["next_cursor"], took_s < 30) == ([], 3, True)
    assert page["next"] == f"{path}?after=3&wait=0"


def test_an_empty_page_comes_when_the_time_is_over(app, local):
    """Not before, and nobody waits any more."""
    wallet = local.create()
    gained = Gained(local)
    page, took_s = ask(local, wallet, "after=7&wait=1")
    assert (versions(page), page["next_cursor"]) == ([], 7)
    assert 1 <= took_s < 30
    assert waiting(app) == 0
    assert gained("wallet_waits_total", "nothing") == 1


def test_an_entry_ends_the_wait_of_its_wallet_alone(app, local):
    """Calls that wait for another version or wallet go on waiting."""
    wallet, other = local.create(), local.create()
    gained = Gained(local)
    feeds = [(wallet, 0), (wallet, 0), (wallet, 1), (other, 0)]
    threads = [
        in_thread(ask, Wallets(app.test_client()), each, f"after={after}&wait=60")
        for each, after in feeds
    ]
    until(lambda: waiting(app) == 4)
    assert local.deposit(wallet, 5).status_code == 201
    until(lambda: waiting(app) == 2)
    assert local.transfer(wallet, other, 5).status_code == 201
    until(lambda: waiting(app) == 0)
    for thread, _ in threads:
        thread.join(60)
    pages = [page for _, [(page, _took_s)] in threads]
    assert [page["entries"][0]["version"] for page in pages] == [1, 1, 2, 1]
    assert pages[3]["entries"][0]["amount"] == "5.00"
    assert gained("wallet_waits_total", "newer") == 4


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("wait=61", "wait"),
        ("wait=-1", "wait"),
        ("wait=1.5", "wait"),
        ("wait=", "wait"),
        ("wait=1&wait=1", "wait"),
        ("wait=1&before=5", "before"),
        ("wait=1&order=newest", "order"),
        ("wait=1&order=x", "order"),
        ("wait=1&kind=deposit", "kind"),
        ("wait=1&from=2026-11-01T00:00:00Z", "from"),
        ("wait=1&to=2026-11-01T00:00:00Z", "to"),
        ("wait=1&min=1", "min"),
        ("wait=1&max=1", "max"),
        ("wait=1&text=x", "text"),
        ("wait=1&after=-1", "after"),
    ],
)
def test_what_could_leave_out_an_entry_is_refused(local, query, field):
    """A feed has every entry; it is asked for by its version alone."""
    answer = local.get(f"/v1/wallets/{local.create()}/entries?{query}")
    assert (answer.status_code, answer.json["field"]) == (400, field)


def test_whoever_may_not_see_a_wallet_does_not_wait_for_it(app, operator, stranger):
    """It is refused at once, as any other read."""
    wallet = operator.create()
    other = operator.post("/v1/wallets", {})
    owner = Wallets(operator.client, other.json["key"])
    path = f"/v1/wallets/{wallet}/entries?wait=60"
    refused = [each.get(path).status_code for each in (owner, stranger)]
    assert refused == [403, 401]
    assert operator.get(path.replace(wallet, "w_x")).status_code == 404


def test_a_key_that_is_replaced_meanwhile_gets_no_answer(shared_app, operator):
    """Blanks alone are no page; the next call is told why."""
    made = operator.post("/v1/wallets", {}).json
    owner = Wallets(shared_app.test_client(), made["key"])
    gained = Gained(Wallets(operator.client, "metrics-token-1234"))
    path = f"/v1/wallets/{made['id']}/entries?wait=60"
    thread, answers = in_thread(owner.get, path)
    until(lambda: waiting(shared_app) == 1)
    assert operator.post(f"/v1/wallets/{made['id']}/keys").status_code == 201
    assert operator.deposit(made["id"], 1).status_code == 201
    thread.join(60)
    (answer,) = answers
    assert (answer.status_code, answer.data.strip()) == (200, b"")
    assert gained("wallet_waits_total", "failed") == 1
    assert owner.get(path).status_code == 401


def test_a_wallet_that_is_archived_is_waited_for_as_before(app, local):
    """It may be taken back; until then, nothing comes."""
    wallet = local.create()
    thread, answers = in_thread(ask, local, wallet, "wait=60")
    until(lambda: waiting(app) == 1)
    client = app.test_client()
    for archived in (True, False):
        body = {"archived": archived}
        changed = client.patch(f"/v1/wallets/{wallet}", json=body)
        assert changed.status_code == 200
    assert waiting(app) == 1
    assert Wallets(client).deposit(wallet, 1).status_code == 201
    thread.join(60)
    assert versions(answers[0][0]) == [1]


@pytest.mark.one_engine
def test_a_call_that_waits_has_a_number_of_places(app, local):
    """The next one is refused at once; what need not wait takes none."""
    wallet = local.create()
    places = service_of(app).slow.followers[Principal.OPERATOR]
    assert places._patience_s == 0
    path = f"/v1/wallets/{wallet}/entries?wait=60"
    unread = [app.test_client().get(path) for _ in range(places.count)]
    refused = local.get(path)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.json["detail"].startswith("Too many waiting calls")
    assert local.deposit(wallet, 1).status_code == 201
    assert versions(ask(local, wallet, "wait=60")[0]) == [1]
    for answer in unread:
        answer.close()
    assert versions(ask(local, wallet, "after=1&wait=1")[0]) == []


@pytest.mark.one_engine
def test_the_head_of_a_feed_is_not_waited_for(app, local):
    """And gives its place back."""
    wallet = local.create()
    places = service_of(app).slow.followers[Principal.OPERATOR]
    for _ in range(places.count + 1):
        answer = app.test_client().head(f"/v1/wallets/{wallet}/entries?wait=60")
        assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.one_engine
def test_whoever_waits_is_answered_when_the_service_stops(app, local):
    """And nobody waits after that."""
    wallet = local.create()
    thread, answers = in_thread(ask, local, wallet, "wait=60")
    until(lambda: waiting(app) == 1)
    service_of(app).close()
    thread.join(60)
    assert versions(answers[0][0]) == []
    _, took_s = ask(Wallets(app.test_client()), wallet, "wait=60")
    assert took_s < 30


def test_one_statement_looks_for_all_who_wait(app, local):
    """Again and again, until nobody waits any more."""
    wallets = [local.create() for _ in range(12)]
    threads = [
        in_thread(ask, Wallets(app.test_client()), each, "wait=60") for each in wallets
    ]
    until(lambda: waiting(app) == 12)
    looked, rows = [], service_of(app).store.reader.rows

    def listen(sql, /, **given):
        looked.append((sql, given))
        return rows(sql, **given)

    service_of(app).store.reader.rows = listen
    until(lambda: len(looked) >= 3)
    assert len({sql for sql, _ in looked}) == 1
    assert all(
        sorted(json.loads(g["rows"])) == [[w] for w in wallets] for _, g in looked
    )
    service_of(app).feed.stop()
    for thread, _ in threads:
        thread.join(60)
    until(lambda: not service_of(app).feed._looking)


@pytest.mark.one_engine
def test_without_a_thread_one_call_fails_and_the_next_one_waits(
    app, local, monkeypatch
):
    """The process may have too many for a while."""
    wallet, feed = local.create(), service_of(app).feed

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError), feed.waiting(wallet, 0):
            pass
    assert (waiting(app), feed._looking) == (0, False)
    thread, answers = in_thread(ask, local, wallet, "wait=60")
    until(lambda: waiting(app) == 1)
    assert local.deposit(wallet, 1).status_code == 201
    thread.join(10)
    assert versions(answers[0][0]) == [1]
