"""Good Bank: a very small banking page."""

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
from threading import Lock
from time import monotonic

import requests
from flask import Flask
from flask import abort
from flask import g
from flask import redirect
from flask import render_template
from flask import request
from flask import send_from_directory
from flask import session
from flask import url_for
from xstatic.pkg import jquery

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
    SESSION_COOKIE_NAME=Path(app.root_path).name,
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_REFRESH_EACH_REQUEST=False,
    PERMANENT_SESSION_LIFETIME=timedelta(days=365),
    MAX_CONTENT_LENGTH=16 * 1024,
    TICKER_MAX_AGE=30,
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

# A browser silently drops a cookie above 4,093 bytes; its attributes need the rest.
COOKIE_SIZE_MAX = 4000

RAND_MAX = Decimal("999999999999.99")

RAND_PATTERN = re.compile(
    r"(?P<sign>-?)(?:(?:R|ZAR) ?)?(?P<number>"
    r"[0-9]+(?:[.,][0-9]{1,2})?"  # 1234 or 1234.5 or 1234,50
    r"|[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]{1,2})?"  # 1 234 or 1 234,56
    r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?)",  # 1,234,567 or 1,234.56
    re.IGNORECASE,
)

LUNO_TICKER_URL = "https://api.mybitx.com/api/1/ticker?pair=XBTZAR"

# Seconds to connect and to wait for bytes, and how long a failure is not repeated.
TICKER_TIMEOUT = (1.5, 2)
TICKER_RETRY_AFTER = 10

# What Luno last said. Whoever holds the lock may ask again; the others wait for it.
ticker = {"price": None, "read_at": None, "failed": False, "asked": float("-inf")}
ticker_lock = Lock()


@app.template_filter()
def rand(amount):
    """Write an amount as ``R 1 234.56``, with spaces that never break a line."""
    sign = "-" if amount < 0 else ""
    return f"{sign}R\u00a0{abs(amount):,.2f}".replace(",", "\u00a0")


def balance_history():
    """Return every balance until now, oldest first."""
    return [
        *HISTORY,
        *saved_balances(),
    ]


def now():
    """Return the time in South Africa, where the clocks never change."""
    return datetime.now(timezone(timedelta(hours=2)))


def saved_balances():
    """Return the balances that this visitor has added."""
    return [
        {"date": date, "balance": Decimal(balance)}
        for date, balance in session.get("rows", [])
    ]


def parse_rand(text):
    """Return the amount that was typed, exactly, or say what to type instead."""
    match = RAND_PATTERN.fullmatch(text.replace("\u00a0", " ").strip())
    if not match:
        raise ValueError("Type rands and cents, such as 1234.56, R 1 234.56 or -50.")
    number = match["number"]
    if re.fullmatch("[0-9]+,[0-9]{3}", number):
        raise ValueError("That comma can be read in two ways: type 1234, or 1.23.")
    number = re.sub("[ ,](?=[0-9]{3})", "", number).replace(",", ".")
    amount = Decimal(match["sign"] + number)
    if abs(amount) > RAND_MAX:
        raise ValueError(f"Type an amount of at most {rand(RAND_MAX)}.")
    return amount.quantize(Decimal("0.01")) + 0  # a negative zero becomes plain


def cookie_size(rows):
    """Return how many bytes the session's cookie takes with these rows."""
    serializer = app.session_interface.get_signing_serializer(app)
    value = serializer.dumps({"_permanent": True, "rows": rows})
    return len(app.config["SESSION_COOKIE_NAME"]) + len(value)


def save_balance(text):
    """Append a balance to the visitor's own, or refuse it and change nothing."""
    g.typed = text[:60]
    try:
        balance = parse_rand(text)
    except ValueError as error:
        abort(400, str(error))
    rows = [*session.get("rows", []), [f"{now():%Y-%m-%d}", str(balance)]]
    if cookie_size(rows) > COOKIE_SIZE_MAX:
        abort(409, "The list is full, so that was not saved. Start over, below.")
    session.permanent = True
    session["rows"] = rows


