"""Finding things in lists: what is found, what is not, and that pages go on."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from wallet.history import other_side
from wallet.ledger.commands import Kind, Submission
from wallet.ledger.ids import new_operation_id
from wallet.storage import finding
from wallet.web.service import service_of

from ..actions import Wallets, a_submission, until


@pytest.fixture
def people(local):
    """Ada, who moved money in five ways, and the counterparty of one of them."""
    ada, bob = local.create(name="Ada"), local.create(name="Müller & Söhne")
    items = [
        {"kind": "deposit", "amount": "100.00", "note": "Salary for MÄRZ"},
        {"kind": "withdrawal", "amount": "20.00", "payee": "Straße 7"},
        {"kind": "transfer", "amount": "5.00", "to": bob, "note": "rent_50%"},
        {"kind": "withdrawal", "amount": "5.01", "note": "ΣΊΣΥΦΟΣ"},
        {"kind": "deposit", "amount": "20.00"},
    ]
    for item in items:
        assert local.batch(ada, item).status_code == 200
    undone = local.post(f"/v1/wallets/{ada}/entries/5/reversals")
    assert undone.status_code == 201
    return ada, bob


def walk(caller, path):
    """Follow the pages of a list."""
    pages, asked = [], set()
    while path:
        assert path not in asked
        asked.add(path)
        answer = caller.get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        path = answer.json["next"]
    return pages


def versions(caller, wallet, query=""):
    """Find entries, over all pages."""
    pages = walk(caller, f"/v1/wallets/{wallet}/entries?{query}")
    return [each["version"] for page in pages for each in page["entries"]]


#: What is asked, and the versions that are found.
FOUND = {
    "": [6, 5, 4, 3, 2, 1],
    "order=newest": [6, 5, 4, 3, 2, 1],
    "order=oldest": [1, 2, 3, 4, 5, 6],
    "kind=deposit": [5, 1],
    "kind=withdrawal": [4, 2],
    "kind=transfer": [3],
    "kind=reversal": [6],
    "min=5.01&max=20": [6, 5, 4, 2],
    "min=20&max=20": [6, 5, 2],
    "max=5": [3],
    "min=0&max=0": [],
    "kind=deposit&min=50": [1],
    "after=2&before=5": [4, 3],
    "after=2&before=5&order=oldest": [3, 4],
    "after=0&order=oldest&kind=deposit": [1, 5],
    "after=6": [],
    "text=" + quote("märz"): [1],
    "text=" + quote("STRASSE"): [2],
    "text=" + quote("σίσυφος"): [4],
    "text=" + quote("SÖHNE"): [3],
    "text=" + quote("t_5"): [3],
    "text=" + quote("0%"): [3],
    "text=" + quote("r__"): [],
    "text=null": [],
    "text=r&kind=withdrawal": [2],
    "payee=" + quote("Straße 7"): [2],
    "payee=" + quote("\xa0Straße 7 "): [2],
    "payee=" + quote("straße 7"): [],
    "payee=" + quote("Straße"): [],
    "payee=": [6, 5, 4, 3, 1],
    "payee=&kind=withdrawal": [4],
}


def test_the_entries_that_fit_are_found(local, people):
    """On every database alike, whatever the page has room for."""
    ada, _ = people
    for limit in ("", "&limit=1", "&limit=2"):
        found = {query: versions(local, ada, f"{query}{limit}") for query in FOUND}
        assert found == FOUND
    for query, found in FOUND.items():
        (page,) = walk(local, f"/v1/wallets/{ada}/entries?{query}&limit=6")
        assert len(page["entries"]) == len(found)


def test_a_moment_is_inside_from_where_it_begins_until_before_it_ends(local, people):
    """Each entry is found from its very microsecond on."""
    ada, _ = people
    entries = local.get(f"/v1/wallets/{ada}/entries?order=oldest").json["entries"]
    times = [each["at"] for each in entries]
    for at in times:
        since = [n for n, each in enumerate(times, 1) if each >= at]
        until = [n for n, each in enumerate(times, 1) if each < at]
        assert versions(local, ada, f"from={at}&order=oldest") == since
        assert versions(local, ada, f"to={at}&order=oldest") == until
        end = (datetime.fromisoformat(at) + timedelta(microseconds=1)).isoformat()
        within = [n for n, each in enumerate(times, 1) if each == at]
        found = versions(local, ada, f"from={at}&to={quote(end)}&order=oldest")
        assert found == within
    assert versions(local, ada, "to=1999-01-01T00:00:00Z") == []
    assert versions(local, ada, "from=2999-01-01T00:00:00Z") == []
    assert len(versions(local, ada, "to=2999-01-01T00:00:00Z")) == 6


def test_the_next_page_keeps_what_was_asked(local, people):
    """The address has every parameter; the cursor alone is what goes into it."""
    ada, _ = people
    path = f"/v1/wallets/{ada}/entries"
    answer = local.get(f"{path}?limit=1&min=5.00&text=r&order=oldest&after=0")
    assert answer.status_code == 200
    parts = urlsplit(answer.json["next"])
    assert parts.path == path
    assert parse_qs(parts.query) == {
        "limit": ["1"],
        "min": ["5.00"],
        "text": ["r"],
        "order": ["oldest"],
        "after": ["1"],
    }
    assert answer.json["next_cursor"] == 1
    newest = local.get(f"{path}?limit=2").json
    assert (newest["next"], newest["next_cursor"]) == (f"{path}?limit=2&before=5", 5)
    last = local.get(f"{path}?limit=6").json
    assert (last["next"], last["next_cursor"]) == (None, None)


def test_a_wallets_key_finds_no_name_of_another_wallet(operator):
    """Its notes and payees, though, as the operator does."""
    made = operator.post("/v1/wallets", {"name": "Ada"})
    assert made.status_code == 201
    ada, bob = made.json["id"], operator.create(name="Bob's secret")
    operator.deposit(ada, 5)
    operator.transfer(ada, bob, 1, note="lunch", payee="Bob")
    owner = Wallets(operator.client, made.json["key"])
    assert versions(operator, ada, "text=SECRET") == [2]
    assert versions(owner, ada, "text=SECRET") == []
    assert versions(owner, ada, "text=LUNCH") == [2]
    assert versions(owner, ada, "text=bob") == [2]


def test_a_page_passes_ten_thousand_entries_and_goes_on(app, local):
    """It comes short, with a next; from there the one that fits is found."""
    wallet = local.create()
    writer = service_of(app).writer
    writer.submit(a_submission(wallet, Kind.DEPOSIT, "2", note="needle"))
    for _ in range(11):
        move = a_submission(wallet, Kind.DEPOSIT, "1").commands[0]
        moves = [
            type(move)(new_operation_id(), wallet, move.kind, move.amount)
            for _ in range(1_000)
        ]
        writer.submit(Submission(tuple(moves), wallet))
    pages = walk(local, f"/v1/wallets/{wallet}/entries?text=needle")
    found = [[each["version"] for each in page["entries"]] for page in pages]
    assert (found, finding.MOST_READ) == ([[], [1]], 10_000)
    assert [page["next_cursor"] for page in pages] == [1_002, None]
    assert versions(local, wallet, "min=2&order=oldest") == [1]


def test_an_operation_is_read_by_its_id(operator):
    """The same answer as by its key, refusals too; without a key, that is null."""
    wallet = operator.create()
    kept = operator.deposit(wallet, 5, key="salary")
    bare = operator.deposit(wallet, 1)
    assert (kept.status_code, bare.status_code) == (201, 201)
    assert operator.withdraw(wallet, 99, key="yacht").status_code == 422
    for key, status in (("salary", 201), ("yacht", 422)):
        by_key = operator.get(f"/v1/operations?wallet={wallet}&key={key}")
        assert by_key.status_code == 200
        by_id = read_operation(operator, by_key.json["operation"], wallet)
        assert (by_id.status_code, by_id.json["status"]) == (200, status)
        assert by_id.data == by_key.data
    found = read_operation(operator, bare.json["operation"], wallet)
    assert found.status_code == 200
    assert (found.json["key"], found.json["body"]) == (None, bare.json)


def test_an_operation_is_asked_for_through_a_wallet_of_its_own(operator):
    """It is not found through a third one, nor is anything that is no id."""
    ada, bob, eve = (operator.create() for _ in range(3))
    operator.deposit(ada, 5)
    sent = operator.transfer(ada, bob, 1)
    assert sent.status_code == 201
    operation = sent.json["operation"]
    for name, wallet in ((operation, eve), ("o_1", ada), ("%00", ada), (ada, ada)):
        answer = read_operation(operator, name, wallet)
        assert answer.status_code == 404
        assert answer.json["type"] == "/problems/unknown-operation"
    missing = operator.get(f"/v1/operations/{operation}")
    assert (missing.status_code, missing.json["field"]) == (400, "wallet")
    assert "through a wallet" in missing.json["detail"]


def test_an_operation_is_found_from_its_other_side(operator):
    """The operator gets the same answer, of a transfer, a payment and a reversal."""
    ada, bob = operator.create(), operator.create()
    operator.deposit(ada, 9)
    operator.deposit(bob, 9)
    hold = operator._move(ada, "holds", {"amount": 2}, {}).json["hold"]["id"]
    payment = operator._move(ada, f"holds/{hold}/captures", {"to": bob}, {"key": "p"})
    sent = operator.transfer(ada, bob, 1, key="k")
    undone = operator.post(f"/v1/wallets/{bob}/entries/3/reversals")
    made = ((payment, ada, bob), (sent, ada, bob), (undone, bob, ada))
    for answer, asked, other in made:
        assert answer.status_code == 201, answer.text
        entries = operator.get(f"/v1/wallets/{other}/entries").json["entries"]
        operation = answer.json["operation"]
        assert operation in {each["operation"] for each in entries}
        told = read_operation(operator, operation, other)
        assert (told.status_code, told.json["body"]) == (200, answer.json)
        assert told.data == read_operation(operator, operation, asked).data
    # What was only asked for is no entry.
    refused = operator.transfer(ada, bob, 99, key="refused")
    assert refused.status_code == 422
    kept = operator.get(f"/v1/operations?wallet={ada}&key=refused").json["operation"]
    assert read_operation(operator, kept, ada).status_code == 200
    assert read_operation(operator, kept, bob).status_code == 404


def test_the_other_side_is_found_among_others_of_its_time(operator, monkeypatch):
    """However long the history is before and after."""
    monkeypatch.setattr(other_side, "AROUND", 3)
    ada, bob = operator.create(), operator.create()
    operator.deposit(ada, 9)
    operations = []
    for _ in range(9):
        sent = operator.transfer(ada, bob, 1)
        assert sent.status_code == 201
        operations.append(sent.json["operation"])
        # The next one is made in a later millisecond.
        until(lambda made=sent.json["operation"]: new_operation_id()[:14] > made[:14])
    for operation in operations:
        told = read_operation(operator, operation, bob)
        assert (told.status_code, told.json["operation"]) == (200, operation)


def test_the_other_side_is_found_of_what_is_older_than_its_id(app, local):
    """As in the demo, whose movements were made up long after they were."""
    ada, bob = local.create(), local.create()
    submit, at_us = service_of(app).writer.submit, 1_700_000_000_000_000
    submit(a_submission(ada, Kind.DEPOSIT, "9", at_us=at_us))
    move = a_submission(ada, Kind.TRANSFER, "1", recipient=bob, at_us=at_us)
    submit(move)
    (operation,) = (each.operation_id for each in move.commands)
    told = read_operation(local, operation, bob)
    assert (told.status_code, told.json["operation"]) == (200, operation)


def test_a_wallets_key_reads_what_came_from_another(operator):
    """Its own entry: neither the balance of the sender nor the key is told."""
    ada, ada_key = created(operator)
    bob, bob_key = created(operator)
    sender, receiver = (Wallets(operator.client, key) for key in (ada_key, bob_key))
    assert operator.deposit(ada, 50).status_code == 201
    sent = sender.transfer(ada, bob, 1, key="secret")
    assert sent.status_code == 201
    operation = sent.json["operation"]
    told = read_operation(receiver, operation, bob)
    assert told.status_code == 200
    (entry,) = receiver.get(f"/v1/wallets/{bob}/entries").json["entries"]
    assert told.json == {
        "operation": operation,
        "key": None,
        "status": 201,
        "body": {"operation": operation, "entry": entry},
    }
    assert read_operation(receiver, operation, ada).status_code == 403
    # Without a wallet, each asks through its own.
    assert receiver.get(f"/v1/operations/{operation}").data == told.data
    own = sender.get(f"/v1/operations/{operation}")
    assert own.status_code == 200
    assert (own.json["key"], own.json["body"]) == ("secret", sent.json)
    assert (
        Wallets(operator.client).get(f"/v1/operations/{operation}").status_code == 401
    )


def created(operator):
    made = operator.post("/v1/wallets", {})
    assert made.status_code == 201
    return made.json["id"], made.json["key"]


def test_a_wallets_key_reads_its_own_operations_by_id(operator):
    """Not those of the operator, whose keys are nobody else's, nor of other wallets."""
    made = operator.post("/v1/wallets", {})
    assert made.status_code == 201
    wallet, owner = made.json["id"], Wallets(operator.client, made.json["key"])
    deposit = operator.deposit(wallet, 5, key="secret").json["operation"]
    own = owner.withdraw(wallet, 1, key="mine").json["operation"]
    assert read_operation(owner, own, wallet).json["key"] == "mine"
    assert read_operation(operator, own, wallet).json["key"] == "mine"
    assert read_operation(owner, deposit, wallet).status_code == 404
    assert read_operation(owner, deposit, operator.create()).status_code == 403


