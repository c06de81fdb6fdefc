"""The interface is as it is described."""

import json
import re
from ipaddress import IPv4Address
from itertools import count

import jsonschema_rs
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
from ..chance import examples
from .conftest import METRICS, OPERATOR
from .test_documents import routes_of

#: A schema cannot say that an amount has at most the decimals of a wallet's currency,
#: that JSON's 1.0 is no whole number, or which version a wallet has. So a request that
#: fits the schema may be malformed all the same.
EXPLAINED = [positive_data_acceptance]
SEARCH = settings(
    max_examples=examples(3),
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
    service_of(app).feed.stop()
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
        if answer.status_code >= 400:
            told = operation.definition.raw["responses"][str(answer.status_code)]
            examples = told["content"]["application/problem+json"]["examples"].values()
            types = {example["value"]["type"] for example in examples}
            assert answer.json()["type"] in types

    judge()
    return seen


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_a_local_service_is_as_it_is_described(app, local, mode):
    """Statuses, headers, media types and bodies, for good and for bad requests."""
    wallet = local.create()
    local.deposit(wallet, 100)
    seen = search(app, wallet, mode, headers=None)
    assert {status for _, status in seen} <= {200, 201, 204, 400, 404, 412, 422}
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
    assert {status for _, status in seen} <= {200, 201, 204, 400, 404, 412, 422}


def test_every_route_is_described(app):
    """No route without a description, and no description without a route.

    What describes the service is no part of it.
    """
    documents = {"/openapi.json", "/docs", "/docs/<name>", "/problems/<name>"}
    assert {each for each in routes_of(app) if each[1] not in documents} == set(CALLS)
    paths = describe(app, local=True)["paths"]
    told = {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs}
    assert told == {
        (method, re.sub(r"<(\w+)>", r"{\1}", route)) for method, route in CALLS
    }
    assert all(verb["summary"] for verbs in paths.values() for verb in verbs.values())


def operations(app):
    """Yield every operation."""
    for verbs in describe(app, local=True)["paths"].values():
        yield from verbs.values()


def dictionaries(node):
    """Yield every object of the description."""
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node:
        if isinstance(each, dict | list):
            yield from dictionaries(each)


def test_a_call_keeps_its_name(app):
    """The functions of generated clients are named after them."""
    names = [operation["operationId"] for operation in operations(app)]
    assert len(set(names)) == len(names)
    assert set(names) >= {
        *("create_wallet", "list_wallets", "read_wallet", "renew_key"),
        *("deposit", "withdraw", "transfer", "undo", "move_in_bulk"),
        *("list_entries", "read_balance", "read_points", "read_operation"),
        "read_operation_by_id",
        *("read_rate", "read_status", "read_metrics"),
    }


def test_each_call_is_in_one_group_that_is_described(app):
    """Generated clients have a module for each; none is empty."""
    told = [tag["name"] for tag in describe(app, local=True)["tags"]]
    used = [operation["tags"] for operation in operations(app)]
    assert {len(tags) for tags in used} == {1}
    assert {tags[0] for tags in used} == set(told)


def test_the_makers_of_clients_understand_every_schema(app):
    """They stumble over what stands beside a reference, and over some defaults."""
    description = describe(app, local=True)
    for schema in dictionaries(description):
        if "$ref" in schema:
            assert set(schema) <= {"$ref", "description"}
        if "enum" in schema:
            assert schema["type"] in {"string", "integer"}
        assert "allOf" not in schema
        assert schema.get("default", "") is not None
    schemas = description["components"]["schemas"]
    assert [each for each in dictionaries(schemas) if "default" in each] == []
    assert (
        "The default is" in schemas["NewWallet"]["properties"]["floor"]["description"]
    )


def test_a_refusal_is_a_problem_and_nothing_more(app):
    """A generated client has one type for all of them."""
    problem = {"$ref": "#/components/schemas/ProblemAnswer"}
    refusals = [
        answer["content"]["application/problem+json"]["schema"]
        for operation in operations(app)
        for answer in operation["responses"].values()
        if "application/problem+json" in answer.get("content", {})
    ]
    assert len(refusals) > 50
    assert all(schema == problem for schema in refusals)


def test_answers_tell_which_texts_are_moments_ids_and_choices(app):
    """So that clients get times and constants instead of texts."""
    schemas = describe(app, local=True)["components"]["schemas"]
    entry, wallet = (
        schemas[name]["properties"] for name in ("EntryAnswer", "WalletAnswer")
    )
    assert entry["at"]["format"] == wallet["created_at"]["format"] == "date-time"
    assert entry["kind"] == {"$ref": "#/components/schemas/Kind"}
    assert wallet["currency"] == {"$ref": "#/components/schemas/Currency"}
    assert wallet["id"] == {"$ref": "#/components/schemas/WalletId"}
    assert re.search(
        entry["operation"]["pattern"], f"o_{'0' * 12}7{'0' * 3}8{'0' * 15}"
    )
    hold = {"$ref": "#/components/schemas/HoldId"}
    assert hold in entry["hold"]["anyOf"]
    for item in ("CaptureItem", "ReleaseItem"):
        assert schemas[item]["properties"]["hold"]["$ref"] == hold["$ref"]
    assert re.search(schemas["HoldId"]["pattern"], f"h_{'0' * 12}7{'0' * 3}8{'0' * 15}")
    problem = schemas["ProblemAnswer"]["properties"]["type"]
    assert problem == {"$ref": "#/components/schemas/ProblemType"}
    kinds = schemas["ProblemType"]
    assert kinds["x-enum-varnames"][0] == "MALFORMED"
    assert len(kinds["x-enum-varnames"]) == len(kinds["enum"])


def test_what_is_told_of_every_kind_of_key_is_as_described(app, local):
    """By the key and by the operation: of moves, holds, and what was refused."""
    ada, bob = local.create(), local.create()
    path, hold = f"/v1/wallets/{ada}", None
    for name, call, body in (
        ("deposit", "deposits", {"amount": 100}),
        ("withdrawal", "withdrawals", {"amount": 1}),
        ("transfer", "transfers", {"amount": 1, "to": bob}),
        ("reversal", "entries/2/reversals", {}),
        ("refusal", "withdrawals", {"amount": 1000}),
        ("hold", "holds", {"amount": 10}),
        ("capture", "holds/{hold}/captures", {"amount": 1, "keep_open": True}),
        ("release", "holds/{hold}/releases", {}),
        ("closed", "holds/{hold}/captures", {}),
    ):
        address = f"{path}/{call.format(hold=hold)}"
        answer = local.post(address, body, **{"Idempotency-Key": name})
        refused = name in ("refusal", "closed")
        assert answer.status_code == (422 if refused else 201), answer.text
        hold = answer.json.get("hold", {}).get("id", hold)
    set_to = {"Idempotency-Key": "balance", "If-Match": "*"}
    answer = local.client.put(f"{path}/balance", json={"amount": 5}, headers=set_to)
    assert answer.status_code == 201
    description = describe(app, local=True)
    schema = {"$ref": "#/components/schemas/OperationAnswer"}
    fits = jsonschema_rs.validator_for(
        {**schema, "components": description["components"]}
    )
    for name in (
        *("deposit", "withdrawal", "transfer", "reversal", "refusal"),
        *("hold", "capture", "release", "closed", "balance"),
    ):
        told = local.get(f"/v1/operations?wallet={ada}&key={name}")
        assert told.status_code == 200
        fits.validate(told.json)
        by_id = f"/v1/operations/{told.json['operation']}?wallet="
        assert local.get(by_id + ada).data == told.data
    with pytest.raises(jsonschema_rs.ValidationError):
        fits.validate(told.json | {"body": {}})


def test_the_order_by_name_is_described_as_it_is(app):
    """It knows no language; the lists themselves are compared elsewhere."""
    parameters = describe(app, local=True)["paths"]["/v1/wallets"]["get"]["parameters"]
    (order,) = (each for each in parameters if each["name"] == "order")
    assert "accented letters come after Z" in order["description"]


def test_an_example_says_what_it_needs_first(app):
    """Money that is there, and a wallet of one's own to send it to."""
    paths = describe(app, local=True)["paths"]
    told = {
        call: paths[f"/v1/wallets/{{wallet_id}}/{call}"]["post"]["requestBody"]
        for call in ("withdrawals", "transfers", "holds", "deposits")
    }
    assert "description" not in told.pop("deposits")
    assert all("deposit enough" in each["description"] for each in told.values())
    assert "another wallet of yours" in told["transfers"]["description"]


def test_every_example_of_a_request_succeeds(app, local):
    """As it stands; only a recipient must be one that there is."""
    other = local.create()
    wallet = local.create()
    paths = describe(app, local=True)["paths"]
    sent, hold = [], None
    for path, verbs in paths.items():
        for verb, operation in verbs.items():
            if "requestBody" not in operation:
                continue
            ((media, content),) = operation["requestBody"]["content"].items()
            body = content["example"]
            if media != "application/json":
                body = body.encode()
            elif "to" in body:
                body = body | {"to": other}
            needed = {
                each["name"]: "*"
                for each in operation["parameters"]
                if each["in"] == "header" and each["required"]
            }
            answer = local.client.open(
                path.format(wallet_id=wallet, version=2, hold_id=hold),
                method=verb.upper(),
                data=body if isinstance(body, bytes) else json.dumps(body),
                content_type=media,
                headers=needed,
            )
            told = (
                "201"
                if "201" in operation["responses"]
                else min(operation["responses"])
            )
            assert answer.status_code == int(told), answer.text
            sent.append(operation["operationId"])
            hold = (answer.get_json(silent=True) or {}).get("hold", {}).get("id", hold)
    assert len(sent) >= 6
    assert local.balance(wallet) == ("304.75", 10)


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
