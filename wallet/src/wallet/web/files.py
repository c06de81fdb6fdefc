"""Files of the program: read once, packed once, and sent from memory."""

import gzip
import hashlib
import threading
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from flask import Request, Response, request

from .service import current_service

#: What is smaller is handed to the server whole, and then holds no thread.
_WHOLE: Final = 64 * 1024
#: The server keeps a few parts for a client that does not read.
_PART: Final = 16 * 1024
#: Fits in one packet as it is.
_SMALL: Final = 1_200
#: How hard pages are packed, of 9: more takes longer and saves little.
_QUICKLY: Final = 6
#: Of many who ask for a file that nobody has asked for yet.
_ONE_READS: Final = threading.Lock()


class Kept(NamedTuple):
    """What is sent again and again: as it is, packed, and a digest of it."""

    whole: bytes
    packed: bytes
    digest: str


def keep(data: bytes) -> Kept:
    """Make ready what is sent again and again."""
    digest = hashlib.sha256(data).hexdigest()[:32]
    return Kept(data, gzip.compress(data, mtime=0), digest)


def send_file(path: Path, mimetype: str, max_age_s: int | None = None) -> Response:
    """Answer with a file; without an age, browsers ask each time whether it changed.

    :raises Problem: it is large, and too many are being sent.
    """
    with _ONE_READS:
        kept = _read(path)
    return send_kept(kept, mimetype, max_age_s)


def send_kept(kept: Kept, mimetype: str, max_age_s: int | None = None) -> Response:
    """Answer with what is kept, as with a file.

    :raises Problem: it is large, and too many are being sent.
    """
    unpacked = not request.accept_encodings["gzip"]
    data = kept.whole if unpacked else kept.packed
    response = Response(data, mimetype=mimetype)
    response.vary.add("Accept-Encoding")
    response.set_etag(kept.digest if unpacked else f"{kept.digest}-gzip")
    response.cache_control.no_cache = max_age_s is None or None
    response.cache_control.max_age = max_age_s
    if not unpacked:
        response.content_encoding = "gzip"
    response.make_conditional(request)
    if response.status_code == 200 and len(data) > _WHOLE:
        parts = (data[at : at + _PART] for at in range(0, len(data), _PART))
        current_service().slow.files.place().send(response, parts)
    return response


def pack(request: Request, response: Response) -> None:
    """Compress a page for clients that accept it."""
    response.vary.add("Accept-Encoding")
    data = response.get_data()
    if request.accept_encodings["gzip"] and len(data) > _SMALL:
        response.set_data(gzip.compress(data, _QUICKLY, mtime=0))
        response.content_encoding = "gzip"


@cache
def _read(path: Path) -> Kept:
    return keep(path.read_bytes())