def read_operation(caller, operation, wallet):
    return caller.get(f"/v1/operations/{operation}?wallet={wallet}")


#: Name, currency and balance of each wallet, in the order of creation.
WALLETS = [
    ("Zoë", "ZAR", "5.00"),
    ("ada", "BTC", "0.00000700"),
    ("Émile", "ZAR", "0.00"),
    ("Ada", "ZAR", "5.00"),
    ("ÉMILE_50%", "ZAR", "-3.00"),
    ("", "JPY", "9"),
    ("a.b&c=d", "ZAR", "100.00"),
    ("éa", "JPY", "0"),
    ("rich", "UGX", "9223372036854775807"),
]
#: What is asked, and the places of the wallets that are found.
LISTED = {
    "": [0, 1, 2, 3, 4, 5, 6, 7, 8],
    "order=created": [0, 1, 2, 3, 4, 5, 6, 7, 8],
    "order=name": [5, 6, 1, 3, 8, 0, 2, 4, 7],
    "order=balance": [1, 5, 7, 8, 6, 0, 3, 2, 4],
    "order=balance&currency=ZAR": [6, 0, 3, 2, 4],
    "order=recent": [8, 7, 6, 5, 4, 3, 2, 1, 0],
    "order=recent&currency=ZAR": [6, 4, 3, 2, 0],
    "order=name&currency=ZAR": [6, 3, 0, 2, 4],
    "currency=ZAR": [0, 2, 3, 4, 6],
    "currency=USD": [],
    "text=ADA": [1, 3],
    "text=" + quote("émile"): [2, 4],
    "text=%25": [4],
    "text=null": [],
    "text=a&order=balance&currency=ZAR": [6, 3],
    "text=a&order=name": [6, 1, 3, 7],
}


