"""A file as lines of cells, whichever separator and encoding it has."""

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from itertools import islice
from typing import Final, NamedTuple

# A cell of any length is read, and judged by what it holds; no body is longer.
csv.field_size_limit(2**20)

#: In the order in which they are tried.
SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab"}
#: What a note may not have, and blanks of any kind.
_BLANKS: Final = re.compile(r"[\s\u0000-\u001f\u007f-\u009f\u200b\ufeff]+")


class Unreadable(ValueError):
    """A file is no statement; the message says why."""


class Line(NamedTuple):
    """A line with its number, counted from 1 as an editor does."""

    number: int
    cells: list[str]


def decode(data: bytes) -> tuple[str, str]:
    """Read a file as text, and name its encoding.

    :raises Unreadable: it is not text.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = {"utf-16": "UTF-16"}
    elif _looks_wide(data):
        raise Unreadable(
            "must be text in UTF-8, UTF-16 or Windows-1252: it looks like UTF-16"
            " without the mark at its beginning"
        )
    else:
        encodings = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}
    for codec, name in encodings.items():
        with suppress(UnicodeDecodeError):
            return data.decode(codec), name
    raise Unreadable("must be text in UTF-8, UTF-16 or Windows-1252")


def _looks_wide(data: bytes) -> bool:
    """Whether zeros stand between the bytes at its beginning, as in UTF-16."""
    start = data[:64]
    return len(start) > 1 and 3 * start.count(0) > len(start)


def split(text: str, separator: str, most: int | None = None) -> Iterator[Line]:
    """Split text into lines of cells, and leave out those that are empty.

    :param most: so many of its first lines only.
    :raises Unreadable: a quoted cell does not end as it must.
    """
    # A cell that is not closed would swallow what follows, so quotes are read strictly.
    reader = csv.reader(
        StringIO(text, newline=""),
        delimiter=separator,
        skipinitialspace=True,
        strict=True,
    )
    number = 1
    try:
        for cells in islice(reader, most):
            line = Line(number, [tidy(cell) for cell in cells])
            if any(line.cells):
                yield line
            number = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            f"has a cell in quotes on line {number} that does not end, or goes on after"
            " them"
        ) from error


def tidy(cell: str) -> str:
    """Make one blank of many, and none at the ends."""
    return _BLANKS.sub(" ", cell).strip()
