"""A few dictionaries that foretell what comes of every request about money."""

from dataclasses import dataclass, field

LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Asked:
    """What is asked of a wallet; two that are equal are the same request.

    :param number: the place of a hold, or of the entry to undo, in its wallet.
    """

    kind: str
    minor: int | None = None
    other: str | None = None
    number: int = 0
    seconds: int = 0
    keep_open: bool = False


@dataclass
class Line:
    """A line of a history."""

    change: int
    other: str | None
    operation: int
    is_reversal: bool
    undone: bool = False


@dataclass
class Hold:
    """Money that is set aside until a moment."""

    id: str | None
    left: int
    until: int
    captured: int = 0
    end: str | None = None

    def state(self, now):
        return self.end or ("open" if now < self.until else "expired")


@dataclass
class Model:
    """A wallet."""

    currency: str
    floor: int
    name: str
    balance: int = 0
    archived: bool = False
    lines: list[Line] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    def held(self, now):
        return sum(each.left for each in self.holds if each.state(now) == "open")

    def refusal(self, change, now):
        """Tell why money cannot come or go, if it cannot."""
        if self.archived:
            return "archived"
        if self.balance + change - self.held(now) < self.floor:
            return "insufficient-funds"
        if max(self.balance + change, abs(change)) > LARGEST:
            return "balance-too-large"
        return None


class Bank:
    """Wallets, and what they did for whom."""

    def __init__(self):
        self.wallets = {}
        self.operations = 0

    def refusal(self, wallet, asked, now):
        """Tell why a request is refused, if it is."""
        model, kind = self.wallets[wallet], asked.kind
        if kind in ("capture", "release"):
            return self._refusal_of_hold(wallet, asked, now)
        if kind == "reversal":
            line = model.lines[asked.number]
            if line.is_reversal:
                return "not-reversible"
            if line.undone:
                return "already-reversed"
        if kind == "transfer" and asked.other == wallet:
            return "self-transfer"
        if kind == "hold":
            too_much = model.held(now) + asked.minor > LARGEST
            reason = model.refusal(-asked.minor, now)
            return reason or ("balance-too-large" if too_much else None)
        sides = self.sides(wallet, asked)
        reason = model.refusal(sides[0][1], now)
        if reason is None and kind == "transfer":
            return self._refusal_of_recipient(wallet, asked.other, asked.minor, now)
        if reason is None and len(sides) > 1:
            return self.wallets[sides[1][0]].refusal(sides[1][1], now)
        return reason

    def _refusal_of_hold(self, wallet, asked, now):
        hold = self.wallets[wallet].holds[asked.number]
        if hold.end:
            return "hold-closed"
        if hold.state(now) == "expired":
            return "hold-expired"
        if asked.kind == "release":
            return None
        if (asked.minor or 0) > hold.left:
            return "hold-exceeded"
        if asked.other == wallet:
            return "self-transfer"
        if asked.other is None:
            return None
        minor = asked.minor or hold.left
        return self._refusal_of_recipient(wallet, asked.other, minor, now)

    def _refusal_of_recipient(self, wallet, other, minor, now):
        if self.wallets[other].currency != self.wallets[wallet].currency:
            return "currency-mismatch"
        return self.wallets[other].refusal(minor, now)

    def sides(self, wallet, asked):
        """List what each wallet gains, the one that is addressed first."""
        model, minor, kind = self.wallets[wallet], asked.minor, asked.kind
        if kind == "reversal":
            line = model.lines[asked.number]
            other = [(line.other, line.change)] if line.other else []
            return [(wallet, -line.change), *other]
        if kind == "balance":
            return [(wallet, minor - model.balance)]
        if kind == "deposit":
            return [(wallet, minor)]
        if kind == "capture" and minor is None:
            minor = model.holds[asked.number].left
        other = [(asked.other, minor)] if asked.other else []
        return [(wallet, -minor), *other]

    def carry_out(self, wallet, asked, now, hold_id=None):
        """Do what is not refused."""
        model = self.wallets[wallet]
        if asked.kind == "hold":
            until = now + asked.seconds * 1_000_000
            model.holds.append(Hold(hold_id, asked.minor, until))
            return
        if asked.kind == "release":
            hold = model.holds[asked.number]
            hold.left, hold.end = 0, "released"
            return
        sides = self.sides(wallet, asked)
        if asked.kind == "capture":
            hold, minor = model.holds[asked.number], -sides[0][1]
            hold.captured += minor
            hold.left = hold.left - minor if asked.keep_open else 0
            hold.end = None if hold.left else "captured"
        if asked.kind == "reversal":
            undone = model.lines[asked.number].operation
            for side, _ in sides:
                for line in self.wallets[side].lines:
                    line.undone = line.undone or line.operation == undone
        self.operations += 1
        for (side, change), (other, _) in zip(
            sides, [*sides[1:], sides[0]], strict=True
        ):
            counterparty = other if len(sides) > 1 else None
            is_reversal = asked.kind == "reversal"
            line = Line(change, counterparty, self.operations, is_reversal)
            self.wallets[side].balance += change
            self.wallets[side].lines.append(line)
