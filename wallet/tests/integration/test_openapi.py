"""The interface is as it is described; ``EXAMPLES=200`` looks for longer."""

import json
import os
import re
from ipaddress import IPv4Address
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from wallet.api.calls import CALLS
from wallet.api.openapi import describe
from wallet.web.kinds import KINDS
from wallet.web.service import service_of

from ..actions import Wallets
from .conftest import METRICS, OPERATOR
from .test_documents import routes_of

EXAMPLES = int(os.environ.get("EXAMPLES", "5"))
#: A schema cannot say that an amount has at most the decimals of a wallet's currency,
#: that JSON's 1.0 is no whole number, or which version a wallet has. So a request that
#: fits the schema may be malformed all the same.
EXPLAINED = [positive_data_acceptance]
SEARCH = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def described(app):
    """The description, for an application that is asked from this machine.

    Each request has an address of its own, because many come with a wrong token.
    """
    addresses = (str(IPv4Address("127.0.0.1") + n) for n in count())

    def from_here(environ, start_response):
        return app(environ | {"REMOTE_ADDR": next(addresses)}, start_response)

    return schemathesis.openapi.from_wsgi("/openapi.json", from_here)


def search(app, wallet, mode, headers):
    """Send what fits the description, or just does not, and judge every answer."""
    seen = set()
    for found in described(app).get_all_operations():
        operation = found.ok()
        # What takes neither body nor parameters cannot be got wrong.
        if mode is GenerationMode.POSITIVE or "/v1" in operation.path:
            seen |= _judge(operation, wallet, mode, headers)
    return seen


def _judge(operation, wallet, mode, headers):
    seen = set()
    if headers and operation.label == "GET /metrics":
        headers = {"Authorization": f"Bearer {METRICS}"}

    @SEARCH
    @given(operation.as_strategy(generation_mode=mode))
    def judge(case):
        if mode is GenerationMode.POSITIVE and "wallet_id" in case.path_parameters:
            case.path_parameters["wallet_id"] = wallet
        answer = case.call_and_validate(headers=headers, excluded_checks=EXPLAINED)
        seen.add((operation.label, answer.status_code))

    judge()
    return seen


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_a_local_service_is_as_it_is_described(app, local, mode):
    """Statuses, headers, media types and bodies, for good and for bad requests."""
    wallet = local.create()
    local.deposit(wallet, 100)
    seen = search(app, wallet, mode, headers=None)
    assert {status for _, status in seen} <= {200, 201, 400, 404, 412, 422}
    if mode is GenerationMode.POSITIVE:
        assert {label for label, status in seen if status < 300} >= {
            "POST /v1/wallets/{wallet_id}/keys",
            "GET /v1/wallets/{wallet_id}/entries",
            "GET /metrics",
        }


def test_a_shared_service_is_as_it_is_described(shared_app, operator):
    """The same with credentials; without them each call that needs some is refused."""
    wallet = operator.create()
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    seen = search(shared_app, wallet, GenerationMode.POSITIVE, headers)
    assert {status for _, status in seen} <= {200, 201, 400, 404, 412, 422}


def test_every_route_is_described(app):
    """No route without a description, and no description without a route."""
    assert set(routes_of(app)) == set(CALLS)
    paths = describe(app, local=True)["paths"]
    told = {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs}
    assert told == {
        (method, re.sub(r"<(\w+)>", r"{\1}", route)) for method, route in CALLS
    }
    assert all(verb["summary"] for verbs in paths.values() for verb in verbs.values())


def test_patterns_are_written_as_clients_read_them(app):
    """Other languages than Python take its end of a text for the letter Z."""
    description = json.dumps(describe(app, local=True))
    assert '"pattern": "^' in description
    assert "\\Z" not in description


def test_every_problem_is_described(app):
    """Each is the refusal of some call, or named as that of all addresses."""
    told = {name for call in CALLS.values() for name in call.problems}
    of_pages = {"stale-form"}
    assert set(KINDS) == told | of_pages | {"method-not-allowed"}
    description = describe(app, local=True)
    assert "method-not-allowed" in description["info"]["description"]


def test_every_header_of_an_answer_is_described(operator):
    """Each answer has the headers that are described for its status, and no other."""
    told = describe(operator.client.application, local=False)
    wallet = operator.create()
    usual = {"Content-Type", "Content-Length", "Cache-Control"}
    usual |= {"X-Content-Type-Options"}
    body, key = {"amount": 1}, {"Idempotency-Key": "k"}
    path = f"/v1/wallets/{wallet}"
    operator.post(f"{path}/deposits", body, **key)
    for answer, template, verb in (
        (operator.get(path), "/v1/wallets/{wallet_id}", "get"),
        (
            operator.post(f"{path}/deposits", body, **key),
            "/v1/wallets/{wallet_id}/deposits",
            "post",
        ),
        (operator.post("/v1/wallets", {}), "/v1/wallets", "post"),
        (operator.get("/v1/wallets?x=1"), "/v1/wallets", "get"),
        (Wallets(operator.client).get("/v1/wallets"), "/v1/wallets", "get"),
    ):
        responses = told["paths"][template][verb]["responses"]
        headers = set(responses[str(answer.status_code)]["headers"])
        assert set(answer.headers.keys()) - usual <= headers


def test_each_call_says_who_may_make_it(app, shared_app):
    """A local service asks for nothing; a shared one for one of the tokens."""
    paths = describe(shared_app, local=False)["paths"]
    deposits = paths["/v1/wallets/{wallet_id}/deposits"]["post"]
    transfers = paths["/v1/wallets/{wallet_id}/transfers"]["post"]
    assert deposits["security"] == [{"operatorToken": []}]
    assert transfers["security"] == [{"operatorToken": []}, {"walletKey": []}]
    assert paths["/metrics"]["get"]["security"] == [{"metricsToken": []}]
    assert paths["/status"]["get"]["security"] == []
    assert service_of(app).settings.local
    local = describe(app, local=True)["paths"]
    assert all(
        each["security"] == [] for path in local.values() for each in path.values()
    )
