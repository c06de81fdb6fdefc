"""What answers hold, as the description of the interface tells it.

Nothing here is checked: these values are the service's own.
"""

from typing import Annotated

from .described import described
from .fields import DECIMALS, MAJOR, WALLET_ID

Money = Annotated[
    str,
    described(
        "Major units, with all decimals of the currency.",
        pattern=f"^-?{MAJOR}{DECIMALS}$",
        examples=["125.50"],
    ),
]
Moment = Annotated[str, described(format="date-time")]
OperationId = Annotated[str, described(pattern=f"^o{WALLET_ID.removeprefix('w')}$")]
Digest = Annotated[
    str, described("The hash that binds it to all before it.", pattern="^[0-9a-f]{64}$")
]
