"""Good Bank: a very small banking page."""

from decimal import Decimal

from flask import Flask
from flask import render_template

app = Flask(__name__)

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


@app.template_filter()
def rand(amount):
    """Write an amount as ``R 1 234.56``, with spaces that never break a line."""
    sign = "-" if amount < 0 else ""
    return f"{sign}R\u00a0{abs(amount):,.2f}".replace(",", "\u00a0")


@app.get("/")
def index():
    """Show the account history."""
    return render_template("index.html", history=HISTORY)