def test_the_wallets_that_fit_are_listed_in_order(local):
    """On every database alike, whatever the page has room for."""
    made = [make(local, *each) for each in WALLETS]
    for limit in ("", "&limit=1", "&limit=2", "&limit=7"):
        found = {
            query: [
                made.index(each["id"])
                for page in walk(local, f"/v1/wallets?{query}{limit}")
                for each in page["wallets"]
            ]
            for query in LISTED
        }
        assert found == LISTED


def make(local, name, currency, balance):
    wallet = local.create(name=name, currency=currency, floor="-9")
    if balance.startswith("-"):
        assert local.withdraw(wallet, balance[1:]).status_code == 201
    elif float(balance):
        assert local.deposit(wallet, balance).status_code == 201
    return wallet


def test_a_page_by_balance_goes_on_where_it_ended_whatever_moved_since(local):
    """Those that stand still are visited once; the one that moved is where it is."""
    wallets = [make(local, "", "ZAR", f"{n}.00") for n in (5, 4, 3, 2, 1)]
    path = "/v1/wallets?order=balance&currency=ZAR&limit=2"
    first = local.get(path)
    assert first.status_code == 200
    assert [each["id"] for each in first.json["wallets"]] == wallets[:2]
    assert first.json["next_cursor"] == f"{wallets[1]}.ZAR400"
    assert local.deposit(wallets[1], "90").status_code == 201
    pages = walk(local, first.json["next"])
    assert [each["id"] for page in pages for each in page["wallets"]] == wallets[2:]