@app.template_filter()
def bitcoin(amount, price):
    """Write an amount in bitcoin, rounded half-even, or nothing without a price."""
    return f"{amount / price:z.8f}" if price else None


def ask_luno():
    """Return what a bitcoin costs at Luno now, or raise an error: never a guess."""
    url = os.environ.get("LUNO_TICKER_URL") or LUNO_TICKER_URL
    response = requests.get(url, timeout=TICKER_TIMEOUT, allow_redirects=False)
    if response.status_code != 200:
        raise ValueError(f"Luno answered with status {response.status_code}")
    body = response.json(parse_float=str)  # digits, never floats
    if not isinstance(body, dict) or body.keys() & {"error", "error_code"}:
        raise ValueError("Luno answered without a ticker")
    ask = str(body.get("ask"))
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", ask) or not 1 <= Decimal(ask) <= 10**12:
        raise ValueError("Luno answered with a price that cannot be")
    return Decimal(ask)


def latest_ticker():
    """Return what Luno last said, after asking again if that is due."""
    with ticker_lock:
        wait = TICKER_RETRY_AFTER if ticker["failed"] else app.config["TICKER_MAX_AGE"]
        if monotonic() - ticker["asked"] >= wait:
            try:
                ticker.update(price=ask_luno(), read_at=now(), failed=False)
            except (requests.RequestException, ValueError, RecursionError) as error:
                app.logger.warning("No bitcoin price: %s", error)
                ticker.update(failed=True)
            ticker.update(asked=monotonic())
        return dict(ticker)


def price_text(luno):
    """Say which price is used and when it was read, or that there is none."""
    if luno["price"] is None:
        return "The bitcoin price is not available at the moment."
    read_at = f"{luno['read_at']:%H:%M on %Y-%m-%d}"
    text = f"At {rand(luno['price'])} a bitcoin, read from Luno at {read_at}."
    return f"{text} It is old: no newer one is available." if luno["failed"] else text


def page(error="", typed=""):
    """Render the page, after a refusal with what was typed and what was wrong."""
    luno = latest_ticker()
    return render_template(
        "index.html",
        history=balance_history(),
        error=error,
        typed=typed,
        price=luno["price"],
        price_text=price_text(luno),
    )


def sent_balance():
    """Return the text that was sent as ``balance``, in a form or as JSON."""
    sent = request.form
    if request.is_json:
        with suppress(RecursionError):  # nested too deeply: the form is empty then
            sent = request.get_json(silent=True)
    balance = sent.get("balance") if isinstance(sent, dict) else None
    return balance if isinstance(balance, str) else ""


def row_as_json(row, price):
    """Return a row of the table as the script reads it."""
    return {
        "date": row["date"],
        "balance": str(row["balance"]),
        "balance_text": rand(row["balance"]),
        "bitcoin": bitcoin(row["balance"], price),
    }


@app.before_request
def keep_foreign_pages_out():
    """Refuse what another site's page sends: it could replace the visitor's list."""
    own = request.host_url.rstrip("/")
    foreign = request.headers.get("Origin", own) != own
    if "Sec-Fetch-Site" in request.headers:
        foreign = request.headers["Sec-Fetch-Site"] not in ("same-origin", "none")
    if foreign and request.method == "POST":
        abort(403, "This came from another site's page, so nothing was saved.")


@app.errorhandler(400)
@app.errorhandler(403)
@app.errorhandler(409)
@app.errorhandler(413)
def refuse(error):
    """Answer a refusal with the page, what was typed, and a sentence that says why."""
    if request.endpoint == "api_update":
        return {"error": error.description}, error.code
    return page(error=error.description, typed=g.get("typed", "")), error.code


@app.get("/")
def index():
    """Show the balances until now."""
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


@app.post("/api/update")
def api_update():
    """Save a balance and return all of them until now, as the page shows them."""
    luno = latest_ticker()
    save_balance(sent_balance())
    return {
        "history": [row_as_json(row, luno["price"]) for row in balance_history()],
        "price": price_text(luno),
    }


@app.get("/jquery.min.js")
def jquery_file():
    """Serve jQuery from the installed package."""
    return send_from_directory(jquery.BASE_DIR, "jquery.min.js")
