"""The form in a browser that runs no script, and against a foreign page."""

import pytest

FIRST_STAGE = 3

pytestmark = pytest.mark.browser


def set_balance(tab, text):
    tab.fill("#balance", text)
    tab.get_by_role("button", name="Set balance").click()


def test_without_javascript_the_new_row_is_stored_and_in_view(
    visit_without_javascript, live
):
    """The form alone does it, and the page comes back at the new row."""
    tab = visit_without_javascript()
    tab.set_viewport_size({"width": 375, "height": 300})

    set_balance(tab, "R 1 234.56")

    tab.wait_for_url(f"{live.url}#latest")
    latest = tab.locator("#latest")
    assert "R\u00a01\u00a0234.56" in latest.inner_text()
    assert tab.locator("#balances tr").count() == 11
    assert 0 <= latest.bounding_box()["y"] < 300


def test_without_javascript_a_refusal_keeps_what_was_typed(visit_without_javascript):
    """The field has the focus and the text, and nothing was stored."""
    tab = visit_without_javascript()

    set_balance(tab, "1,234")

    assert "two ways" in tab.locator("#error").inner_text()
    assert tab.locator("#balance").input_value() == "1,234"
    tab.locator("#balance:focus").wait_for()
    assert tab.locator("#balances tr").count() == 10


def test_without_javascript_start_over_takes_two_clicks(visit_without_javascript):
    """The first click shows what will happen, the second does it."""
    tab = visit_without_javascript()
    set_balance(tab, "7")
    remove = tab.get_by_role("button", name="Remove my balances")
    assert not remove.is_visible()

    tab.get_by_text("Start over", exact=True).click()
    remove.click()

    tab.wait_for_load_state()
    assert tab.locator("#balances tr").count() == 10


def test_a_foreign_page_cannot_wipe_the_list(visit, live):
    """A form on another site posts here: the browser keeps its cookie and rows."""
    tab = visit()
    set_balance(tab, "7")
    tab.locator("#balances tr").nth(10).wait_for()
    foreign = tab.context.new_page()
    foreign.route(
        "http://evil.test/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{live.url}">'
            '<input name="balance" value="6"><button>Win a prize</button></form>',
        ),
    )
    foreign.goto("http://evil.test/")

    with foreign.expect_response(live.url) as answer:
        foreign.get_by_role("button").click()

    assert answer.value.status == 403
    tab.reload()
    assert tab.locator("#balances tr").count() == 11
    assert "R\u00a07.00" in tab.locator("#latest").inner_text()
