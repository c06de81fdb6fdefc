"""The layout and style, from the second stage on."""

import re

import pytest
from page import look
from page import text_of

FIRST_STAGE = 2

# What is written on what, by the names of the style sheet's colours.
PAIRS = [
    ("text", "page"),
    ("text", "card"),
    ("quiet", "page"),
    ("quiet", "card"),
    ("accent", "page"),
    ("accent", "card"),
    ("alert", "page"),
    ("alert", "card"),
    ("text", "side"),
    ("on-bar", "bar"),
    ("on-bar", "bar-end"),
    # The row that was saved last, from the third stage on.
    ("text", "tint"),
    ("alert", "tint"),
]


@pytest.fixture
def view(client):
    return look(client)


def test_the_header_names_the_bank_and_greets_the_visitor(view):
    """Name and slogan, then the welcome."""
    words = text_of(view.the("header")).split()

    assert words == "Good bank Better than other banks Welcome James".split()


def test_the_header_shows_the_logo_and_the_profile_picture(view):
    """The logo at the left, the face at the right."""
    pictures = [image.get("src") for image in view.the("header").iter("img")]

    assert pictures == ["/static/logo.svg", "/static/profile.svg"]


def test_the_sidebar_links_to_this_page(view):
    """There is no other page yet."""
    links = list(view.the("nav").iter("a"))

    assert [text_of(link) for link in links] == ["Bank Balances", "Transfer", "Pay"]
    assert [link.get("href") for link in links] == ["/", "/", "/"]


def test_the_sidebar_marks_the_current_page(view):
    """By an attribute that a screen reader announces."""
    current = view.the("nav//a[@aria-current='page']")

    assert text_of(current) == "Bank Balances"


def test_the_current_balance_stands_above_the_table(view):
    """It is the balance of the last row."""
    ids = [element.get("id") for element in view.tree.iter()]

    assert view.text("current") == view.balances[-1] == "R\u00a02\u00a0480.10"
    assert ids.index("current") < ids.index("history")


def test_only_an_overdrawn_row_is_marked(view):
    """The style sheet gives its amounts a colour of their own."""
    rows = view.all("tr")
    marked = [
        row.find("td/time").text for row in rows if row.get("class") == "negative"
    ]

    assert marked == ["2017-01-20"]


def test_every_file_of_the_page_is_there(view, client):
    """A missing picture or style sheet would answer 404."""
    files = [element.get("src") for element in view.all("img") + view.all("script")]
    files += [link.get("href") for link in view.all("link")]

    assert len(files) >= 4
    for file in files:
        with client.get(file) as response:
            assert (file, response.status_code) == (file, 200)


def test_nothing_is_loaded_from_another_host(folder):
    """No address of a web page stands in the templates, styles or scripts."""
    namespace = 'xmlns="http://www.w3.org/2000/svg"'
    files = [*folder.glob("templates/*"), *folder.glob("static/*")]

    assert len(files) >= 5
    for file in files:
        text = file.read_text().replace(namespace, "")
        assert "//" not in re.sub(r"^\s*// .*$", "", text, flags=re.MULTILINE), file


def luminance(colour):
    """Return the relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_background(folder, theme):
    """Each pair has the contrast of 4.5 that WCAG's level AA asks for."""
    css = (folder / "static/style.css").read_text()
    found = re.findall(r"--([a-z-]+): light-dark\(#(\w{6}), #(\w{6})\);", css)
    palette = {name: {"light": light, "dark": dark} for name, light, dark in found}
    pairs = [pair for pair in PAIRS if palette.keys() >= set(pair)]
    assert len(pairs) >= 11

    for pair in pairs:
        dim, bright = sorted(luminance(palette[name][theme]) for name in pair)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, pair
