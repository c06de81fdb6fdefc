"""A wallet's entries as they come: a call that waits until there is a newer one.

While it waits, it sends a blank each second, which JSON may begin with. So both sides
notice soon when the other one is gone. Its status is sent by then: what it cannot tell
at its end, it leaves out, and nobody takes blanks alone for an answer.
"""

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request

from ..ledger.outcomes import Entry, WalletState
from ..storage.errors import StoreFailure
from ..storage.finding import Order, WantedEntries, find_entries
from ..web.auth import Caller
from ..web.metrics import count_wait
from ..web.problems import Problem
from ..web.replies import encode, json_response
from ..web.service import Service, current_service
from . import answers
from .filters import EntriesQuery

log = logging.getLogger(__name__)

_BEAT_S: Final = 1.0


def follow(caller: Caller, wallet: WalletState, query: EntriesQuery) -> Response:
    """Answer with the entries after a version, at once or when there are some.

    :raises Problem: it asks for what is not waited for, or too many wait.
    """
    after, wait_s = query.followed(), query.wait or 0
    service = current_service()
    read = partial(_read, service, caller, wallet.id, after, query.limit)
    # The request is over when most of the answer is made.
    answer = partial(_answer, wallet, after, request.path, request.args.to_dict())
    entries = read()
    if entries or not wait_s:
        return json_response(answer(entries))
    place = service.slow.followers[caller.principal].place()
    response = Response(mimetype="application/json")
    place.send(response, _parts(service, wallet.id, after, wait_s, read, answer))
    return response


def _read(
    service: Service, caller: Caller, wallet_id: str, after: int, limit: int
) -> list[Entry]:
    """Read the next entries, if the caller may still see them.

    :raises Problem: the key was replaced.
    """
    service.open_wallet(caller, wallet_id)
    wanted = WantedEntries(after=after, order=Order.OLDEST)
    return find_entries(service.store, wallet_id, wanted, limit).rows


def _answer(
    wallet: WalletState,
    after: int,
    path: str,
    asked: dict[str, str],
    entries: list[Entry],
) -> answers.EntriesAnswer:
    """Make a page that always has a next one, even if it is empty."""
    cursor = entries[-1].version if entries else after
    return answers.EntriesAnswer(
        [answers.entry_answer(each, wallet.currency) for each in entries],
        f"{path}?{urlencode({**asked, 'after': cursor})}",
        cursor,
    )


def _parts(
    service: Service,
    wallet_id: str,
    after: int,
    wait_s: int,
    read: Callable[[], list[Entry]],
    answer: Callable[[list[Entry]], Any],
) -> Iterator[bytes]:
    until_s = time.monotonic() + wait_s
    # Unless it comes to an end, the client has gone.
    outcome = "gone"
    try:
        with service.feed.waiting(wallet_id, after) as called:
            while (left_s := until_s - time.monotonic()) > 0 and not called.is_set():
                yield b"\n"
                called.wait(min(left_s, _BEAT_S))
        outcome = "failed"
        entries = read()
        outcome = "newer" if entries else "nothing"
        yield encode(answer(entries))
    except (StoreFailure, Problem) as error:
        log.warning("a call that waited is not answered: %r", error)
    finally:
        count_wait(outcome)
