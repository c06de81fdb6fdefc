"""The bytes of a request: its body, counted, and its query."""

from io import BytesIO
from typing import Final

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from .auth import Caller
from .problems import Problem, malformed
from .service import current_service

_JSON: Final = "application/json"
LARGEST_BODY: Final = 1024 * 1024
#: No form of ours is larger, but for those that carry a file.
LARGEST_FORM: Final = 64 * 1024
#: RFC 2046 allows no more; the framework makes patterns of it, whatever that takes.
_LONGEST_BOUNDARY: Final = 70


def read_form(
    incoming: Request, caller: Caller | None, largest: int = LARGEST_FORM
) -> None:
    """Read the whole of a form, before any of it is parsed.

    :param caller: who sends it, if that is known.
    :param largest: how many bytes it may have.
    :raises Problem: it is too large, or its end or that of its parts cannot be told.
    """
    if len(incoming.mimetype_params.get("boundary", "")) > _LONGEST_BOUNDARY:
        reason = f"has a boundary of more than {_LONGEST_BOUNDARY} characters"
        raise malformed("Content-Type", reason)
    require_length(incoming)
    if (incoming.content_length or 0) > largest:
        raise Problem("too-large", f"A form has at most {largest // 1024} KiB here.")
    incoming.max_form_memory_size = largest
    incoming.environ["wsgi.input"] = BytesIO(read_body(incoming, caller))


def require_length(incoming: Request) -> None:
    """Refuse a body in chunks: the server does not tell its end from a break.

    :raises Problem: it does not say beforehand how long it is.
    """
    if "HTTP_TRANSFER_ENCODING" in incoming.environ:
        raise malformed("Content-Length", "is missing")


def read_body(incoming: Request, caller: Caller | None) -> bytes:
    """Read the whole body, however it is sent.

    In chunks only JSON may come: no beginning of an object is an object.

    :raises Problem: it is larger than :data:`LARGEST_BODY`, or too many of such callers
        let others wait for their bodies.
    """
    principal = None if caller is None else caller.principal
    service = current_service()
    # It may come slowly.
    service.turns.give_back()
    places = service.slow.bodies[principal]
    places.take()
    try:
        return _read(incoming)
    finally:
        places.give_back()


def _read(incoming: Request) -> bytes:
    # The framework's own limit silently cuts a chunked body, so it is not used: what
    # comes is counted here.
    length = incoming.content_length
    if length is not None and length <= LARGEST_BODY:
        # Nearly every body says how long it is: to read it at once, past the stream of
        # the framework, takes 5 % less of the processor for a deposit.
        whole: bytes = incoming.environ["wsgi.input"].read(length)
        if len(whole) < length:
            raise ClientDisconnected
        return whole
    body, stream = bytearray(), incoming.stream
    while len(body) <= LARGEST_BODY:
        part = stream.read(LARGEST_BODY + 1 - len(body))
        if not part:
            break
        body += part
    if len(body) <= LARGEST_BODY:
        if length is not None:
            raise ClientDisconnected
        if not body:
            # Without a length there is none, unless it broke off at its beginning.
            require_length(incoming)
        return bytes(body)
    # A client that is cut off while it sends may never see the answer, so the rest is
    # read as well, within reason.
    left = LARGEST_BODY
    while left > 0 and (part := stream.read(min(left, 65536))):
        left -= len(part)
    raise Problem("too-large")


def query_of(incoming: Request) -> dict[str, list[str]]:
    """Return the values of each parameter of the query.

    :raises Problem: the query is not UTF-8.
    """
    if not incoming.query_string:
        return {}
    try:
        return incoming.args.to_dict(flat=False)
    except UnicodeDecodeError as error:
        raise malformed("query", "is not UTF-8") from error


def require_json(incoming: Request) -> None:
    """Refuse a body of another type, such as a form of another site could send.

    :raises Problem: the content type is not JSON.
    """
    # Nearly all say just that, which need not be taken apart.
    if incoming.environ.get("CONTENT_TYPE") == _JSON or incoming.mimetype == _JSON:
        return
    raise Problem("unsupported-media-type")
