"""One wallet and its database, up from the project's own files, called past Traefik."""

import json
import socket
from decimal import Decimal

import pytest

from ..actions import in_thread, locking, until
from ..clients import Load
from . import project
from .stack import Stack

DEPOSIT = json.dumps({"amount": "1.00"}).encode()
#: How the system's table of connections writes 8000, and that one is open.
PORT, ESTABLISHED = ":1F40", "01"


def test_the_status_is_good_and_durable(stack):
    """The wallet says so itself."""
    answer = stack.get("/status")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    settings = dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "on")
    settings["synchronous_standby_names"] = ""
    database = {"status": "ok", "engine": "postgresql", "durable": True}
    assert answer.json["database"] == database | {"settings": settings}


@pytest.mark.parametrize(
    "path", ["/sign-in", "/static/jquery.min.js", "/docs", "/docs/swagger-ui-bundle.js"]
)
def test_the_image_has_every_file_that_the_pages_need(stack, path):
    """What was left out of it was needed by nobody."""
    assert stack.get(path).status == 200


def test_the_wallet_wants_the_token_that_was_made(stack):
    """Another one is refused."""
    assert stack.get("/v1/wallets").status == 200
    stack.secrets, kept = stack.secrets | {"operator_token": "x" * 64}, stack.secrets
    try:
        assert stack.get("/v1/wallets").status == 401
    finally:
        stack.secrets = kept


def test_a_deposit_survives_a_restart(stack):
    """Of every container."""
    wallet = stack.create()
    answered = stack.deposit(wallet, "12.50", "restart")
    stack.compose("restart")
    stack.up()
    assert stack.balance(wallet) == "12.50"
    repeated = stack.deposit(wallet, "12.50", "restart")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.data == answered.data
    assert stack.balance(wallet) == "12.50"


def test_what_was_answered_survives_a_killed_wallet(stack):
    """What was not is there once after it is sent again."""
    wallet = stack.create()
    address = stack.addresses()[0]
    load = Load(lambda: stack.client(address), [wallet])  # wherever that is then
    try:
        until(lambda: len(load.answered) > 20)
        stack.compose("kill", "--signal", "KILL", "wallet")
    finally:
        load.stop()
    assert load.other == []
    assert load.unanswered
    stack.up()
    address = stack.addresses()[0]
    load.repeat()
    cents = len(load.answered) + len(load.unanswered)
    assert Decimal(stack.balance(wallet)) * 100 == cents
    verified = stack.compose("exec", "-T", "wallet", "wallet", "verify").stdout
    assert "all is as it must be" in verified


def test_a_request_in_flight_is_answered_when_the_wallet_is_stopped(stack):
    """Requests that wait for the database when it stops are answered all."""
    wallet = stack.create()
    address = stack.addresses()[0]
    # The engine itself is asked, because the requests wait for four seconds only.
    container = stack.containers("wallet")[0]["Id"]
    clients = [stack.client(address) for _ in range(20)]
    with locking(stack.database_url, wallet):
        for client in clients:
            client.ask("POST", f"/v1/wallets/{wallet}/deposits", DEPOSIT, {})
        until(lambda: _unread(stack, container) == 0)
        # The second SIGTERM spares the time in which it leaves.
        stack.engine("kill", "--signal=TERM", container)
        stopping, _ = in_thread(stack.engine, "stop", container)
        until(lambda: _refuses(address))
        assert stack.running("wallet") == 1
    assert [client.answer().status for client in clients] == [201] * 20
    stopping.join(60)
    (stopped,) = stack.containers("wallet")
    assert stopped["State"]["ExitCode"] == 0
    stack.up()
    assert stack.balance(wallet) == "20.00"


def test_down_and_up_keep_the_data_and_the_secrets(stack):
    """The containers are new, and everything else is as it was."""
    wallet = stack.create()
    stack.deposit(wallet, "7.00")
    stack.compose("down")
    assert project.make_secrets(stack.folder).stdout == ""
    assert project.secrets_of(stack.folder) == stack.secrets
    stack.up()
    assert stack.balance(wallet) == "7.00"


def test_no_secret_shows(stack, image):
    """Not in what the engine tells, in logs, in processes, or in the image."""
    wallet = stack.create()
    with stack.client() as client:
        key = client.post(f"/v1/wallets/{wallet}/keys").json["key"]
    stack.deposit(wallet, "1.00")
    seen = {
        "inspect": str(stack.containers()),
        "logs": stack.compose("logs", "--no-color").stdout,
        "processes": stack.compose("top").stdout,
        "configuration": stack.compose("config").stdout,
        "image": project.run(["docker", "history", "--no-trunc", image]).stdout,
    }
    secrets = stack.secrets | {"key": key}
    shown = [
        (name, place)
        for name, value in secrets.items()
        for place, text in seen.items()
        if value and value in text
    ]
    assert shown == []
    assert all(seen.values())


def test_a_backup_brings_back_the_money_and_the_keys(stack):
    """The lines of the manual, as they stand there, lead back to that moment."""
    backup, restore = project.lines("Backup"), project.lines("Restore")
    wallet = stack.create()
    answered = stack.deposit(wallet, "40.00", "before")
    done = stack.shell(backup)
    assert done.returncode == 0, done.stderr
    stack.deposit(wallet, "2.00", "after")
    done = stack.shell(restore)
    assert done.returncode == 0, done.stderr
    assert "all is as it must be" in done.stdout
    stack.up()
    assert stack.balance(wallet) == "40.00"
    repeated = stack.deposit(wallet, "40.00", "before")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.data == answered.data
    assert stack.deposit(wallet, "2.00", "after").status == 201
    assert stack.balance(wallet) == "42.00"


def _unread(stack: Stack, container: str) -> int:
    """Count the connections to the wallet on which something waits to be read."""
    table = stack.engine("exec", container, "cat", "/proc/net/tcp")
    lines = [line.split() for line in table.splitlines()[1:]]
    return sum(
        local.endswith(PORT)
        and state == ESTABLISHED
        and not queues.endswith(":00000000")
        for _, local, _, state, queues, *_ in lines
    )


def _refuses(address: str) -> bool:
    try:
        socket.create_connection((address, 8000), 5).close()
    except OSError:
        return True
    return False
