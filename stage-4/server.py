"""Good Bank: a very small banking page."""

import math
import os
import re
import secrets
from contextlib import suppress
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic

import requests
from flask import Flask
from flask import abort
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from werkzeug.exceptions import HTTPException

app = Flask(__name__)


def kept_secret_key():
    """Return this folder's own key, made by the first start and kept for the next."""
    kept = Path(app.root_path, "instance", "secret_key")
    kept.parent.mkdir(exist_ok=True)
    with NamedTemporaryFile("w", dir=kept.parent) as new, suppress(FileExistsError):
        new.write(secrets.token_hex())
        new.flush()
        os.link(new.name, kept)  # whole or not at all, and never over another
    return kept.read_text()


app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY") or kept_secret_key(),
    SESSION_COOKIE_NAME=re.sub("[^A-Za-z0-9-]", "-", Path(app.root_path).name),
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_REFRESH_EACH_REQUEST=False,  # only a new balance writes the cookie
    PERMANENT_SESSION_LIFETIME=timedelta(days=365),
)

HISTORY = [
    {"date": "2017-01-01", "balance": Decimal("40.00")},
    {"date": "2017-01-02", "balance": Decimal("36.00")},
    {"date": "2017-01-05", "balance": Decimal("1536.00")},
    {"date": "2017-01-09", "balance": Decimal("1310.25")},
    {"date": "2017-01-14", "balance": Decimal("862.75")},
    {"date": "2017-01-20", "balance": Decimal("-50.00")},
    {"date": "2017-01-25", "balance": Decimal("9450.00")},
    {"date": "2017-01-28", "balance": Decimal("7205.40")},
    {"date": "2017-01-31", "balance": Decimal("6980.10")},
    {"date": "2017-02-01", "balance": Decimal("2480.10")},
]

MAX_SAVED = 200  # the session is a cookie, and a browser drops one above 4 kB

SAST = timezone(timedelta(hours=2), "SAST")  # South Africa never changes its clocks

LUNO_TICKER_URL = "https://api.mybitx.com/api/1/ticker?pair=XBTZAR"

# The last price known, with a sentence about it, and when Luno was last asked.
luno = {"price": (None, "The bitcoin price is not available."), "asked": -math.inf}


@app.template_filter()
def rand(amount):
    """Write an amount as ``R 1 234.56``, with spaces that never break a line."""
    sign = "-" if amount < 0 else ""
    return f"{sign}R\u00a0{abs(amount):,.2f}".replace(",", "\u00a0")


def parse_rand(text):
    """Return the amount that was typed, exactly, or say what to type instead."""
    plain = re.sub("[ \u00a0\u202f]", "", text).replace(",", ".")
    if not re.fullmatch(r"-?R?[0-9]{1,12}(\.[0-9]{1,2})?", plain):
        raise ValueError("Type rands and cents, such as 1234.56, R 1 234.56 or -50.")
    return Decimal(plain.replace("R", "")).quantize(Decimal("0.01")) + 0  # no -0.00


def balance_history():
    """Return every balance so far, oldest first."""
    return HISTORY + [
        {"date": date, "balance": Decimal(balance)}
        for date, balance in session.get("rows", [])
    ]


def save_balance(text):
    """Append a balance to the visitor's own, or refuse it and change nothing."""
    try:
        balance = parse_rand(text)
    except ValueError as error:
        abort(400, str(error))
    rows = session.get("rows", [])
    if len(rows) >= MAX_SAVED:
        abort(409, "The list is full, so nothing was saved. Start over to make room.")
    session["rows"] = [*rows, [f"{datetime.now(SAST):%Y-%m-%d}", str(balance)]]
    session.permanent = True


def bitcoin(amount, price):
    """Write an amount in bitcoin, rounded half-even, or nothing without a price."""
    return f"{amount / price:z.8f}" if price else None  # z: 0 is never negative


def ask_luno():
    """Return what a bitcoin costs at Luno now and a sentence that says so."""
    url = os.environ.get("LUNO_TICKER_URL") or LUNO_TICKER_URL
    response = requests.get(url, timeout=(1.5, 2))  # to connect, and to read
    response.raise_for_status()
    ask = Decimal(str(response.json()["ask"]))
    if not 1 <= ask <= 10**12:
        raise ValueError("the price is out of bounds")
    time = datetime.now(SAST)
    return ask, f"1 BTC = {rand(ask)} (Luno, {time:%Y-%m-%d %H:%M %Z})"


def latest_price():
    """Return the last price known and its sentence; Luno is asked after 30 s."""
    if monotonic() - luno["asked"] >= 30:
        luno["asked"] = monotonic()  # before the call: nobody else waits
        try:
            luno["price"] = ask_luno()
        except Exception as error:  # whatever Luno does, the page works
            app.logger.warning("No bitcoin price: %.80r", error)
    return luno["price"]


def statement():
    """Return every balance with its worth in bitcoin, and the price that was used."""
    price, sentence = latest_price()
    history = [
        {**row, "bitcoin": bitcoin(row["balance"], price)} for row in balance_history()
    ]
    return {"history": history, "price": sentence}


def page(error=""):
    """Render the page, after a refusal with a sentence that says why."""
    return render_template("index.html", **statement(), error=error)


@app.before_request
def refuse_other_sites():
    """Refuse what another site's page sends: it could replace the visitor's list."""
    if request.method == "POST" and "Origin" in request.headers:
        _, _, host = request.headers["Origin"].partition("://")
        if host != request.host:
            abort(403, "This came from another site's page, so nothing was changed.")


@app.errorhandler(HTTPException)
def show_error(error):
    """Answer a refused balance with the page, and any other error with its own."""
    if error.code in (400, 409):
        return page(error.description), error.code
    return render_template("error.html", error=error), error.code, error.get_headers()


@app.get("/")
def index():
    """Show the account history."""
    return page()


@app.post("/")
def set_balance():
    """Save the balance that was typed, and show it at the end of the table."""
    save_balance(request.form.get("balance", ""))
    return redirect(url_for("index", _anchor="latest"), 303)


@app.post("/start-over")
def start_over():
    """Forget the balances that this visitor has added."""
    session.clear()
    return redirect(url_for("index"), 303)
