import json
import re
import threading

import pytest
from werkzeug.test import create_environ

from wallet.app import make_app
from wallet.ledger.ids import new_wallet_id
from wallet.web.service import service_of

from ..actions import Wallets
from .conftest import OPERATOR


def test_a_wallet_is_created_read_and_listed(local):
    """A new wallet is empty, has a key, and is found where Location says."""
    made = local.post("/v1/wallets", {"name": "Ada", "floor": "-5.00"})
    wallet = dict(made.json)
    key = wallet.pop("key")
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/wallets/{wallet['id']}"
    assert key.startswith(wallet["id"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\.\d{6}Z", wallet["created_at"])
    read = local.get(made.headers["Location"])
    assert read.json == wallet
    assert (
        wallet
        | {
            "name": "Ada",
            "currency": "ZAR",
            "balance": "0.00",
            "floor": "-5.00",
            "version": 0,
        }
        == wallet
    )
    assert read.headers["ETag"] == '"0"'
    assert local.get("/v1/wallets").json == {
        "wallets": [wallet],
        "next": None,
        "next_cursor": None,
    }


def test_money_moves_and_every_answer_carries_all_decimals(local):
    """Deposits, withdrawals and transfers answer with the entry of the wallet."""
    ada, bob = local.create(), local.create()
    deposit = local.deposit(ada, "125.5", note="salary")
    withdrawal = local.withdraw(ada, 20)
    transfer = local.transfer(ada, bob, "5.05")
    assert [each.status_code for each in (deposit, withdrawal, transfer)] == [201] * 3
    told = [
        tuple(each.json["entry"][name] for name in ("kind", "amount", "balance"))
        for each in (deposit, withdrawal, transfer)
    ]
    assert told == [
        ("deposit", "125.50", "125.50"),
        ("withdrawal", "-20.00", "105.50"),
        ("transfer", "-5.05", "100.45"),
    ]
    assert transfer.json["entry"]["counterparty"] == bob
    assert transfer.json["operation"] == transfer.json["entry"]["operation"]
    assert deposit.json["entry"]["note"] == "salary"
    assert (local.balance(ada), local.balance(bob)) == (("100.45", 3), ("5.05", 1))


def test_the_history_is_read_newest_first_page_by_page(local):
    """Following next visits every entry once; the last page has none."""
    wallet = local.create()
    for amount in range(1, 8):
        local.deposit(wallet, amount)
    versions, path = [], f"/v1/wallets/{wallet}/entries?limit=3"
    while path:
        page = local.get(path).json
        versions += [entry["version"] for entry in page["entries"]]
        path = page["next"]
    assert versions == [7, 6, 5, 4, 3, 2, 1]
    before = local.get(f"/v1/wallets/{wallet}/entries?before=3").json
    assert [entry["amount"] for entry in before["entries"]] == ["2.00", "1.00"]


def test_a_payee_is_kept_on_both_sides_of_a_move(local):
    """Up to 200 characters of any language, in single moves and in batches."""
    ada, bob = local.create(), local.create()
    payee = "Ünïcode 商店 " * 17 + "\N{PARTY POPPER}" * 13
    assert len(payee) == 200
    made = [
        local.deposit(ada, 9, payee=payee, note="salary"),
        local.withdraw(ada, 1, payee="Corner Shop"),
        local.transfer(ada, bob, 1, payee="Bob"),
    ]
    assert [each.status_code for each in made] == [201] * 3
    assert made[0].json["entry"]["payee"] == payee
    items = [
        {"kind": "deposit", "amount": "1", "payee": "a"},
        {"kind": "withdrawal", "amount": "1", "payee": "b"},
        {"kind": "transfer", "amount": "1", "to": bob, "payee": "c"},
        {"kind": "withdrawal", "amount": "1"},
    ]
    assert local.batch(ada, *items).status_code == 200
    assert payees(local, ada) == [None, "c", "b", "a", "Bob", "Corner Shop", payee]
    assert payees(local, bob) == ["c", "Bob"]


def payees(local, wallet):
    """Read whom a wallet's entries name, newest first."""
    page = local.get(f"/v1/wallets/{wallet}/entries")
    assert page.status_code == 200
    return [entry["payee"] for entry in page.json["entries"]]


def test_wallets_are_listed_page_by_page(local):
    """Following next visits every wallet once."""
    made = {local.create() for _ in range(5)}
    seen, path = [], "/v1/wallets?limit=2"
    while path:
        page = local.get(path).json
        seen += [wallet["id"] for wallet in page["wallets"]]
        path = page["next"]
    assert (sorted(made), len(seen)) == (seen, 5)


@pytest.mark.parametrize(
    ("currency", "amount", "balance"),
    [("JPY", "5", "5"), ("BTC", "0.00000001", "0.00000001"), ("KWD", "1.5", "1.500")],
)
def test_each_currency_has_its_own_decimals(local, currency, amount, balance):
    """The exponent of the wallet's currency rules what is taken and told."""
    wallet = local.create(currency=currency)
    local.deposit(wallet, amount)
    assert local.balance(wallet) == (balance, 1)
    too_fine = local.deposit(wallet, "0.000000001")
    assert (too_fine.status_code, too_fine.json["field"]) == (400, "amount")


def test_if_match_holds_a_wallet_to_its_version(local):
    """The version read is the version written, or nothing is."""
    wallet = local.create()
    assert local.deposit(wallet, 1, if_match='"0"').status_code == 201
    assert local.deposit(wallet, 1, if_match='"0"').status_code == 412
    assert local.deposit(wallet, 1, if_match="*").status_code == 201
    assert local.balance(wallet) == ("2.00", 2)


@pytest.mark.parametrize("given", ['W/"1"', "1", '"1", "2"', '"x"', '"01"', "", '"-1"'])
def test_if_match_is_one_strong_quoted_number(local, given):
    """Anything else is malformed and names the header."""
    answer = local.deposit(local.create(), 1, if_match=given)
    assert (answer.status_code, answer.json["field"]) == (400, "If-Match")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"amount": 1.5}', "amount"),
        (b'{"amount": 1.0}', "amount"),
        (b'{"amount": true}', "amount"),
        (b'{"amount": null}', "amount"),
        (b'{"amount": "1,50"}', "amount"),
        (b'{"amount": "0"}', "amount"),
        (b'{"amount": "0.00"}', "amount"),
        (b'{"amount": 0}', "amount"),
        (b'{"amount": -1}', "amount"),
        (b'{"amount": "1.001"}', "amount"),
        (b'{"amount": "1\\n"}', "amount"),
        (b'{"amount": 1e2}', "amount"),
        (b'{"amount": "92233720368547758.08"}', "amount"),
        (b'{"amount": 99999999999999999999}', "amount"),
        (b'{"amount": ' + b"9" * 5000 + b"}", "amount"),
        (b"{}", "amount"),
        (b'{"amount": "1", "amount": "2"}', "amount"),
        (b'{"amount": "1", "to": "x"}', "to"),
        (b'{"amount": "1", "note": 5}', "note"),
        (b'{"amount": "1", "note": "a\\u0000b"}', "note"),
        (b'{"amount": "1", "note": "a\\n"}', "note"),
        (b'{"amount": "1", "note": "' + b"x" * 501 + b'"}', "note"),
        (b'{"amount": "1", "payee": 5}', "payee"),
        (b'{"amount": "1", "payee": "a\\u009fb"}', "payee"),
        (b'{"amount": "1", "payee": "' + b"x" * 201 + b'"}', "payee"),
        (b'{"amount": "1", "note": "\\ud800"}', "body"),
        (b'{"amount": "1", "note": "\\ud800x"}', "body"),
        (b'{"amount": "1", "note": "\\udc00x"}', "body"),
        (b'{"amount": "1", "note": "\xff"}', "body"),
        (b'{"amount": "1"', "body"),
        (b'{"amount": NaN}', "body"),
        (b'{"amount": "1"} x', "body"),
        (b"", "body"),
        (b"[]", "body"),
        (b'"amount"', "body"),
        (b"[" * 100_000, "body"),
        (b'{"amount": "1", "note": ' + b"[" * 100_000, "note"),
        (b'{"amount": "1", "x": ' + b"[" * 100_000, "x"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_deposit_names_its_field_and_moves_nothing(local, body, field):
    """Strict reading: nothing is guessed, rounded, or taken twice."""
    wallet = local.create()
    answer = local.client.post(
        f"/v1/wallets/{wallet}/deposits", data=body, content_type="application/json"
    )
    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert answer.json["type"] == "/problems/malformed"
    assert local.balance(wallet) == ("0.00", 0)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"currency": "XXX"}, "currency"),
        ({"currency": "zar"}, "currency"),
        ({"currency": "ZAR\n"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"floor": "1.00"}, "floor"),
        ({"floor": "-1\n"}, "floor"),
        ({"floor": 1}, "floor"),
        ({"floor": -1.5}, "floor"),
        ({"floor": "-1.005"}, "floor"),
        ({"floor": "--1"}, "floor"),
        ({"floor": "-99999999999999999999"}, "floor"),
        ({"name": "x" * 201}, "name"),
        ({"name": "\x7f"}, "name"),
        ({"name": None}, "name"),
        ({"id": "w_1"}, "id"),
        ({"balance": "5.00"}, "balance"),
    ],
)
def test_a_malformed_wallet_names_its_field(local, members, field):
    """Only what the call knows is taken."""
    answer = local.post("/v1/wallets", members)
    assert (answer.status_code, answer.json["field"]) == (400, field)


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        (
            {"amount": 1.5},
            'amount must be text such as "125.50" or a whole number, above zero, with'
            " at most 8 decimals",
        ),
        ({"amount": "1.001"}, "amount must have at most 2 decimals in this currency"),
        ({}, "amount is missing"),
        ({"amount": 1, "to": "x"}, "to is not a member of this call"),
        ({"amount": 1, "note": 5}, "note must be string or null, not integer"),
        ({"amount": 1, "note": "\n"}, "note must have no control characters"),
        ({"amount": 1, "note": "x" * 501}, "note must have at most 500 characters"),
        ([], "body must be object, not array"),
    ],
)
def test_a_refusal_says_what_the_member_must_be(local, members, detail):
    """In words of JSON, not of a library."""
    answer = local.post(f"/v1/wallets/{local.create()}/deposits", members)
    assert (answer.status_code, answer.json["detail"]) == (400, detail)


