import hashlib

import pytest
from itsdangerous import Signer

from wallet.ledger.ids import new_wallet_id
from wallet.web.auth import WalletKeys

from ..actions import Wallets
from .conftest import OPERATOR, SECRET

pytestmark = pytest.mark.one_engine


@pytest.fixture
def ada(operator, stranger):
    """The owner of a wallet with ten rand, and the wallet's id."""
    made = operator.post("/v1/wallets", {"name": "Ada"}).json
    operator.deposit(made["id"], 10)
    return Wallets(stranger.client, made["key"]), made["id"]


def test_an_owner_reads_withdraws_and_transfers_out(operator, ada):
    """A wallet's key opens its own wallet."""
    owner, wallet = ada
    bob = operator.create()
    answers = [
        owner.get(f"/v1/wallets/{wallet}"),
        owner.get(f"/v1/wallets/{wallet}/entries"),
        owner.withdraw(wallet, 1, key="k"),
        owner.transfer(wallet, bob, 2),
        owner.get(f"/v1/operations?wallet={wallet}&key=k"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 201, 201, 200]


def test_an_owner_may_do_nothing_else(operator, ada):
    """Any other wallet is refused before any look-up, existing or not."""
    owner, wallet = ada
    bob, nobody = operator.create(), new_wallet_id()
    answers = [
        owner.get("/v1/wallets"),
        owner.post("/v1/wallets"),
        owner.deposit(wallet, 1),
        owner.post(f"/v1/wallets/{wallet}/keys"),
    ]
    for other in (bob, nobody, "w_1", "x"):
        answers += [
            owner.get(f"/v1/wallets/{other}"),
            owner.get(f"/v1/wallets/{other}/entries"),
            owner.withdraw(other, 1),
            owner.withdraw(other, "malformed"),
            owner.transfer(other, wallet, 1),
            owner.get(f"/v1/operations?wallet={other}&key=k"),
            owner.post(f"/v1/wallets/{other}/keys"),
        ]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.json["type"] for answer in answers} == {"/problems/forbidden"}
    assert operator.balance(wallet) == ("10.00", 1)


def test_operator_and_owner_do_not_see_each_others_operations(operator, ada):
    """A key is kept apart by principal."""
    owner, wallet = ada
    owner.withdraw(wallet, 1, key="k")
    path = f"/v1/operations?wallet={wallet}&key=k"
    assert (owner.get(path).status_code, operator.get(path).status_code) == (200, 404)
    assert operator.withdraw(wallet, 2, key="k").status_code == 201


def _forged():
    wallet = "w_0193563cb0fb7e4a8c1c6f1a2b3c4d5e"
    other = Signer("x" * 32, salt="wallet.key").sign(f"{wallet}.1").decode()
    alike = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    unsalted = Signer(SECRET, **alike).sign(f"{wallet}.1").decode()
    genuine = WalletKeys(SECRET).make(wallet, 1)
    raised = genuine.replace(f"{wallet}.1.", f"{wallet}.2.")
    return [
        other,
        unsalted,
        raised,
        genuine[:-1],
        genuine,
        OPERATOR[:-1],
        "x",
        "\u00e9",
    ]


@pytest.mark.parametrize("token", _forged())
def test_forged_credentials_open_nothing(stranger, token):
    """Neither does a genuine key of a wallet that is not there."""
    wallet = token[:34] if token.startswith("w_") else new_wallet_id()
    caller = Wallets(stranger.client, token)
    answer = caller.get(f"/v1/wallets/{wallet}")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert caller.withdraw(wallet, 1).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic b3BlcmF0b3I6", OPERATOR, f"Token {OPERATOR}"],
)
def test_credentials_are_a_bearer_token(stranger, header):
    """Anything else is no credential; health is open to all."""
    for path in ("/v1/wallets", f"/v1/wallets/{new_wallet_id()}", "/v1/operations"):
        assert stranger.get(path, Authorization=header).status_code == 401
    assert stranger.get("/status").status_code == 200


def test_the_scheme_is_written_in_any_case(stranger):
    """Schemes of HTTP do not depend on case."""
    answer = stranger.get("/v1/wallets", Authorization=f"bearer {OPERATOR}")
    assert answer.status_code == 200


