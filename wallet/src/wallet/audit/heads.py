"""Heads of histories, kept in a file outside the database.

A line has a wallet's id, its version and its digest. Anybody who can write to the
database can rewrite a whole history so that it fits together; only a head kept out of
their reach shows it.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..ledger.outcomes import WalletState

_FORMAT: Final = "wallet heads 1"
_LINE: Final = re.compile(r"(w_[0-9a-f]{32}) ([0-9]{1,19}) ([0-9a-f]{64})", re.ASCII)


class HeadsError(Exception):
    """The file is not one of heads."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a wallet's history had come, and its digest there."""

    version: int
    digest: bytes


def write_heads(path: Path, wallets: Iterable[WalletState]) -> None:
    """Write the heads of wallets to a file, all of them or none."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with aside.open("w", encoding="ascii") as file:
        file.write(f"{_FORMAT}\n")
        for wallet in wallets:
            file.write(f"{wallet.id} {wallet.version} {wallet.digest.hex()}\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def read_heads(path: Path) -> dict[str, Head]:
    """Read the heads of wallets from a file.

    :raises HeadsError: it is not one of heads.
    """
    try:
        first, *lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError) as error:
        raise HeadsError(f"{path} cannot be read as a file of heads.") from error
    if first != _FORMAT:
        raise HeadsError(f"{path} does not begin with the line '{_FORMAT}'.")
    heads = {}
    for number, line in enumerate(lines, start=2):
        match = _LINE.fullmatch(line)
        if match is None:
            raise HeadsError(f"{path} line {number} is not a head.")
        heads[match[1]] = Head(int(match[2]), bytes.fromhex(match[3]))
    return heads
