"""Every reason to refuse a request, as clients get it (RFC 9457).

The kinds, by status::

    400 malformed
    401 unauthenticated
    403 forbidden, foreign-page, local-only, stale-form
    404 not-found, unknown-wallet, unknown-entry, unknown-hold,
        unknown-operation, no-rate
    405 method-not-allowed
    412 version-mismatch
    413 too-large
    415 unsupported-media-type
    422 key-reused, floor-too-high, not-empty, batch-refused, import-refused, and what
        the rules refuse: insufficient-funds, self-transfer, unknown-recipient,
        currency-mismatch, balance-too-large, already-reversed, not-reversible,
        archived, hold-closed, hold-expired, hold-exceeded
    429 too-many-attempts
    500 internal-error
    503 unavailable, outcome-unknown

``docs/errors.md`` has one row for each.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its name in the address of its type, and what it says."""

    name: str
    status: int
    title: str
    detail: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            "malformed",
            400,
            "The request is malformed",
            "Its body, a header or a parameter does not have the right form.",
        ),
        Kind(
            "unauthenticated",
            401,
            "Valid credentials are needed",
            "Send Authorization: Bearer with the operator's token or a wallet's key.",
        ),
        Kind(
            "forbidden",
            403,
            "These credentials do not allow this",
            "A wallet's key reads its own wallet, and pays or sets aside from it.",
        ),
        Kind(
            "foreign-page",
            403,
            "A page of another site may not send this",
            "Send the request from a program, or from a page of this service.",
        ),
        Kind(
            "local-only",
            403,
            "Without an operator token, only this machine may use the service",
            "Set WALLET_OPERATOR_TOKEN to serve other machines or run behind a proxy.",
        ),
        Kind(
            "stale-form",
            403,
            "This form is out of date",
            "Nothing was done. Allow this page's cookie, reload the page and send the"
            " form again.",
        ),
        Kind("not-found", 404, "There is nothing here", "Check the address."),
        Kind(
            "unknown-wallet", 404, "There is no such wallet", "Check the wallet's id."
        ),
        Kind(
            "unknown-entry",
            404,
            "There is no such entry",
            "Check the version: the wallet's entries are counted from 1.",
        ),
        Kind(
            "unknown-hold",
            404,
            "There is no such hold",
            "Check the hold's id, and whose wallet it is in.",
        ),
        Kind(
            "unknown-operation",
            404,
            "No operation is recorded",
            "Nothing is recorded here, or it is not yours; it may be under way. Send"
            " the request again with the same key, and never with a new one.",
        ),
        Kind(
            "no-rate",
            404,
            "No price of bitcoin is known",
            "No price was seen in the last 24 hours. Try again in a few minutes.",
        ),
        Kind(
            "method-not-allowed",
            405,
            "This address does not allow this method",
            "The Allow header lists the methods that it allows.",
        ),
        Kind(
            "version-mismatch",
            412,
            "The wallet has changed",
            "Read the wallet again, then decide.",
        ),
        Kind("too-large", 413, "The body is too large", "Send at most 1 MiB."),
        Kind(
            "unsupported-media-type",
            415,
            "The body is not of the type that this call takes",
            "Send Content-Type: application/json.",
        ),
        Kind(
            "key-reused",
            422,
            "This idempotency key belongs to another request",
            "Use a new key for each new request.",
        ),
        Kind(
            "floor-too-high",
            422,
            "The wallet has less available than this floor",
            "Nothing was changed. The floor may be at most what is available.",
        ),
        Kind(
            "not-empty",
            422,
            "Only an empty wallet can be archived",
            "Nothing was changed. Its balance must be zero, with nothing held.",
        ),
        Kind(
            "batch-refused",
            422,
            "An item of the atomic batch was refused",
            "Nothing was written. The outcome of that item has a problem.",
        ),
        Kind(
            "import-refused",
            422,
            "A line of the statement cannot be taken",
            "Nothing was written. Each line that is refused has a reason.",
        ),
        Kind(
            "insufficient-funds",
            422,
            "The wallet has too little available",
            "Nothing was moved. What is available may not fall below the floor.",
        ),
        Kind(
            "self-transfer",
            422,
            "A wallet cannot transfer to itself",
            "Name another wallet as the recipient.",
        ),
        Kind(
            "unknown-recipient",
            422,
            "There is no such recipient",
            "Nothing was moved. Check the recipient's id.",
        ),
        Kind(
            "currency-mismatch",
            422,
            "The recipient has another currency",
            "Nothing was moved. Both wallets must have the same currency.",
        ),
        Kind(
            "balance-too-large",
            422,
            "A balance would become too large to store",
            "Nothing was moved. What moves, or is held, has the same limit.",
        ),
        Kind(
            "already-reversed",
            422,
            "This was already undone",
            "Nothing was moved. The entry names the operation that undid it.",
        ),
        Kind(
            "not-reversible",
            422,
            "A reversal cannot be undone",
            "Nothing was moved. Make the move again instead.",
        ),
        Kind(
            "archived",
            422,
            "The wallet is archived",
            "Nothing was moved. An archived wallet takes no money in or out.",
        ),
        Kind(
            "hold-closed",
            422,
            "The hold is closed",
            "Nothing was moved. It was captured or released before.",
        ),
        Kind(
            "hold-expired",
            422,
            "The hold has expired",
            "Nothing was moved, and nothing is held any more. Place a new hold.",
        ),
        Kind(
            "hold-exceeded",
            422,
            "The hold has less than this",
            "Nothing was moved. At most what remains of it can be captured.",
        ),
        Kind(
            "too-many-attempts",
            429,
            "Too many wrong tokens or keys",
            "Ten wrong ones came from this address within a minute. Wait until that"
            " minute is over, then send the right one.",
        ),
        Kind(
            "internal-error",
            500,
            "Something went wrong here",
            "The log of the service has the details under this request's id.",
        ),
        Kind(
            "unavailable",
            503,
            "The service cannot do this now",
            "Nothing was written. Send the request again in a moment.",
        ),
        Kind(
            "outcome-unknown",
            503,
            "It is not known whether this was done",
            "Repeat the request with the same key. If it had none, read the wallet's"
            " entries first.",
        ),
    )
}
