"""A secret that is made once, for every process and every start."""

import os
import secrets
from pathlib import Path


def made_once(path: Path) -> str:
    """Read the secret, and make it before if it is not there yet.

    :raises OSError: it can be neither read nor written.
    """
    if path.exists():
        # Read without writing: the disk may be full, or the folder closed.
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked, so that a second process finds all of it or none.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_text(secrets.token_urlsafe(48), encoding="ascii")
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return path.read_text(encoding="ascii").strip()
