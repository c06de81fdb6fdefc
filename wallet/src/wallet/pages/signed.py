"""What travels through a visitor's browser, signed so that nobody else can write it."""

import hashlib
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from ..web.problems import Problem
from ..web.service import current_service
from .access import LIFETIME_S


def sign(value: Any, salt: str) -> str:
    """Write a value as text for an address or a form.

    :param salt: what it is for; nothing else can read it.
    """
    return _serializer(salt).dumps(value)


def read_signed(text: str, salt: str) -> Any:
    """Read what was signed.

    :raises Problem: it is altered, too old, or for something else.
    """
    try:
        return _serializer(salt).loads(text, max_age=LIFETIME_S)
    except BadSignature as error:
        raise Problem("stale-form") from error


def _serializer(salt: str) -> URLSafeTimedSerializer:
    settings = current_service().settings
    return URLSafeTimedSerializer(
        [*settings.secret_key_fallbacks, settings.secret_key],
        salt=salt,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