def test_wallets_that_moved_at_once_are_each_listed_once(local):
    """Both sides of a transfer have the same moment, wherever a page ends."""
    ada, bob, eve, joe = (make(local, "", "ZAR", "5.00") for _ in range(4))
    assert local.transfer(ada, joe, "1").status_code == 201
    assert local.transfer(eve, bob, "1").status_code == 201
    wallets = sorted((bob, eve)) + sorted((ada, joe))
    for limit in (1, 2, 3):
        pages = walk(local, f"/v1/wallets?order=recent&limit={limit}")
        assert [each["id"] for page in pages for each in page["wallets"]] == wallets


def test_a_wallet_that_moves_between_pages_is_at_the_front_of_new_ones(local):
    """It is on no later page; those that stand still are on one."""
    wallets = [make(local, "", "ZAR", "5.00") for _ in range(6)][::-1]
    path = "/v1/wallets?order=recent&limit=2"
    first = local.get(path)
    assert first.status_code == 200
    assert [each["id"] for each in first.json["wallets"]] == wallets[:2]
    # One was seen, and one was not.
    for moved in (wallets[0], wallets[3]):
        assert local.deposit(moved, "1").status_code == 201
    seen = walk(local, first.json["next"])
    later = [wallets[n] for n in (2, 4, 5)]
    assert [each["id"] for page in seen for each in page["wallets"]] == later
    again = local.get(path)
    assert again.status_code == 200
    assert [each["id"] for each in again.json["wallets"]] == [wallets[3], wallets[0]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("order=", "order"),
        ("order=newest", "order"),
        ("currency=zar", "currency"),
        ("currency=", "currency"),
        ("text=", "text"),
        ("text=%0A", "text"),
        ("text=" + "x" * 201, "text"),
        ("after={id}.Ada", "after"),
        ("order=name&after={id}", "after"),
        ("order=name&after={id}.%00", "after"),
        ("order=name&after={id}.A%0A", "after"),
        ("order=balance&after={id}.ZAR", "after"),
        ("order=balance&after={id}.ZAR9999999999999999999", "after"),
        ("order=balance&after={id}.Ada", "after"),
        ("order=recent&after={id}", "after"),
        ("order=recent&after={id}.ZAR400", "after"),
        ("order=recent&after={id}.99999999999999999", "after"),
        ("name=Ada", "name"),
    ],
)
@pytest.mark.one_engine
def test_a_malformed_list_of_wallets_names_its_parameter(local, query, field):
    """A cursor belongs to one order."""
    answer = local.get(f"/v1/wallets?{query.format(id=local.create())}")
    assert (answer.status_code, answer.json["field"]) == (400, field)
