"""Styles, scripts and pictures, under names that change with what is in them."""

import hashlib
import re
from pathlib import Path
from typing import Final

from flask import Response, url_for
from xstatic.pkg import jquery

from ..web.files import send_file
from ..web.problems import Problem

_STATIC: Final = Path(__file__).parents[1] / "static"
#: What the pages load, by its name; jQuery is served from its package.
_FILES: Final = {
    path.name: path
    for path in (*_STATIC.iterdir(), Path(jquery.BASE_DIR) / "jquery.min.js")
}
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_A_YEAR_S: Final = 365 * 24 * 60 * 60
_MARK: Final = re.compile(r"\.([0-9a-f]{8})(?=\.[a-z]+$)")


def _marked(path: Path) -> str:
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return f"{path.name.removesuffix(path.suffix)}.{mark}{path.suffix}"


_NAMES: Final = {name: _marked(path) for name, path in _FILES.items()}


def address(name: str) -> str:
    """Tell where a file is, as it is now."""
    return url_for("static", filename=_NAMES[name])


def send(filename: str) -> Response:
    """Send a file; under the name that its content gives it, browsers keep it.

    A page that another version of the program made gets what there is now.

    :raises Problem: there is no such file.
    """
    name = _MARK.sub("", filename)
    if name not in _FILES:
        raise Problem("not-found")
    path = _FILES[name]
    if _NAMES[name] != filename:
        return send_file(path, _TYPES[path.suffix])
    response = send_file(path, _TYPES[path.suffix], _A_YEAR_S)
    response.cache_control.immutable = True
    return response
