"""Makes a deposit and asks for too much, through the client that was generated.

It is typed, so that a checker finds whatever the client does not promise.
"""

import datetime
import json
import sys

from wallet_client import AuthenticatedClient
from wallet_client.api.moves import deposit, withdraw
from wallet_client.api.wallets import create_wallet
from wallet_client.models import (
    Currency,
    Kind,
    MovedAnswer,
    NewEntry,
    NewWallet,
    NewWalletAnswer,
    ProblemAnswer,
    ProblemType,
)


def use(address: str, token: str) -> dict[str, object]:
    with AuthenticatedClient(address, token=token) as client:
        new = NewWallet(name="Ada", currency=Currency.ZAR)
        wallet = create_wallet.sync(client=client, body=new)
        assert isinstance(wallet, NewWalletAnswer), wallet
        added = deposit.sync(
            wallet.id,
            client=client,
            body=NewEntry(amount="125.50", note="salary"),
            idempotency_key="salary-2026-11",
            if_match='"0"',
        )
        assert isinstance(added, MovedAnswer), added
        refused = withdraw.sync(
            wallet.id, client=client, body=NewEntry(amount="125.51")
        )
        assert isinstance(refused, ProblemAnswer), refused
    kind: Kind = added.entry.kind
    at: datetime.datetime = added.entry.at
    problem: ProblemType = refused.type_
    assert problem is ProblemType.INSUFFICIENT_FUNDS
    return {
        "wallet": wallet.id,
        "deposit": {
            "kind": kind.value,
            "balance": added.entry.balance,
            "operation": added.operation,
            "at": at.isoformat().replace("+00:00", "Z"),
        },
        "refusal": {
            "type": problem.value,
            "status": refused.status,
            "detail": refused.detail,
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(use(*sys.argv[1:])))