@pytest.mark.parametrize("amount", [1.5, "x", "--1", "1.", None, 2**63])
def test_a_balance_is_told_that_it_may_be_zero_or_below(local, amount):
    """As it may be set to, unlike what is moved."""
    wallet = local.create(floor="-5")
    path, match = f"/v1/wallets/{wallet}/balance", {"If-Match": "*"}
    answer = local.client.put(path, json={"amount": amount}, headers=match)
    assert (answer.status_code, answer.json["field"]) == (400, "amount")
    assert answer.json["detail"] == (
        'amount must be text such as "125.50" or "-125.50", or a whole number, with at'
        " most 8 decimals"
    )
    assert local.balance(wallet) == ("0.00", 0)


@pytest.mark.parametrize("amount", ["9223372036854775807", 9223372036854775807])
def test_the_largest_balance_can_be_deposited_at_once(local, amount):
    """A currency without decimals has the longest numbers."""
    wallet = local.create(currency="JPY")
    assert local.deposit(wallet, amount).status_code == 201
    assert local.balance(wallet) == ("9223372036854775807", 1)


def test_a_floor_may_be_a_whole_number(local):
    """Amounts and floors are read alike."""
    answers = [local.post("/v1/wallets", {"floor": each}) for each in (-5, "-5", 0)]
    floors = [answer.json["floor"] for answer in answers]
    assert floors == ["-5.00", "-5.00", "0.00"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=abc", "limit"),
        ("limit=5.0", "limit"),
        ("limit=1e1", "limit"),
        ("limit=05", "limit"),
        ("before=null", "before"),
        ("before=5.0", "before"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=%D9%A1", "limit"),
        ("before=0", "before"),
        ("before=x", "before"),
        ("before=99999999999999999999", "before"),
        ("after=w_1", "after"),
        ("after=-1", "after"),
        ("after=null", "after"),
        ("before=3&after=3", "before"),
        ("kind=null", "kind"),
        ("kind=", "kind"),
        ("kind=Deposit", "kind"),
        ("order=name", "order"),
        ("order=", "order"),
        ("from=2026-01-01", "from"),
        ("from=2026-02-30T00:00:00Z", "from"),
        ("to=null", "to"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("min=-1", "min"),
        ("min=", "min"),
        ("min=1.001", "min"),
        ("max=1e3", "max"),
        ("max=92233720368547758.08", "max"),
        ("min=1.01&max=1", "max"),
        ("text=", "text"),
        ("text=%00", "text"),
        ("text=" + "x" * 201, "text"),
        ("text=a&text=b", "text"),
        ("page=2", "page"),
    ],
)
def test_a_malformed_query_names_its_parameter(local, query, field):
    """Pages are asked for exactly; an unknown parameter is not ignored."""
    wallet = local.create()
    answer = local.get(f"/v1/wallets/{wallet}/entries?{query}")
    assert (answer.status_code, answer.json["field"]) == (400, field)


def test_a_query_in_another_encoding_is_malformed(local):
    """Bytes that a client must escape are refused, not guessed."""
    for path in ("/v1/wallets", "/v1/operations"):
        answer = local.client.get(
            path, environ_overrides={"QUERY_STRING": "limit=\xed\xa0\x80"}
        )
        assert (answer.status_code, answer.json["field"]) == (400, "query")


def test_a_malformed_cursor_of_the_list_is_named(local):
    """The list of wallets continues after an id."""
    wallet = local.create()
    for after in ("w_1", "null", f"{wallet}%0A"):
        answer = local.get(f"/v1/wallets?after={after}")
        assert (answer.status_code, answer.json["field"]) == (400, "after")


@pytest.mark.parametrize("to", ["", "w_", "bob", "w_" + "0" * 32, "x" * 200, "é☂'"])
def test_a_recipient_that_is_not_there_is_refused_by_the_rules(local, to):
    """Unknown and malformed ids are refused alike, and only after the funds."""
    wallet = local.create()
    poor = local.transfer(wallet, to, 1)
    local.deposit(wallet, 1)
    rich = local.transfer(wallet, to, 1)
    types = [answer.json["type"] for answer in (poor, rich)]
    assert types == ["/problems/insufficient-funds", "/problems/unknown-recipient"]
    assert local.balance(wallet) == ("1.00", 1)


def test_an_id_that_is_none_is_not_looked_up(local):
    """A malformed id in the address is a wallet that is not there."""
    for wallet in ("w_1", "W_" + "0" * 32, new_wallet_id().upper(), "%00", "x" * 5000):
        assert local.get(f"/v1/wallets/{wallet}").status_code == 404
        assert local.deposit(wallet, 1).status_code == 404
    assert local.deposit(new_wallet_id(), 1).json["type"] == "/problems/unknown-wallet"


@pytest.mark.one_engine
@pytest.mark.parametrize("path", ["//v1/wallets", "//metrics", "///status", "//"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_begins_with_two_slashes_is_another(local, path, method):
    """A rule of a proxy for an address does not fit it, so nothing may answer there."""
    answer = local.client.open(
        "/", method=method, json={}, environ_overrides={"PATH_INFO": path}
    )
    assert (answer.status_code, answer.json["type"]) == (404, "/problems/not-found")
    assert local.get("/v1/wallets").json["wallets"] == []


def test_an_answer_carries_a_request_id(local):
    """A well-formed id is taken over; any other is replaced."""
    assert local.get("/status", **{"X-Request-Id": "abc-1"}).headers[
        "X-Request-Id"
    ] == ("abc-1")
    for given in ("", "a b", "x" * 65, "a\u00e9"):
        made = local.get("/nothing", **{"X-Request-Id": given}).headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f]{32}", made)


def test_status_tells_nothing_of_the_inside(app, local):
    """The health of the parts, and no address, user or path."""
    answer = local.get("/status")
    engine = app.extensions["wallet"].store.reading.dialect.name
    assert answer.status_code == 200
    settings = {
        "sqlite": {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"},
        "postgresql": dict.fromkeys(
            ("fsync", "full_page_writes", "synchronous_commit"), "on"
        )
        | {"synchronous_standby_names": ""},
    }[engine]
    database = {"status": "ok", "engine": engine, "durable": True}
    assert answer.json == {
        "status": "ok",
        "version": "0.1.0",
        "database": database | {"settings": settings},
        "writer": {"status": "ok", "queued": 0, "capacity": 4096},
    }


def test_head_and_options_answer_like_get(local):
    """HEAD has no body, and OPTIONS names the methods."""
    wallet = local.create()
    head = local.client.head(f"/v1/wallets/{wallet}")
    options = local.client.options(f"/v1/wallets/{wallet}/deposits")
    assert (head.status_code, head.data) == (200, b"")
    assert head.content_length == len(local.get(f"/v1/wallets/{wallet}").data)
    assert set(options.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_answer_is_handed_to_the_server_whole(app, local, method):
    """A list is sent at once; anything else would be asked for part by part."""
    path = f"/v1/wallets/{local.create()}" + ("/deposits" if method == "POST" else "")
    peer = {"REMOTE_ADDR": "127.0.0.1"}
    environ = create_environ(
        path, method=method, json={"amount": 7}, environ_overrides=peer
    )
    told = []
    body = app(environ, lambda status, headers: told.append((status, dict(headers))))
    ((status, headers),) = told
    assert status == ("201 CREATED" if method == "POST" else "200 OK")
    assert isinstance(body, list)
    assert len(b"".join(body)) == (
        0 if method == "HEAD" else int(headers["Content-Length"])
    )


@pytest.mark.parametrize("host", ["wallet.example:81", "büro.example", "a b", "x" * 99])
def test_an_address_is_found_under_any_name_of_the_host(shared_app, host):
    """Where a proxy leads to the service under several names, all of them are right."""
    answer = shared_app.test_client().get(
        "/v1/wallets",
        headers={"Authorization": f"Bearer {OPERATOR}"},
        environ_overrides={"HTTP_HOST": host},
    )
    assert (answer.status_code, answer.json["wallets"]) == (200, [])


def test_an_answer_is_not_kept_by_caches(local):
    """Balances belong to one reader at one moment."""
    answer = local.get(f"/v1/wallets/{local.create()}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_text_beyond_ascii_comes_back_as_it_went_in(local):
    """Names and notes keep every character on both engines."""
    text = "Zoë ☂ 💸 \u202e \u00a0 'quote\" \\"
    wallet = local.create(name=text)
    entry = local.deposit(wallet, 1, note=text).json["entry"]
    read = local.get(f"/v1/wallets/{wallet}/entries").json["entries"][0]
    assert (local.get(f"/v1/wallets/{wallet}").json["name"], read) == (text, entry)
    assert json.dumps(read)


def test_status_names_the_part_that_fails(app, local):
    """A writer that takes nothing is a service that does not work."""
    service = app.extensions["wallet"]
    service.writer.stop()
    answer = local.get("/status")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert (answer.json["status"], answer.json["failing"]) == ("failing", ["writer"])
    assert local.post("/v1/wallets").json["type"] == "/problems/unavailable"


def test_a_service_that_leaves_says_so_and_works(database_url, tmp_path):
    """The proxy in front sends it no more; what still comes is answered."""
    told = threading.Event()
    config = {"DATABASE_URL": database_url, "HOME": str(tmp_path)}
    app = make_app(config, leaving=told.is_set)
    service_of(app).open()
    local = Wallets(app.test_client())
    wallet = local.create()
    assert local.get("/status").status_code == 200
    told.set()
    answer = local.get("/status")
    assert (answer.status_code, answer.json["failing"]) == (503, ["leaving"])
    assert local.deposit(wallet, "1.00").status_code == 201
    service_of(app).close()


def test_status_names_a_database_that_fails(app, local):
    """Without its tables the database is of no use."""
    service = app.extensions["wallet"]
    with service.store.writing.begin() as connection:
        for table in ("holds", "changes", "spans", "operations", "entries", "wallets"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    answer = local.get("/status")
    assert (answer.status_code, answer.json["failing"]) == (503, ["database"])
    assert set(answer.json["database"]) == {"status", "engine"}
