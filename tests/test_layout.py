"""The layout and style, from the second stage on."""

import re

import pytest
from page import Page

FIRST_STAGE = 2

# What stands on what: text and its background, as the style sheet uses them.
PAIRS = [
    ("text", "page"),
    ("text", "sidebar"),
    ("text", "shade"),
    ("quiet", "page"),
    ("on-bar", "bar"),
    ("accent", "page"),
    ("text", "mark"),
    ("alert", "page"),
]


@pytest.fixture
def view(client):
    response = client.get("/")
    assert response.status_code == 200
    return Page(response)


def test_the_header_bar_names_the_bank_and_greets_the_visitor(view):
    """Logo and name at the left, welcome and picture at the right."""
    [header] = view.all("header")
    pictures = [image["src"] for image in view.all("img") if header in image["inside"]]

    assert header["text"].split() == (
        "Good bank Better than other banks Welcome James".split()
    )
    assert pictures == ["/static/logo.svg", "/static/profile.svg"]


def test_the_sidebar_links_to_this_page_and_marks_it(view):
    """All three links lead here, and the first says that it is the current one."""
    [nav] = view.all("nav")
    links = [link for link in view.all("a") if nav in link["inside"]]
    current = [link["text"] for link in links if link.get("aria-current") == "page"]

    assert [link["text"] for link in links] == ["Bank Balances", "Transfer", "Pay"]
    assert [link["href"] for link in links] == ["/", "/", "/"]
    assert current == ["Bank Balances"]


def test_every_file_of_the_page_is_there(view, client):
    """A missing picture or style sheet would answer 404."""
    files = [element["src"] for element in view.all("img") + view.all("script")]
    files += [link["href"] for link in view.all("link")]

    assert len(files) >= 4
    for file in files:
        with client.get(file) as answer:
            assert (file, answer.status_code) == (file, 200)


def test_nothing_is_loaded_from_another_host(folder):
    """No address of a web page stands in the templates, styles or scripts."""
    namespace = 'xmlns="http://www.w3.org/2000/svg"'
    files = [*folder.glob("templates/*"), *folder.glob("static/*")]

    for file in files:
        text = file.read_text().replace(namespace, "")
        assert "//" not in re.sub(r"^\s*// .*$", "", text, flags=re.MULTILINE), file


def colours(css):
    """Return a style sheet's custom colours."""
    return dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6});", css))


def luminance(colour):
    """Return the relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_background(folder, theme):
    """Every pair reaches the contrast of 4.5 that WCAG's level AA asks for."""
    light, _, dark = (folder / "static/style.css").read_text().partition("@media")
    palette = colours(light) | (colours(dark) if theme == "dark" else {})
    pairs = [pair for pair in PAIRS if set(pair) <= palette.keys()]

    assert len(pairs) >= 6
    for text, background in pairs:
        bright, dim = sorted(
            [luminance(palette[text]), luminance(palette[background])], reverse=True
        )
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, background)
