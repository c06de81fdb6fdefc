"""The working copy that a batch is decided on."""

from .outcomes import (
    Change,
    Decision,
    Entry,
    Held,
    Known,
    Moved,
    Refused,
    Remembered,
    Scope,
    Unmoved,
    Verdict,
)


class Draft:
    """What a batch has changed so far. It works on copies of what is known."""

    def __init__(self, known: Known, now_us: int) -> None:
        self.now_us = now_us
        self.wallets = dict(known.wallets)
        self.by_creation_key = dict(known.created)
        self.answered: dict[Scope, Remembered | Moved | Held | Unmoved | Refused]
        self.answered = {**known.remembered}
        self.reversed = set(known.reversed)
        self.known_holds = known.holds
        self.holds = dict(known.holds)
        self.created: dict[str, None] = {}
        self.changed: dict[str, None] = {}
        self.entries: list[Entry] = []
        self.changes: list[Change] = []

    def fork(self) -> "Draft":
        """Copy the draft, so that a failed attempt can be thrown away."""
        copy = Draft(Known(), self.now_us)
        copy.wallets = dict(self.wallets)
        copy.by_creation_key = dict(self.by_creation_key)
        copy.answered = dict(self.answered)
        copy.reversed = set(self.reversed)
        copy.known_holds = self.known_holds
        copy.holds = dict(self.holds)
        copy.created = dict(self.created)
        copy.changed = dict(self.changed)
        copy.entries = list(self.entries)
        copy.changes = list(self.changes)
        return copy

    def adopt(self, attempt: "Draft") -> None:
        """Take over everything that a successful attempt changed."""
        self.__dict__ = attempt.__dict__

    def decision(self, verdicts: tuple[Verdict, ...]) -> Decision:
        """Say what the draft changed, for the store to write."""
        changed = [name for name in self.changed if name not in self.created]
        return Decision(
            verdicts=verdicts,
            created=tuple(self.wallets[name] for name in self.created),
            changed=tuple(self.wallets[name] for name in changed),
            entries=tuple(self.entries),
            changes=tuple(self.changes),
            holds=tuple(
                (self.known_holds.get(name), hold)
                for name, hold in self.holds.items()
                if self.known_holds.get(name) != hold
            ),
        )
