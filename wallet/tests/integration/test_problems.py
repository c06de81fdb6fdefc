import io
import re
from pathlib import Path

import pytest

from wallet.clock import now_us
from wallet.ledger.ids import new_wallet_id
from wallet.ledger.money import LARGEST_MINOR
from wallet.storage import errors as failures
from wallet.web.attempts import MOST_WRONG
from wallet.web.kinds import KINDS
from wallet.web.service import service_of

from ..actions import Wallets

ERRORS_PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def _full(caller):
    wallet = caller.create()
    whole, cents = divmod(LARGEST_MINOR, 100)
    caller.deposit(wallet, f"{whole}.{cents:02}")
    return wallet


def _break(caller, monkeypatch, error):
    writer = service_of(caller.client.application).writer

    def fail(_submission):
        raise error

    monkeypatch.setattr(writer, "submit", fail)
    return caller.post("/v1/wallets")


def _key_reused(caller):
    wallet = caller.create()
    caller.deposit(wallet, 1, key="k")
    return caller.deposit(wallet, 2, key="k")


def _batch_refused(caller):
    item = {"kind": "withdrawal", "amount": 1}
    return caller.batch(caller.create(), item, atomic=True)


def _currency_mismatch(caller):
    wallet, other = caller.create(), caller.create(currency="JPY")
    caller.deposit(wallet, 1)
    return caller.transfer(wallet, other, 1)


def _self_transfer(caller):
    wallet = caller.create()
    return caller.transfer(wallet, wallet, 1)


def _unknown_recipient(caller):
    wallet = caller.create()
    caller.deposit(wallet, 1)
    return caller.transfer(wallet, "nobody", 1)


def _undone(caller, version, times):
    wallet = caller.create()
    caller.deposit(wallet, 1)
    path = f"/v1/wallets/{wallet}/entries/{version}/reversals"
    for _ in range(times):
        undone = caller.post(f"/v1/wallets/{wallet}/entries/1/reversals")
        assert undone.status_code == 201
    return caller.post(path)


def _changed(caller, body, deposit=0):
    wallet = caller.create()
    if deposit:
        caller.deposit(wallet, deposit)
    return caller.client.patch(f"/v1/wallets/{wallet}", json=body)


def _held(caller, *calls, expires_in=60, **body):
    wallet = caller.create()
    caller.deposit(wallet, 5)
    path = f"/v1/wallets/{wallet}/holds"
    hold = caller.post(path, {"amount": 5, "expires_in": expires_in}).json["hold"]
    for call in calls:
        answer = caller.post(f"{path}/{hold['id']}/{call}", body)
    return answer


def _expired(caller):
    service = service_of(caller.client.application)
    answer = _held(caller, "captures", amount=1, keep_open=True)
    wallet, hold = answer.request.path.split("/")[3:6:2]
    service.writer._now_us = lambda: now_us() + 61_000_000
    return caller.post(f"/v1/wallets/{wallet}/holds/{hold}/releases")


def _overdrawn(caller):
    wallet = caller.create(floor=-5)
    caller.withdraw(wallet, 1)
    return caller.client.patch(f"/v1/wallets/{wallet}", json={"floor": 0})


def _archived(caller):
    wallet = caller.create()
    caller.client.patch(f"/v1/wallets/{wallet}", json={"archived": True})
    return caller.deposit(wallet, 1)


def _unknown_operation(caller):
    return caller.get(f"/v1/operations?wallet={caller.create()}&key=k")


def _too_large(caller):
    return caller.client.post(
        "/v1/wallets", data=b" " * (1024 * 1024 + 1), content_type="application/json"
    )


#: How each kind of problem is met; the last three get another error each.
SITUATIONS = {
    "malformed": lambda caller: caller.post("/v1/wallets", {"x": 1}),
    "not-found": lambda caller: caller.get("/nothing"),
    "unknown-wallet": lambda caller: caller.get(f"/v1/wallets/{new_wallet_id()}"),
    "unknown-entry": lambda caller: _undone(caller, 2, 0),
    "already-reversed": lambda caller: _undone(caller, 1, 1),
    "not-reversible": lambda caller: _undone(caller, 2, 1),
    "unknown-operation": _unknown_operation,
    "no-rate": lambda caller: caller.get("/v1/rates/XBTZAR"),
    "method-not-allowed": lambda caller: caller.client.delete("/v1/wallets"),
    "version-mismatch": lambda caller: caller.deposit(
        caller.create(), 1, if_match='"5"'
    ),
    "too-large": _too_large,
    "unsupported-media-type": lambda caller: caller.client.post("/v1/wallets"),
    "key-reused": _key_reused,
    "floor-too-high": _overdrawn,
    "not-empty": lambda caller: _changed(caller, {"archived": True}, deposit=1),
    "archived": _archived,
    "unknown-hold": lambda caller: caller.post(
        f"/v1/wallets/{caller.create()}/holds/h_x/releases"
    ),
    "hold-closed": lambda caller: _held(caller, "releases", "releases"),
    "hold-expired": _expired,
    "hold-exceeded": lambda caller: _held(caller, "captures", amount=6),
    "batch-refused": _batch_refused,
    "import-refused": lambda caller: caller.bring_in(
        caller.create(), b"date,amount\n2026-01-01,-1\n"
    ),
    "insufficient-funds": lambda caller: caller.withdraw(caller.create(), 1),
    "self-transfer": _self_transfer,
    "unknown-recipient": _unknown_recipient,
    "currency-mismatch": _currency_mismatch,
    "balance-too-large": lambda caller: caller.deposit(_full(caller), "0.01"),
    "foreign-page": lambda caller: caller.post("/v1/wallets", Origin="null"),
    "local-only": lambda caller: caller.get("/status", Forwarded="x"),
    "stale-form": lambda caller: caller.client.post("/wallets"),
}
FAILURES = {
    "internal-error": ZeroDivisionError("a secret of the inside"),
    "unavailable": failures.NotWritten(),
    "outcome-unknown": failures.OutcomeUnknown(),
}
CREDENTIALS = {"unauthenticated": None, "forbidden": "key"}
ATTEMPTS = {"too-many-attempts"}


