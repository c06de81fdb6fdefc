"""A visitor of the pages: reads forms and sends them, without a script."""

import html
import os
import re
import shutil
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .conftest import IN_CI

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not IN_CI,
    reason="there is no Chromium: install it, or set CHROMIUM to its path",
)

_FORM = re.compile(
    r'<form[^>]*method="post"(?: action="([^"]*)")?[^>]*>(.*?)</form>', re.S
)
_HIDDEN = re.compile(r'<input[^>]*type="hidden" name="(\w+)" value="([^"]*)"')


@dataclass
class Visitor:
    """Someone with a browser. Over TLS, because the session asks for it."""

    client: FlaskClient
    address: str = "https://localhost"

    def get(self, path: str) -> TestResponse:
        headers = {"Accept": "text/html,*/*;q=0.8"}
        return self.client.get(
            path, base_url=self.address, headers=headers, buffered=True
        )

    def read(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, fields: dict[str, str]) -> TestResponse:
        """Post a form as it stands."""
        headers = {"Accept": "text/html,*/*;q=0.8", "Origin": self.address}
        return self.client.post(
            path, data=fields, base_url=self.address, headers=headers
        )

    def fill(self, page: str, action: str, **fields: str) -> TestResponse:
        """Open a page, and send its form with fields filled in."""
        hidden = self.hidden(page, action)
        return self.send(action, hidden | {n.rstrip("_"): v for n, v in fields.items()})

    def hidden(self, page: str, action: str) -> dict[str, str]:
        """Read what a form of a page carries."""
        forms = forms_in(self.get(page).text)
        return forms[action if action in forms else ""]

    def make_wallet(self, name: str = "Ada", currency: str = "ZAR") -> str:
        """Make a wallet, and tell its id."""
        answer = self.fill("/", "/wallets", name=name, currency=currency)
        assert answer.status_code == 303, answer.text
        return answer.location.rpartition("/")[2]

    def set_balance(self, wallet: str, balance: str, **fields: str) -> TestResponse:
        page = f"/wallets/{wallet}"
        return self.fill(page, f"{page}/balance", balance=balance, **fields)

    def confirm(self, review: str) -> TestResponse:
        """Do what is reviewed at an address."""
        return self.send(review, self.hidden(review, review))

    def sign_in(self, key: str) -> TestResponse:
        return self.fill("/sign-in", "/sign-in", key=key)


def forms_in(page: str) -> dict[str, dict[str, str]]:
    """Read what each form of a page carries, by its action."""
    return {
        action: {name: html.unescape(value) for name, value in _HIDDEN.findall(inside)}
        for action, inside in _FORM.findall(page)
    }


def text_of(page: str) -> str:
    """Read what a page says: without tags, with plain blanks."""
    shown = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return re.sub(r"\s+", " ", shown)


def error_of(answer: TestResponse) -> str:
    """Read the sentence in a page's alert."""
    found = re.search(r'<p id="(?:error|problem)" role="alert">(.*?)</p>', answer.text)
    return text_of(found[1]) if found else ""
