"""The bytes of a request: its body, counted, and its query."""

from typing import Final

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from .problems import Problem, malformed

LARGEST_BODY: Final = 1024 * 1024
_JSON: Final = "application/json"


def read_body(incoming: Request) -> bytes:
    """Read the whole body, however it is sent.

    :raises Problem: it is larger than :data:`LARGEST_BODY`.
    """
    # The framework's own limit silently cuts a chunked body, so it is not used: what
    # comes is counted here.
    length = incoming.content_length
    if length is not None and length <= LARGEST_BODY:
        # Nearly every body says how long it is, and is taken with one look.
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
        return bytes(body)
    # Whoever is cut off while sending may never see the answer, so the end is waited
    # for, within reason.
    left = LARGEST_BODY
    while left > 0 and (part := stream.read(min(left, 65536))):
        left -= len(part)
    raise Problem("too-large")


def query_of(incoming: Request) -> dict[str, list[str]]:
    """Take the parameters of the query apart.

    :raises Problem: it has bytes that no client may send unescaped.
    """
    try:
        return incoming.args.to_dict(flat=False)
    except UnicodeDecodeError as error:
        raise malformed("query", "is not UTF-8") from error


def require_json(incoming: Request) -> None:
    """Refuse what a page of another site could send without being asked.

    :raises Problem: the content type is not JSON.
    """
    # What nearly everyone sends need not be taken apart.
    if incoming.environ.get("CONTENT_TYPE") == _JSON or incoming.mimetype == _JSON:
        return
    raise Problem("unsupported-media-type")
