"""Every stage's page as a browser reads it."""

import pytest

FIRST_STAGE = 1

pytestmark = pytest.mark.browser


def test_the_page_is_valid_html(client):
    """A strict parser finds nothing to complain about."""
    import html5lib

    for response in (client.get("/"), client.post("/", data={"balance": '"<b>'})):
        assert response.status_code in (200, 400, 405)
        if response.status_code != 405:
            html5lib.HTMLParser(strict=True).parse(response.text)


def test_the_browser_has_nothing_to_complain_about(live, context):
    """No error in the console, no failed request, none to another host."""
    tab = context.new_page()
    complaints, addresses = [], []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(request.url))
    tab.on("request", lambda request: addresses.append(request.url))

    tab.goto(live.url, wait_until="networkidle")

    favicon = [text for text in complaints if "404" in text]
    assert complaints == favicon
    assert all(address.startswith(live.url) for address in addresses)
    assert tab.locator("#balances tr").count() == 10
