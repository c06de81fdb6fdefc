"""Every stage's page as a browser reads it."""

import pytest

FIRST_STAGE = 1

pytestmark = pytest.mark.browser


def test_the_browser_has_nothing_to_complain_about(live, context):
    """No error in its console, no address that fails, none of another host."""
    tab = context.new_page()
    complaints, addresses = [], []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(request.url))
    tab.on("request", lambda request: addresses.append(request.url))

    tab.goto(live.url, wait_until="networkidle")

    assert complaints == []
    assert [a for a in addresses if not a.startswith((live.url, "data:"))] == []
    assert tab.locator("#balances tr").count() == 10
