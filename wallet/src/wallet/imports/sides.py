"""The column that says which way an amount without a sign goes."""

from collections.abc import Iterator, Sequence
from typing import Final

from .amounts import MINUSES
from .cells import Line
from .columns import ROLES, Columns, plain

#: What tells debits, which take away, from credits.
_SIDES: Final = {
    **dict.fromkeys(("debit", "dr", "d", "debiet", "withdrawal", "money out"), -1),
    **dict.fromkeys(("credit", "cr", "c", "krediet", "deposit", "money in"), 1),
    **{"s": -1, "soll": -1, "af": -1, "h": 1, "haben": 1, "bij": 1},
}
#: Words that say it only under such a heading, or beside their opposite.
_WEAK: Final = {"s", "h", "af", "bij"}
#: Signs alone; a minus may as well stand for nothing.
_SIGNS: Final = {"-": -1, "+": 1}
_HEADINGS: Final = {"+/-", "-/+", "sign", "vorzeichen"}
_LONGEST_WORD: Final = 20


def find_side(head: Line, dated: Sequence[Line], columns: Columns) -> Columns:
    """Find the column beside the others that says debit or credit, and nothing else."""
    if "amount" not in columns:
        return {}
    for place, said in _beside(head, dated, columns):
        if _is_side(head.cells[place], said):
            return {"side": place}
    return {}


def find_doubt(
    head: Line, dated: Sequence[Line], columns: Columns
) -> tuple[str, str] | None:
    """Find a column that may say which way amounts go, and is not understood.

    :returns: its heading, and one of its words.
    """
    for place, said in _beside(head, dated, columns):
        heading = head.cells[place]
        if plain(heading) in ROLES:
            continue
        two = len(said) == 2 and all(map(_is_word, said))
        debits = any(_SIDES.get(plain(cell), 0) < 0 for cell in said)
        if two or debits or _is_heading(heading):
            return heading, min(said)
    return None


def side_of(cell: str) -> int:
    """Tell which way a debit or a credit goes: -1 takes away."""
    sign = _SIGNS.get(cell.translate(MINUSES))
    return sign or _SIDES[plain(cell)]


def _beside(
    head: Line, dated: Sequence[Line], columns: Columns
) -> Iterator[tuple[int, set[str]]]:
    """Tell the columns that are not used and what is in each, if anything is."""
    told: list[set[str]] = [set() for _ in head.cells]
    for line in dated:
        for cells, cell in zip(told, line.cells, strict=False):
            cells.add(cell)
    for place in sorted(set(range(len(told))) - set(columns.values())):
        if said := told[place] - {""}:
            yield place, said


def _is_side(heading: str, said: set[str]) -> bool:
    signs = {cell.translate(MINUSES) for cell in said}
    if signs <= _SIGNS.keys():
        return len(signs) == len(_SIGNS) or _is_heading(heading)
    words = {plain(cell) for cell in said}
    if not words <= _SIDES.keys():
        return False
    both = len({_SIDES[word] for word in words}) > 1
    return both or not words <= _WEAK or _is_heading(heading)


def _is_heading(heading: str) -> bool:
    words = {_SIDES.get(word) for word in plain(heading).split()}
    return words >= {-1, 1} or heading.casefold() in _HEADINGS


def _is_word(cell: str) -> bool:
    return len(cell) <= _LONGEST_WORD and plain(cell) == cell.casefold()
