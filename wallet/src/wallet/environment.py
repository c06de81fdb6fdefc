"""The environment: what of it is meant for the wallet, and no misspelt name."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

_PREFIX: Final = "WALLET_"
#: What the project names so for others: its Compose files, Makefile and tests.
_FOR_OTHERS: Final = frozenset(
    {"IMAGE", "REPLICAS", "WORKERS", "TEST_DATABASE_URL", "TEST_CITUS_URL"}
)
#: What Kubernetes tells every container about a service that is called "wallet".
_OF_KUBERNETES: Final = re.compile(
    r"SERVICE_(HOST|PORT(_\w+)?)=.*|PORT=\w+://.*|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?=.*"
)


def meant_for_the_wallet(
    environment: Mapping[str, str], known: Collection[str]
) -> dict[str, str]:
    """Return what is set, by names without their prefix.

    A misspelt name would be a setting that silently has its default.

    :param known: the names that mean something.
    :raises ValueError: one does not; the message names what was probably meant.
    """
    given = {
        name.removeprefix(_PREFIX): value
        for name, value in sorted(environment.items())
        if name.startswith(_PREFIX)
    }
    for name, value in given.items():
        if name in known or name in _FOR_OTHERS:
            continue
        if _OF_KUBERNETES.fullmatch(f"{name}={value}") is None:
            close = get_close_matches(name, sorted(known), 1)
            advice = f"did you mean {_PREFIX}{close[0]}?" if close else "unset it."
            raise ValueError(f"{_PREFIX}{name} is not a setting: {advice}")
    return given
