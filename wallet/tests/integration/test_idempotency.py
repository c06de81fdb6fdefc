import pytest


def test_a_repeated_request_is_answered_byte_for_byte(local):
    """The money moves once, and the second answer says that it is a repetition."""
    wallet = local.create()
    first = local.deposit(wallet, "1.00", key="k", note=None)
    local.deposit(wallet, "5.00")
    again = local.deposit(wallet, 1, key='"k"')
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert local.balance(wallet) == ("6.00", 2)


def test_a_refusal_of_the_rules_is_remembered(local):
    """A new intention needs a new key, even once there is enough money."""
    wallet = local.create()
    refused = local.withdraw(wallet, 1, key="k")
    local.deposit(wallet, 10)
    again = local.withdraw(wallet, 1, key="k")
    fresh = local.withdraw(wallet, 1, key="k2")
    assert (again.status_code, again.data) == (422, refused.data)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert fresh.status_code == 201
    assert local.balance(wallet) == ("9.00", 2)


@pytest.mark.parametrize(
    "other",
    [
        {"path": "deposits", "amount": "2"},
        {"path": "deposits", "amount": "1", "note": ""},
        {"path": "deposits", "amount": "1", "payee": ""},
        {"path": "withdrawals", "amount": "1"},
        {"path": "transfers", "amount": "1", "to": "x"},
    ],
)
def test_a_key_belongs_to_one_request(local, other):
    """Another amount, note, payee or kind under the same key is refused."""
    wallet = local.create()
    local.deposit(wallet, "1", key="k")
    body = {name: value for name, value in other.items() if name != "path"}
    path = f"/v1/wallets/{wallet}/{other['path']}"
    answer = local.post(path, body, **{"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert answer.json["type"] == "/problems/key-reused"
    assert local.balance(wallet) == ("1.00", 1)


def test_other_refusals_are_not_remembered(local):
    """A malformed or outdated request leaves its key free."""
    wallet = local.create()
    assert local.deposit(wallet, "1.005", key="k").status_code == 400
    assert local.deposit(wallet, 1, key="k", if_match='"9"').status_code == 412
    assert local.deposit(wallet, 1, key="k").status_code == 201


def test_a_replay_comes_before_if_match(local):
    """The version is not part of the request, so a repetition finds its answer."""
    wallet = local.create()
    first = local.deposit(wallet, 1, key="k", if_match='"0"')
    again = local.deposit(wallet, 1, key="k", if_match='"0"')
    assert (again.status_code, again.data) == (201, first.data)


def test_keys_of_different_wallets_are_different(local):
    """A key is looked for within its wallet."""
    answers = [local.deposit(local.create(), 1, key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json["operation"] != answers[1].json["operation"]


@pytest.mark.parametrize(
    "key",
    [
        *("", '"', '""', "a b", "\u00e9", "x" * 256, '"a"b', '"a\\b"', '"a'),
        *("a,b", ",", ",a", "a,", '"a","b"', 'a,"b"', '"a",b'),
    ],
)
def test_a_malformed_key_is_refused(local, key):
    """A key is 1 to 255 visible ASCII characters, with a comma in quotes only."""
    answer = local.deposit(local.create(), 1, key=key)
    assert (answer.status_code, answer.json["field"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    ("quoted", "bare"),
    [
        ('"a\\"b"', 'a"b'),
        ('"a\\\\b"', "a\\b"),
        ('"x' + '\\"' * 254 + '"', "x" + '"' * 254),
    ],
)
def test_a_quoted_key_is_its_contents(local, quoted, bare):
    """Escapes within quotes are undone."""
    wallet = local.create()
    first = local.deposit(wallet, 1, key=quoted)
    assert local.deposit(wallet, 1, key=bare).data == first.data


def test_a_key_with_a_comma_is_quoted_in_the_header_alone(local):
    """In a batch or a query nothing is joined with commas."""
    wallet = local.create()
    moved = local.deposit(wallet, 1, key='"x,y"')
    item = {"kind": "deposit", "amount": 1, "key": "x,y"}
    (outcome,) = local.batch(wallet, item).json["outcomes"]
    assert outcome == moved.json | {"status": 201}
    found = local.get(f"/v1/operations?wallet={wallet}&key=x,y")
    assert (found.status_code, found.json["body"]) == (200, moved.json)


def test_creating_with_the_same_key_gives_the_same_wallet_and_key(local):
    """The first answer is given again, whatever happened to the wallet since."""
    members, key = {"name": "Ada"}, {"Idempotency-Key": "new"}
    first = local.post("/v1/wallets", members, **key)
    local.deposit(first.json["id"], 5)
    again = local.post("/v1/wallets", {"name": "Ada", "floor": 0}, **key)
    other = local.post("/v1/wallets", {"name": "Bob"}, **key)
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert other.json["type"] == "/problems/key-reused"
    assert len(local.get("/v1/wallets").json["wallets"]) == 1


def test_an_operation_is_found_by_its_key(local):
    """What was answered then is told, for success and refusal alike."""
    wallet = local.create()
    moved = local.deposit(wallet, 1, key="good")
    refused = local.withdraw(wallet, 9, key="bad")
    path = f"/v1/operations?wallet={wallet}&key="
    good, bad, none = (local.get(path + key) for key in ("good", "bad", "none"))
    assert good.json == {
        "operation": moved.json["operation"],
        "key": "good",
        "status": 201,
        "body": moved.json,
    }
    assert (bad.json["status"], bad.json["body"]) == (422, refused.json)
    assert (none.status_code, none.json["type"]) == (
        404,
        "/problems/unknown-operation",
    )
    assert "never with a new one" in none.json["detail"]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 400, "wallet"),
        ("wallet={wallet}", 400, "key"),
        ("wallet={wallet}&key=", 400, "key"),
        ("wallet={wallet}&key=a&x=1", 400, "x"),
        ("wallet=w_1&key=a", 404, None),
        ("wallet=w_01a1fbd903027d25b6d9750e71a4d2a9&key=a", 404, None),
    ],
)
def test_an_operation_is_asked_for_by_wallet_and_key(local, query, status, field):
    """Both are needed, and the wallet must be there."""
    wallet = local.create()
    answer = local.get(f"/v1/operations?{query.format(wallet=wallet)}")
    assert (answer.status_code, answer.json.get("field")) == (status, field)
