"""Meetings of faults with what people do at the same moment, which chance alone brings about too rarely."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.simulation.company import Company
from tests.simulation.faults import Fault
from tests.simulation.scenario import HOUR, Act, Edit, EditKind, Rule

BATCH = "POST /v1.0/$batch"
# After so long the platform delivers the message of an instance that is gone, or stands still, to another.
_REDELIVERED = 600.0

# What somebody does to an account by hand, and how they take it back.
_BY_HAND: tuple[tuple[EditKind, dict[str, object], dict[str, object]], ...] = (
    ("entra.roles", {"roles": ["User Administrator"]}, {"roles": []}),
    ("entra.roles", {"eligible": ["Helpdesk Administrator"]}, {"eligible": []}),
    ("entra.mailbox", {"purpose": "shared"}, {"purpose": "user"}),
    ("entra.update", {"displayName": "By hand"}, {"displayName": "By hand, again"}),
)


@dataclass
class Ambush:
    """What is laid for the sync of each of some hours."""

    chance: Random
    domains: tuple[str, ...]
    company: Company
    faults: list[Fault] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    def created_and_corrected(self, hour: int) -> None:
        """The worker ends right after it has created people; somebody corrects the UPN of one, and looks what is up."""
        self.faults.append(Fault(hour, "graph", 1, "killedAfter", what=f"{BATCH} POST"))
        corrected = self.chance.uniform(20, _REDELIVERED / 2)
        self.company.hire_and_correct(hour * HOUR - 60, hour * HOUR + corrected)
        self._look_meanwhile(hour, corrected)

    def cancelled_in_doubt(self, hour: int) -> None:
        """The worker ends right after it has changed people, and somebody cancels the run that hangs."""
        self.faults.append(Fault(hour, "graph", 1, "killedAfter", what=f"{BATCH} PATCH"))
        self.acts.append(Act(self._meanwhile(hour), "cancel", self.chance.choice(self.domains)))

    def two_waves_of_leavers(self, hour: int) -> None:
        """The worker ends right after it has deleted people, and as many again leave before the run goes on."""
        domain, size = self.chance.choice(self.domains), self.chance.choice((1, 1, 2))
        self.faults.append(Fault(hour, "graph", 1, "killedAfter", what=f"{BATCH} DELETE"))
        meanwhile = self.chance.uniform(20, _REDELIVERED / 2)
        for _ in range(size):
            self.company.leave(hour * HOUR - 60, domain)
        for _ in range(size):
            self.company.leave(hour * HOUR + meanwhile, domain)
        self._look_meanwhile(hour, meanwhile)

    def overtaken(self, hour: int) -> None:
        """The worker stands still before it writes, and goes on when another has just taken its run."""
        seconds = _REDELIVERED + self.chance.uniform(1, 3.5)
        self.faults.append(
            Fault(hour, "blob", self.chance.randint(1, 4), "frozen", 1, seconds, "append journal")
        )

    def back_in_time(self, hour: int) -> None:
        """Somebody puts an older snapshot of one side in the place of the newest one, or half of it is lost."""
        kind = self.chance.choice(("source-", "source-", "mirror-", "base-"))
        # So the older one differs.
        self.company.newcomer(hour * HOUR - 60, self.chance.choice(self.domains))
        # A copy of Entra is read again by the next reading, a snapshot of the source by the runs of this hour.
        before = kind != "source-" and self.chance.random() < 0.5
        at = hour * HOUR + (-600 if before else self.chance.uniform(0.3, 3))
        how: EditKind = self.chance.choice(("storage.older", "storage.older", "storage.cut"))
        self.edits.append(Edit(at, how, f"snapshots/{kind}"))

    def corrected_at_once(self, hour: int) -> None:
        """Somebody is created and corrected, and their domain synchronised, before lists show the account."""
        corrected = hour * HOUR + self.chance.uniform(6, 15)
        self.company.hire_and_correct(hour * HOUR - 60, corrected)
        self.acts += [Act(corrected + 1 + n, "sync", domain) for n, domain in enumerate(self.domains)]

    def gone_by_hand(self, hour: int) -> None:
        """Somebody deletes a leaver's account while the request to delete it is on its way."""
        if upn := self.company.leave(hour * HOUR - 60, self.chance.choice(self.domains)):
            self.faults.append(Fault(hour, "graph", 1, "slow", 1, 90.0, f"{BATCH} DELETE"))
            self.edits.append(Edit(hour * HOUR + self.chance.uniform(15, 95), "entra.delete", upn))

    def down_at_a_write(self, hour: int) -> None:
        """Nobody hears what a write did, and then Graph refuses everything; somebody may cancel the run."""
        write = f"{BATCH} {self.chance.choice(('POST', 'PATCH', 'DELETE'))}"
        self.faults += [
            Fault(hour, "graph", 1, self.chance.choice(("unheard", "lost")), what=write),
            Fault(hour, "graph", 1, "refused", 500, 20.0, after=write),
        ]
        if self.chance.random() < 0.5:
            self.acts += [Act(self._meanwhile(hour), "cancel", domain) for domain in self.domains]

    def silence(self, hour: int) -> None:
        """Graph answers nothing for an hour, from some request on."""
        self.faults.append(Fault(hour, "graph", self.chance.randint(1, 30), "lost", 500))

    def waits(self, hour: int) -> None:
        """A leaver waits, and comes back; or a newcomer gets their UPN, and a person says that they are two people."""
        domain = self.chance.choice(self.domains)
        asked, at = (hour * HOUR + after for after in (-120, 1800))
        self.let_leave(asked, domain, {"block": True, "deleteAfterDays": 2})
        upn = self.company.leave(asked + 60, domain)
        if not upn:
            self.company.come_back(at)
        elif self.chance.random() < 0.5:
            self.company.come_back(at, self.company.username_of_leaver(upn))
        else:
            self.company.inherit(at, upn)
            self.acts += [
                Act(at + 60, "sync", domain),
                Act(at + 600, "decide", domain, {"same": False, "most": 5}),
                Act(at + 2 * HOUR, "settings", domain, {"leavers": {"block": False, "deleteAfterDays": 0}}),
            ]

    def another_account_meanwhile(self, hour: int) -> None:
        """The worker ends when it is about to change somebody, whose account is another one when the run goes on."""
        upn = self.company.be_corrected(hour * HOUR - 60)
        self.faults.append(Fault(hour, "blob", self.chance.randint(1, 3), "killed", what="append journal"))
        kind, values, after = self.chance.choice(_BY_HAND)
        for at, given in ((self._meanwhile(hour), values), ((hour + 2) * HOUR + 60, after)):
            self.edits.append(Edit(at, kind, upn, given))

    def let_leave(self, at: float, domain: str, terms: Mapping[str, object], *, most: int = 90) -> None:
        """Lets the limit through who leaves from now on, and has somebody follow them, unless enough are left."""
        self.acts.append(Act(at, "settings", domain, {"leavers": terms, "maxAllowedDeletions": most}))
        if not self.company.is_full:
            self.company.newcomer(at, domain)

    def _look_meanwhile(self, hour: int, after: float = 0.0) -> None:
        at = self._meanwhile(hour, after)
        self.acts += [Act(at, "dryRun", domain) for domain in self.domains]

    def _meanwhile(self, hour: int, after: float = 0.0) -> float:
        return meanwhile(self.chance, hour, after)


def meanwhile(chance: Random, hour: int, after: float = 0.0) -> float:
    """A moment before the run of a worker that has ended goes on."""
    return hour * HOUR + chance.uniform(max(20.0, after), _REDELIVERED - 10)


COMMON: tuple[Callable[[Ambush, int], None], ...] = (
    Ambush.created_and_corrected, Ambush.cancelled_in_doubt, Ambush.two_waves_of_leavers, Ambush.overtaken,
    Ambush.back_in_time, Ambush.corrected_at_once, Ambush.gone_by_hand, Ambush.down_at_a_write, Ambush.silence,
    Ambush.waits, Ambush.another_account_meanwhile,
)  # fmt: skip
