"""Read a page the way the tests speak of it: by headers, rows and ids."""

from contextlib import contextmanager

import html5lib


class Page:
    """A page, read as strictly as a validator does."""

    def __init__(self, response):
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        self.tree = parser.parse(response.text)

    def all(self, path):
        """Return every element that an XPath such as ``nav/a`` finds."""
        return self.tree.findall(f".//{path}")

    def the(self, path):
        """Return the one element that an XPath finds."""
        [element] = self.all(path)
        return element

    def by_id(self, element_id):
        return self.the(f"*[@id='{element_id}']")

    def text(self, element_id):
        return text_of(self.by_id(element_id))

    @property
    def headers(self):
        return [text_of(cell) for cell in self.all("th")]

    @property
    def rows(self):
        """Return the table's body, a tuple of cell texts for each row."""
        return [
            tuple(text_of(cell) for cell in row.findall("td"))
            for row in self.by_id("balances").findall("tr")
        ]

    @property
    def balances(self):
        return [row[1] for row in self.rows]


def text_of(element):
    # Not a no-break space: those belong to the amounts.
    return "".join(element.itertext()).strip(" \n")


def look(client):
    """Return the page as this visitor sees it now."""
    response = client.get("/")
    assert response.status_code == 200
    return Page(response)


def save(client, text):
    """Save a balance through the form, and return the answer."""
    response = client.post("/", data={"balance": text})
    assert response.status_code == 303
    return response


@contextmanager
def nothing_changes(client):
    """Assert that what is done inside leaves the visitor's rows as they were."""
    before = look(client).rows
    yield
    assert look(client).rows == before
