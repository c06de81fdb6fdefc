"""The limit of any service in Flask: it reads JSON and answers, and keeps nothing.

It runs on the server of `wallet serve`, with its settings, and its answers have the
size and the headers of a deposit's and of a balance's.
"""

import os
from tempfile import TemporaryDirectory

import click
from flask import Flask, Response, request

from wallet import create_app
from wallet.config import read_settings
from wallet.server import make_server
from wallet.web.service import service_of


def answers() -> tuple[bytes, bytes]:
    """What the wallet itself answers to a deposit and to a look at the balance."""
    with TemporaryDirectory() as home:
        app = create_app({"HOME": home, "LUNO_URL": "off"})
        client = app.test_client()
        created = client.post("/v1/wallets", json={"name": "Ada"})
        path = f"/v1/wallets/{created.get_json()['id']}"
        deposited = client.post(f"{path}/deposits", json={"amount": "100000.01"})
        balance = client.get(path)
        service_of(app).close()
    return deposited.data, balance.data


def make_app() -> Flask:
    """Make the application."""
    app = Flask("bare")
    deposited, balance = answers()

    @app.post("/bare")
    def post() -> Response:
        amount: str = request.get_json()["amount"]
        return _with_headers(Response(deposited, 201 if amount else 400))

    @app.get("/bare")
    def get() -> Response:
        response = _with_headers(Response(balance))
        response.set_etag("1")
        return response

    app.add_url_rule("/status", view_func=lambda: "ok")
    return app


def _with_headers(response: Response) -> Response:
    response.mimetype = "application/json"
    response.headers["X-Request-Id"] = "0123456789abcdef0123456789abcdef"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--workers", type=int, required=True)
def main(port: int, workers: int) -> None:
    """Serve it as `wallet serve` would."""
    settings = read_settings({"HOME": os.environ["WALLET_HOME"]})
    server = make_server("bare", settings, "127.0.0.1", port, workers)
    server.serve(target_loader=make_app, wrap_loader=False)


if __name__ == "__main__":
    main()
