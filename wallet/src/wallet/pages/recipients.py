"""Whom money goes to: the wallets that are offered, and what was chosen or typed."""

from ..ledger.commands import Principal
from ..ledger.ids import is_wallet_id
from ..ledger.outcomes import WalletState
from ..storage.finding import Place, WalletOrder, find_wallets
from ..storage.queries import find_wallet
from ..web.auth import Caller
from ..web.fields import Payee, Recipient, check
from ..web.problems import Problem, malformed
from ..web.service import current_service
from . import forms

#: So many wallets can be chosen from a list; any other is named by its id.
_CHOICES = 100


def read_recipient() -> str | None:
    """Read the wallet that was chosen from the list, or typed as an id.

    :raises Problem: it is malformed, or both were given.
    """
    chosen, typed = forms.field("to"), forms.field("to_id")
    if chosen and typed and chosen != typed:
        raise malformed("to", "is given twice: choose a wallet or type an id")
    return check(chosen or typed, Recipient, "to") if chosen or typed else None


def read_payee() -> str | None:
    """Read in words whom the money goes to or comes from.

    :raises Problem: it is malformed.
    """
    return check(forms.field("payee"), Payee, "payee") or None


def field_at_fault(problem: Problem) -> str:
    """Name the field that a problem is about."""
    about_recipient = ("self-transfer", "unknown-recipient", "currency-mismatch")
    if problem.kind.name in about_recipient:
        return "to"
    if problem.kind.name == "unknown-wallet":
        return "from"
    return str(problem.members.get("field", "amount"))


def choices(
    caller: Caller, text: str, *kept: str | None
) -> tuple[list[WalletState], int, bool]:
    """Offer wallets by currency and name; tell how many fit, and if there are more.

    :param kept: those that were chosen, which are offered in any case.
    """
    if caller.principal is Principal.OWNER:
        own = current_service().open_wallet(caller, caller.wallet_id or "")
        return [own], 1, False
    by_name = WalletOrder.NAME
    store = current_service().store
    found = find_wallets(store, by_name, Place(), _CHOICES, text, archived=False)
    wallets = [*found.rows]
    for wallet_id in sorted({*filter(None, kept)} - {each.id for each in wallets}):
        wallet = find_wallet(store, wallet_id) if is_wallet_id(wallet_id) else None
        wallets += [wallet] if wallet else []
    wallets.sort(key=lambda wallet: wallet.currency)
    return wallets, len(found.rows), found.last is not None