def test_raising_the_key_version_makes_older_keys_worthless(operator, ada):
    """The new key works, the old one is no credential any more, first of all."""
    owner, wallet = ada
    raised = operator.post(f"/v1/wallets/{wallet}/keys")
    renewed = Wallets(owner.client, raised.json["key"])
    assert raised.status_code == 201
    assert renewed.withdraw(wallet, 1).status_code == 201
    answers = [
        owner.get(f"/v1/wallets/{wallet}"),
        owner.get(f"/v1/wallets/{wallet}?x=1"),
        owner.get(f"/v1/wallets/{wallet}/entries"),
        owner.get(f"/v1/operations?wallet={wallet}&key=k"),
        owner.withdraw(wallet, 1),
        owner.withdraw(wallet, "malformed"),
        owner.withdraw(wallet, "1.005"),
        owner.client.post(
            f"/v1/wallets/{wallet}/withdrawals",
            headers={"Authorization": f"Bearer {owner.token}"},
        ),
    ]
    assert {answer.status_code for answer in answers} == {401}


def test_a_raised_key_does_not_change_what_creation_answered(operator):
    """Creating again with the same key gives the first answer, old key included."""
    header = {"Idempotency-Key": "k"}
    first = operator.post("/v1/wallets", {}, **header)
    operator.post(f"/v1/wallets/{first.json['id']}/keys")
    assert operator.post("/v1/wallets", {}, **header).data == first.data


def test_a_retired_secret_still_opens_and_a_new_one_signs():
    """Keys outlive a change of the secret as long as it is listed."""
    wallet = new_wallet_id()
    old, new = WalletKeys("o" * 32), WalletKeys("n" * 32, ["o" * 32])
    assert new.read(old.make(wallet, 3)) == (wallet, 3)
    assert WalletKeys("n" * 32).read(new.make(wallet, 3)) == (wallet, 3)
    assert WalletKeys("n" * 32).read(old.make(wallet, 3)) is None


def test_credentials_are_judged_before_everything_else(stranger, operator):
    """Who may not ask does not learn what is wrong with the request."""
    wallet = operator.create()
    path = f"/v1/wallets/{wallet}/deposits"
    assert stranger.client.post(path, data=b"{").status_code == 401
    assert stranger.client.post("/v1/wallets", data=b"{").status_code == 401


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "wallet.example"},
        {"HTTP_HOST": "localhost.example:8000"},
        {"HTTP_HOST": "user@localhost"},
        {"HTTP_HOST": "[::1"},
        {"HTTP_HOST": ""},
        {"HTTP_FORWARDED": "for=1.2.3.4"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
    ],
    ids=str,
)
def test_a_local_service_answers_this_machine_only(local, environ):
    """Every address is refused to strangers and proxies, and says what to set."""
    for path in ("/status", "/v1/wallets", "/nothing"):
        answer = local.client.get(path, environ_overrides=environ)
        assert (answer.status_code, answer.json["type"]) == (
            403,
            "/problems/local-only",
        )
    assert "WALLET_OPERATOR_TOKEN" in answer.json["detail"]


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"},
        {"REMOTE_ADDR": "127.5.5.5", "HTTP_HOST": "LOCALHOST"},
        {"REMOTE_ADDR": "::ffff:127.0.0.1", "HTTP_HOST": "127.0.0.1:1"},
    ],
    ids=str,
)
def test_a_local_service_knows_its_own_names(local, environ):
    """Loopback addresses of both families, and localhost."""
    assert local.client.get("/status", environ_overrides=environ).status_code == 200


def test_a_shared_service_answers_through_a_proxy(operator):
    """With credentials, strangers and proxies are welcome."""
    answer = operator.client.get(
        "/v1/wallets",
        headers={"Authorization": f"Bearer {OPERATOR}", "X-Forwarded-For": "1.2.3.4"},
        environ_overrides={"REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "wallet.example"},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "x"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://localhost:9000"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Origin": "http://localhost"}, 201),
        ({"Origin": "https://LOCALHOST"}, 201),
        ({}, 201),
    ],
    ids=str,
)
def test_foreign_pages_are_kept_out(local, operator, headers, status):
    """A browser says where a request comes from; programs say nothing."""
    for caller in (local, operator):
        assert caller.post("/v1/wallets", {}, **headers).status_code == status
