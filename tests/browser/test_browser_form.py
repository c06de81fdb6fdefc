"""The form in a browser: in view, without scripts, and against a foreign page."""

import pytest
from actions import send
from actions import visit_anew
from actions import wait_for_rows
from actions import wait_for_text
from actions import wait_for_view

FIRST_STAGE = 3

pytestmark = pytest.mark.browser

SIZES = [(1280, 720), (1366, 768), (375, 667), (375, 800)]


def test_after_a_refusal_the_sentence_and_the_field_are_in_view(visit):
    """Nobody has to scroll to learn what was wrong."""
    tab = visit()
    for width, height in SIZES:
        visit_anew(tab, width, height)

        send(tab, "1,234")

        assert wait_for_text(tab, "#error").startswith("Type ")
        tab.locator("#balance:focus").wait_for()
        wait_for_view(tab, "#error")
        wait_for_view(tab, "#balance")


def test_after_saving_the_new_row_and_the_field_are_in_view(visit):
    """The row is the answer, and the next balance can be typed."""
    tab = visit()
    for rows, (width, height) in enumerate(SIZES, 11):
        visit_anew(tab, width, height)

        send(tab, "7")

        wait_for_rows(tab, rows)
        wait_for_view(tab, "#latest")
        wait_for_view(tab, "#balance")


def test_the_field_and_its_button_stand_on_one_line(visit):
    """On a phone, too."""
    tab = visit()
    for width in (320, 375, 1280):
        tab.set_viewport_size({"width": width, "height": 720})
        field = tab.locator("#balance").bounding_box()
        button = tab.get_by_role("button", name="Set balance").bounding_box()

        assert field["y"] == button["y"], width
        assert field["x"] + field["width"] < button["x"], width


def test_without_javascript_a_balance_is_saved(plain_tab, live):
    """The form alone does it, and the page comes back at the new row."""
    send(plain_tab, "R 1 234.56")

    plain_tab.wait_for_url(f"{live.url}#latest")
    wait_for_rows(plain_tab, 11)
    assert "R\u00a01\u00a0234.56" in plain_tab.locator("#latest").inner_text()
    wait_for_view(plain_tab, "#latest")


def test_without_javascript_a_refusal_keeps_what_was_typed(plain_tab):
    """The field has the focus and the text, and nothing was stored."""
    send(plain_tab, "1,234")

    assert wait_for_text(plain_tab, "#error").startswith("Type ")
    assert plain_tab.locator("#balance:focus").input_value() == "1,234"
    wait_for_rows(plain_tab, 10)


def test_start_over_takes_two_clicks(plain_tab):
    """The first click shows what will happen, the second does it."""
    send(plain_tab, "7")
    wait_for_rows(plain_tab, 11)
    remove = plain_tab.get_by_role("button", name="Remove my balances")
    assert not remove.is_visible()

    plain_tab.get_by_text("Start over", exact=True).click()
    remove.click()

    plain_tab.wait_for_load_state()
    wait_for_rows(plain_tab, 10)


def test_a_foreign_page_cannot_wipe_the_list(visit, live):
    """A form on another site posts here: the browser keeps its cookie and rows."""
    tab = visit()
    send(tab, "7")
    wait_for_rows(tab, 11)
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
    wait_for_rows(tab, 11)
    assert "R\u00a07.00" in tab.locator("#latest").inner_text()
