"""What clients saw: each call with its begin, its end, and its answer byte for byte."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

#: The calls by which the whole history is read once all is quiet.
LAST_LOOK = "last look"


@dataclass(frozen=True)
class Request:
    """What a client asks for.

    :param action: its name in the table of actions.
    :param principal: ``"operator"``, or ``"owner"`` for the key of the wallet.
    """

    action: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    key: str | None = None
    if_match: int | None = None
    principal: str = "operator"


@dataclass(frozen=True)
class Call:
    """A request and what came of it.

    :param began, ended: by the clock of the machine, which is that of the servers.
    :param status: ``None`` if nothing came back.
    :param whole: whether the server can have received all of it.
    """

    request: Request
    began: float
    ended: float
    status: int | None = None
    data: bytes = b""
    replayed: bool = False
    etag: str | None = None
    whole: bool = True
    server: int = 0

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.data)

    @property
    def problem(self) -> str | None:
        """The name of the problem that it was answered with."""
        if self.status is None or self.status < 400:
            return None
        try:
            return str(self.json["type"]).removeprefix("/problems/")
        except (msgspec.DecodeError, KeyError, TypeError):
            return "no problem at all"

    @property
    def is_unknown(self) -> bool:
        """Whether it may have been carried out, and nobody said so."""
        if self.status is None:
            return self.whole
        return self.problem in ("outcome-unknown", "internal-error")

    @property
    def may_have_written(self) -> bool:
        return self.is_unknown or self.status in (200, 201)

    def __str__(self) -> str:
        asked = self.request
        came = self.status if self.status is not None else "no answer"
        return (
            f"{asked.action} ({asked.method} {asked.path} {asked.body or ''}"
            f" key {asked.key}, {self.began:.6f} to {self.ended:.6f}: {came}"
            f" {self.data[:300].decode(errors='replace')})"
        )


def save(calls: Iterable[Call], path: Path) -> None:
    """Write a history down, a call on each line, so that it can be judged again."""
    with path.open("w") as file:
        for call in calls:
            line = asdict(call) | {"data": call.data.decode("latin-1")}
            file.write(json.dumps(line) + "\n")


def load(path: Path) -> list[Call]:
    """Read a history that was written down."""
    calls = []
    for line in path.read_text().splitlines():
        call = json.loads(line)
        call["request"] = Request(**call["request"])
        call["data"] = call["data"].encode("latin-1")
        calls.append(Call(**call))
    return calls
