"""Read a page the way the tests speak of it: by headers, rows and ids."""

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """A page's header cells, its table's rows, and its elements by tag and id."""

    def __init__(self, response):
        super().__init__()
        self.elements = []
        self.open = []
        self.feed(response if isinstance(response, str) else response.text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", "inside": list(self.open)}
        element |= dict(attributes)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", "inside": [], **dict(attributes)})

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **wanted):
        """Return every element of a tag that has these attributes."""
        return [
            element
            for element in self.elements
            if element["tag"] == tag and wanted.items() <= element.items()
        ]

    def by_id(self, element_id):
        [element] = [e for e in self.elements if e.get("id") == element_id]
        return element

    def text(self, element_id):
        return self.by_id(element_id)["text"].strip()

    @property
    def headers(self):
        return [cell["text"] for cell in self.all("th")]

    @property
    def rows(self):
        """Return the table's body, a tuple of cell texts for each row."""
        body = self.by_id("balances")
        rows = [row for row in self.all("tr") if body in row["inside"]]
        return [
            tuple(c["text"].strip() for c in self.all("td") if row in c["inside"])
            for row in rows
        ]
