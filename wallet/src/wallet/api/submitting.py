"""Has what a request asks decided and committed."""

from collections.abc import Callable

from ..ledger.commands import Submission
from ..ledger.outcomes import Results
from ..web.auth import Caller
from ..web.problems import Problem
from ..web.service import current_service


def submit_moves(
    caller: Caller, wallet_id: str, read: Callable[[], Submission]
) -> Results:
    """Read the moves that a request asks for, and have them decided.

    :raises Problem: they are malformed, or the caller may not do them.
    """
    service = current_service()
    caller.must_see(wallet_id)
    try:
        submission = read()
    except Problem:
        # A caller with a worthless key learns that first, not what else is wrong.
        if caller.key_version is not None:
            service.open_wallet(caller, wallet_id)
        raise
    return service.submit(submission)