def is_told_well(answer, name):
    """Whether an answer is the problem of that name, with all that it must carry."""
    kind = KINDS[name]
    body = answer.json
    assert answer.content_type == "application/problem+json"
    assert answer.status_code == body["status"] == kind.status
    assert (body["type"], body["title"]) == (f"/problems/{name}", kind.title)
    assert body["detail"]
    assert answer.headers["X-Request-Id"]
    assert ("Retry-After" in answer.headers) == (kind.status in (429, 503))
    assert ("WWW-Authenticate" in answer.headers) == (kind.status == 401)
    assert ("Allow" in answer.headers) == (kind.status == 405)
    assert set(body) - {"field", "outcomes", "lines", "count"} == {
        "type",
        "title",
        "status",
        "detail",
    }
    return True


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_refusal_is_told_as_a_problem(local, name):
    """Each kind has its own type, status, title and headers."""
    assert is_told_well(SITUATIONS[name](local), name)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_as_a_problem(local, monkeypatch, name):
    """Nothing of the inside is told."""
    answer = _break(local, monkeypatch, FAILURES[name])
    assert is_told_well(answer, name)
    assert "secret" not in answer.text


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_lack_of_rights_is_told_as_a_problem(operator, stranger, name):
    """No credentials, or those of a wallet where the operator's are needed."""
    token = CREDENTIALS[name] and operator.post("/v1/wallets").json[CREDENTIALS[name]]
    assert is_told_well(Wallets(stranger.client, token).get("/v1/wallets"), name)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_too_many_attempts_are_told_as_a_problem(stranger, name):
    """A client that sent too many wrong tokens learns how long to wait."""
    guesser = Wallets(stranger.client, "wrong")
    told = [guesser.get("/v1/wallets").status_code for _ in range(MOST_WRONG)]
    assert told == [401] * MOST_WRONG
    assert is_told_well(guesser.get("/v1/wallets"), name)


def test_every_kind_of_problem_is_met_by_these_tests():
    """A new kind needs a situation here."""
    assert set(KINDS) == {*SITUATIONS, *FAILURES, *CREDENTIALS, *ATTEMPTS}


def test_every_kind_of_problem_is_documented():
    """The page of errors has one row for each kind, with its status."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", ERRORS_PAGE.read_text(), re.M)
    assert rows == [(kind.name, str(kind.status)) for kind in KINDS.values()]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json5", ""])
def test_a_post_needs_json(local, content_type):
    """Also with an empty body: a form of another site cannot send JSON."""
    wallet = local.create()
    for path in ("/v1/wallets", f"/v1/wallets/{wallet}/keys"):
        answer = local.client.post(path, content_type=content_type)
        assert answer.status_code == 415
    assert local.deposit(wallet, 1).status_code == 201


def test_json_may_name_its_encoding(local):
    """Parameters of the content type are allowed."""
    answer = local.client.post(
        "/v1/wallets", data=b"{}", content_type="Application/JSON; charset=utf-8"
    )
    assert answer.status_code == 201


def test_a_body_of_one_mebibyte_is_read_whole(local):
    """The limit itself is allowed; the body is JSON with much space."""
    body = b"{}" + b" " * (1024 * 1024 - 2)
    for extra, status in ((b"", 201), (b" ", 413)):
        answer = local.client.post(
            "/v1/wallets", data=body + extra, content_type="application/json"
        )
        assert answer.status_code == status


def test_a_chunked_body_is_measured_as_it_is_read(local):
    """Without a declared length, what comes is counted."""
    for size, status in ((1024 * 1024 - 2, 201), (1024 * 1024 - 1, 413)):
        answer = local.client.post(
            "/v1/wallets",
            input_stream=io.BytesIO(b"{}" + b" " * size),
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/v1/wallets", "/v1/wallets/{}/keys"])
def test_a_body_that_breaks_off_is_refused(local, path):
    """However good what came of it is."""
    answer = local.client.post(
        path.format(local.create()),
        input_stream=io.BytesIO(b"{}"),
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": "3"},
    )
    assert (answer.status_code, answer.json["type"]) == (400, "/problems/malformed")
    assert len(local.get("/v1/wallets").json["wallets"]) == 1


def test_a_doubled_slash_is_another_address(local):
    """No redirect, whose body would be a page."""
    assert local.get("/v1//wallets").json["type"] == "/problems/not-found"
