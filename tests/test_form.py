"""The form that sets the current balance, from the third stage on."""

import pytest
from page import Page
from page import look
from page import nothing_changes
from page import save
from page import text_of

FIRST_STAGE = 3


def test_the_form_posts_to_the_page(client):
    """One address shows the balances and takes a new one."""
    form = look(client).the("form[@action='/']")

    assert form.get("method") == "post"
    assert [field.get("name") for field in form.iter("input")] == ["balance"]


def test_the_form_says_what_it_wants(client):
    """A label, a hint, and a keyboard with digits on a phone."""
    page = look(client)
    field = page.by_id("balance")

    assert text_of(page.the("label[@for='balance']")) == "Current balance in rand"
    assert "For example 1234.56" in page.text("hint")
    assert "hint" in field.get("aria-describedby").split()
    assert field.get("inputmode") == "decimal"


def test_a_fresh_page_shows_no_error(client):
    """Nothing was typed, so nothing is wrong."""
    page = look(client)

    assert page.text("error") == ""
    assert page.by_id("balance").get("aria-invalid") is None


def test_a_balance_is_stored_and_the_browser_sent_to_it(client):
    """Post, redirect, get: a reload sends nothing twice."""
    response = save(client, "R 1 234.56")

    assert response.headers["Location"] == "/#latest"
    assert look(client).balances[-1] == "R\u00a01\u00a0234.56"


def test_submitting_again_appends(client):
    """The list grows, in the order in which the balances were set."""
    before = look(client).balances

    for text in ("10", "20", "20", "-5"):
        save(client, text)

    added = ["R 10.00", "R 20.00", "R 20.00", "-R 5.00"]
    assert look(client).balances == [
        *before,
        *(text.replace(" ", "\u00a0") for text in added),
    ]


def test_the_last_row_alone_is_the_latest(client):
    """The address ``/#latest`` leads to the newest balance."""
    save(client, "7")
    rows = look(client).by_id("balances").findall("tr")

    assert [row.get("id") for row in rows] == [None] * 10 + ["latest"]
    assert [row.get("aria-current") for row in rows] == [None] * 10 + ["true"]


def test_a_new_balance_is_the_current_one(client):
    """The large figure above the table follows."""
    save(client, "7")

    assert look(client).text("current") == "R\u00a07.00"


def test_a_new_row_has_the_date_in_south_africa(client, after_midnight):
    """Two hours ahead of UTC, all year."""
    save(client, "7")

    assert look(client).rows[-1][0] == "2026-11-26"


@pytest.mark.parametrize("text", ["", "abc", "1,234", "1e3", "1000000000000"])
def test_a_refused_text_changes_nothing(client, text):
    """Not a row, and not the cookie."""
    save(client, "7")

    with nothing_changes(client):
        response = client.post("/", data={"balance": text})

        assert response.status_code == 400
        assert "Set-Cookie" not in response.headers


@pytest.fixture
def refused(client):
    """The page after a text that is no amount, and would be a script."""
    response = client.post("/", data={"balance": '"><script>1,234</script>'})
    assert response.status_code == 400
    return Page(response)


def test_after_a_refusal_one_sentence_says_why(refused):
    """In an element that screen readers announce at once."""
    assert refused.text("error").startswith("Type rands and cents, such as ")
    assert refused.by_id("error").get("role") == "alert"


def test_after_a_refusal_the_field_keeps_what_was_typed(refused):
    """As text: it cannot become part of the page."""
    assert refused.by_id("balance").get("value") == '"><script>1,234</script>'


def test_after_a_refusal_the_field_is_focused_and_tied_to_the_sentence(refused):
    """Whoever cannot see the colour hears what is wrong."""
    field = refused.by_id("balance")

    assert field.get("autofocus") is not None
    assert field.get("aria-invalid") == "true"
    assert "error" in field.get("aria-describedby").split()


def test_the_sentence_stands_between_the_hint_and_the_field(refused):
    """Where the eyes are when it comes."""
    ids = [element.get("id") for element in refused.the("form[@action='/']").iter()]

    assert ids.index("hint") < ids.index("error") < ids.index("balance")


def test_a_missing_field_is_refused(client):
    """An empty form is a refusal like any other, not a fault."""
    with nothing_changes(client):
        response = client.post("/")

        assert response.status_code == 400
        assert Page(response).text("error").startswith("Type ")


def test_a_full_list_refuses_the_next_balance(full):
    """One more might not fit into the cookie; no row is lost."""
    with nothing_changes(full):
        response = full.post("/", data={"balance": "7"})

        assert response.status_code == 409
        assert "Start over" in Page(response).text("error")
        assert Page(response).by_id("balance").get("value") == "7"
        assert "Set-Cookie" not in response.headers


def test_start_over_makes_room(full):
    """A full list is not the end."""
    assert full.post("/start-over").status_code == 303

    save(full, "7")


def test_start_over_forgets_the_rows_of_this_visitor_alone(client, other):
    """The bank's own history stays, and so do another visitor's rows."""
    fresh = look(client).rows
    save(client, "7")
    save(other, "8")

    with nothing_changes(other):
        response = client.post("/start-over")

        assert response.status_code == 303
        assert response.headers["Location"] == "/"
    assert look(client).rows == fresh


@pytest.mark.parametrize("address", ["/start-over", "/?balance=8"])
def test_a_get_writes_nothing(client, address):
    """A browser fetches addresses ahead, and a crawler follows every link."""
    save(client, "7")

    with nothing_changes(client):
        response = client.get(address)

        assert response.status_code in (200, 405)
        assert "Set-Cookie" not in response.headers


FOREIGN = [
    "http://evil.example",
    "https://localhost.evil.example",
    "http://localhost:8080",
    "http://[",
    "localhost",
    "null",
]


@pytest.mark.parametrize("address", ["/", "/start-over"])
@pytest.mark.parametrize("origin", FOREIGN)
def test_another_sites_page_cannot_write(client, other, address, origin):
    """Its POST comes without the cookie, and a fresh one would replace the list."""
    save(client, "7")

    with nothing_changes(client):
        for visitor in (client, other):
            response = visitor.post(
                address, data={"balance": "8"}, headers={"Origin": origin}
            )

            assert response.status_code == 403
            assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("origin", ["http://localhost", "https://localhost"])
def test_our_own_page_can_write(client, origin):
    """A proxy may speak HTTPS for us: hosts are compared, not schemes."""
    response = client.post("/", data={"balance": "7"}, headers={"Origin": origin})

    assert response.status_code == 303
    assert look(client).balances[-1] == "R\u00a07.00"


def test_another_sites_page_may_link_here(client):
    """Only what writes is guarded."""
    assert client.get("/", headers={"Origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "address", "status", "name"),
    [("GET", "/nowhere", 404, "Not Found"), ("PUT", "/", 405, "Method Not Allowed")],
)
def test_any_other_error_is_a_page_of_ours(client, method, address, status, name):
    """With the header, and a way back."""
    response = client.open(address, method=method)

    assert response.status_code == status
    assert ("Allow" in response.headers) == (status == 405)
    page = Page(response)
    assert text_of(page.the("h1")) == name
    assert page.all("nav//a[@aria-current]") == []
    assert page.the("main//a").get("href") == "/"
