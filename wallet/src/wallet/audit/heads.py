"""Heads of wallets, kept in a file outside the database.

A line has a wallet's id, its version and its digest, and then what stood beside its
entries. Anybody who can write to the database can rewrite a whole history, and what is
beside it, so that all of it fits together; only a head kept out of their reach shows
it.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FORMAT: Final = "wallet heads 2"
#: Without what is beside the entries.
_FIRST_FORMAT: Final = "wallet heads 1"
_NUMBER, _SUM = "([0-9]{1,19})", "([0-9a-f]{64})"
_FIRST_LINE: Final = f"(w_[0-9a-f]{{32}}) {_NUMBER} {_SUM}"
_LINES: Final = {
    _FIRST_FORMAT: re.compile(_FIRST_LINE, re.ASCII),
    _FORMAT: re.compile(
        f"{_FIRST_LINE} {_NUMBER} {_SUM} {_NUMBER} {_NUMBER} {_SUM}", re.ASCII
    ),
}


class HeadsError(Exception):
    """The file is not one of heads."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What stood beside the entries of a wallet.

    :param changes: how many there were, and the sum of their digests.
    :param answers: how many refusals, and answers about holds, were kept.
    :param holds: how many there were, in whatever state.
    :param rest: the sum of the digests of these answers and holds.
    """

    changes: int
    changed: bytes
    answers: int
    holds: int
    rest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How far a wallet's history had come, its digest there, and what was beside it.

    :param beside: ``None`` if an older program wrote the file.
    """

    wallet_id: str
    version: int
    digest: bytes
    beside: Beside | None = None


def write_heads(path: Path, heads: Iterable[Head]) -> None:
    """Write heads to a file, all of them or none."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with aside.open("w", encoding="ascii") as file:
        try:
            file.write(f"{_FORMAT}\n")
            file.writelines(map(_line, heads))
            file.flush()
            os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink()
            raise


def _line(head: Head) -> str:
    beside = head.beside
    assert beside is not None  # noqa: S101  only one that was read may lack it
    line = f"{head.wallet_id} {head.version} {head.digest.hex()}"
    line += f" {beside.changes} {beside.changed.hex()}"
    return f"{line} {beside.answers} {beside.holds} {beside.rest.hex()}\n"


def read_heads(path: Path) -> dict[str, Head]:
    """Read the heads of wallets from a file.

    :raises HeadsError: it is not one of heads.
    """
    try:
        first, *lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError) as error:
        raise HeadsError(f"{path} cannot be read as a file of heads.") from error
    if first not in _LINES:
        raise HeadsError(f"{path} does not begin with the line '{_FORMAT}'.")
    heads = {}
    for number, line in enumerate(lines, start=2):
        match = _LINES[first].fullmatch(line)
        if match is None:
            raise HeadsError(f"{path} line {number} is not a head.")
        heads[match[1]] = _head(*match.groups())
    return heads


def _head(wallet_id: str, version: str, digest: str, *rest: str) -> Head:
    beside = None
    if rest:
        changes, changed, answers, holds, total = rest
        beside = Beside(
            int(changes),
            bytes.fromhex(changed),
            int(answers),
            int(holds),
            bytes.fromhex(total),
        )
    return Head(wallet_id, int(version), bytes.fromhex(digest), beside)
