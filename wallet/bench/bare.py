"""The limit of any service in Flask: it reads JSON and answers, and keeps nothing.

It runs on the server of `wallet serve`, with its settings, and its answers have the
size and the headers of a deposit's and of a balance's. Two more routes each add one
thing that the wallet cannot do without: the way to its one writer, and a look-up.
"""

import os
import sys
from collections.abc import Callable
from threading import Thread
from typing import Any, Final

from flask import Flask, Response, request

from wallet.api.answers import freeze, wallet_answer
from wallet.clock import now_us
from wallet.config import Settings, read_settings
from wallet.ledger.commands import CreateWallet, Kind, MoveMoney, Submission
from wallet.ledger.ids import new_operation_id, new_wallet_id
from wallet.ledger.money import Amount
from wallet.ledger.outcomes import Known
from wallet.ledger.rules import decide
from wallet.server import make_server
from wallet.storage.queries import find_wallet
from wallet.storage.store import Store
from wallet.waiting import Queue
from wallet.web.replies import encode

#: What is handed over; nobody looks at it.
_NOTHING: Final = Submission((CreateWallet("", "", "ZAR", 0),))


def answers() -> tuple[bytes, bytes]:
    """Write what the wallet would answer to a deposit and to a look at the balance."""
    wallet_id = new_wallet_id()
    wallet = CreateWallet(wallet_id, "Ada", "ZAR", 0)
    amount = Amount(10_000_001, 2)
    move = MoveMoney(new_operation_id(), wallet_id, Kind.DEPOSIT, amount)
    decision = decide(Known(), (Submission((wallet, move)),), now_us())
    verdict = decision.verdicts[0]
    assert isinstance(verdict, tuple)  # noqa: S101  nothing here is refused
    frozen = freeze(verdict[1])
    assert frozen is not None  # noqa: S101  a move has an answer
    return frozen.body.encode(), encode(wallet_answer(decision.created[0]))


def make_app(settings: Settings) -> Flask:
    """Make the application."""
    app = Flask("bare")
    deposited, balance = answers()
    store = Store(settings.database_url, settings.limits)
    queue = Queue(settings.queue_size)
    Thread(target=_answer_all, args=(queue,), daemon=True).start()

    @app.post("/bare")
    def post() -> Response:
        amount: str = request.get_json()["amount"]
        return _dressed(Response(deposited, 201 if amount else 400))

    @app.get("/bare")
    def get() -> Response:
        response = _dressed(Response(balance))
        response.set_etag("1")
        return response

    @app.post("/bare/handed")
    def post_handed() -> Response:
        queue.put(_NOTHING).wait(settings.wait_timeout_ms / 1000)
        return post()

    @app.get("/bare/row/<wallet_id>")
    def get_row(wallet_id: str) -> Response:
        assert find_wallet(store, wallet_id)  # noqa: S101  a 500 would be counted
        return get()

    return app


def _answer_all(queue: Queue) -> None:
    """Take what waits and answer it, like the wallet's writer but for the work."""
    while batch := queue.take(512):
        for waiting in batch:
            waiting.answer(())


def _dressed(response: Response) -> Response:
    response.mimetype = "application/json"
    response.headers["X-Request-Id"] = "0123456789abcdef0123456789abcdef"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def load_application() -> Callable[..., Any]:
    """Make the application within a worker."""
    return make_app(_settings())


def _settings() -> Settings:
    given = {
        name.removeprefix("WALLET_"): value
        for name, value in os.environ.items()
        if name.startswith("WALLET_")
    }
    return read_settings(given)


def main() -> None:
    """Serve on a port with some workers: the two arguments."""
    port, workers = (int(each) for each in sys.argv[1:])
    server = make_server("bare", _settings(), "127.0.0.1", port, workers)
    server.serve(target_loader=load_application, wrap_loader=False)


if __name__ == "__main__":
    main()
