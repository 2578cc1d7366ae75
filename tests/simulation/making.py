"""Makes a scenario of a seed: a company of some 30 people, its days, and a random subset of all faults ("swarm
testing"): each scenario has its own kinds at its own rates, since faults of every kind at once hide each other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from tests.simulation.ambushes import Ambush, lay
from tests.simulation.asking import with_requests
from tests.simulation.clock import BEGINNING
from tests.simulation.earlier import SAMPLES, left
from tests.simulation.faults import KINDS, SERVICES, Fault, Kind, Service
from tests.simulation.lengthening import lengthened
from tests.simulation.scenario import HOUR, Act, ActKind, Edit, EditKind, Rule, Scenario
from tests.simulation.slips import slip

DOMAINS = ("contoso.com", "fabrikam.com", "fed.example")
_FAMILY = ("青木", "Baker", "佐藤", "Ito", "高橋", "García")
_GIVEN = ("花子", "Max", "太郎", "Ann", "健", "José")
# So many people at least are left.
_FEWEST = 8
# What share of all scenarios begins with what an earlier release has left.
_EARLIER = 0.1
# Before the first hour in which anything may go wrong: everybody is known by then.
_CALM_HOURS = 2
# Operations of each service, by how their text begins, and about how many of them an hour has.
_OPERATIONS: dict[Service, dict[str, int]] = {
    "table": {
        "": 130, "transact Runs": 20, "transact Runs(~readings": 4, "get Runs": 40, "transact history": 3,
        "update": 4, "query": 37,
    },
    "blob": {
        "": 80, "append": 12, "append ": 12, "upload": 5, "upload snapshots": 2, "metadata": 5, "create": 5,
        "acquire": 4, "renew": 4, "release": 3, "download": 16,
    },
    "graph": {
        "": 35, "POST": 18, "POST ": 18, "GET /v1.0/users": 8, "GET /v1.0/users/delta": 2, "GET": 15,
        "POST /v1.0/$batch GET": 16, "POST /v1.0/$batch PATCH": 2,
    },
    "source": {"": 7, "POST": 1},
    "queue": {"": 3},
    "timer": {"": 1},
}  # fmt: skip
# For how many seconds lists do not show a write, and a new user is not found.
_STALE = ((0.0, 0.0), (0.0, 0.0), (20.0, 5.0), (0.0, 10.0), (60.0, 0.0), (60.0, 90.0), (60.0, 90.0))

# Where the end of a worker, or an answer that nobody hears, leaves most to be found out.
_CHOSEN: tuple[tuple[Service, str, Kind, int], ...] = (
    ("graph", "POST", "killedAfter", 14),
    ("graph", "POST", "killedAfter", 14),
    ("blob", "append", "killed", 14),
    ("blob", "append", "killedAfter", 14),
    ("blob", "append", "unheard", 14),
    ("table", "transact Runs", "killedAfter", 14),
)


@dataclass
class _Company:
    """The source as the edits leave it: Username → record."""

    chance: Random
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, dict[str, Any]] = field(default_factory=dict)
    mistyped: dict[str, dict[str, str]] = field(default_factory=dict)
    hired: int = 0
    edits: list[Edit] = field(default_factory=list)
    federated: frozenset[str] = frozenset()

    def hire(self, at: float, domain: str) -> None:
        self.hired += 1
        record = self.person(f"n{self.hired}", domain)
        self._put(at, record)
        if self.chance.random() < 0.4:
            # Corrected right when, or soon after, the next hour's sync creates the account.
            upn = f"{record['username']}.new@{domain}"
            self._edit(self._in_next_sync(at), record["username"], user_principal_name=upn)

    def hire_and_correct(self, at: float, corrected_at: float) -> None:
        """Somebody without an immutable ID, who gets another UPN soon."""
        self.hired += 1
        domain = self.chance.choice([name for name in DOMAINS if name not in self.federated])
        record = {**self.person(f"n{self.hired}", domain), "immutable_id": ""}
        self._put(at, record)
        upn = f"{record['username']}.new@{domain}"
        self._edit(corrected_at, record["username"], user_principal_name=upn)

    def inherit(self, at: float, upn: str) -> None:
        """Somebody new, with the UPN of somebody who has left."""
        self.hired += 1
        record = self.person(f"n{self.hired}", upn.partition("@")[2])
        self._put(at, {**record, "user_principal_name": upn})

    def person(self, username: str, domain: str) -> dict[str, Any]:
        family, given = self.chance.choice(_FAMILY), self.chance.choice(_GIVEN)
        with_id = domain in self.federated or self.chance.random() < 0.5
        return {
            "username": username,
            "user_principal_name": f"{username}@{domain}",
            "family_name": family,
            "given_name": given,
            "display_name": f"{family} {given}",
            "immutable_id": f"ID-{username}" if with_id else "",
        }

    def leave(self, at: float, domain: str = "") -> str:
        """Somebody of this domain, or of any. Returns their UPN; empty if too few are left."""
        here = sorted(who for who in self.records if domain in ("", self._domain(who)))
        if not here or len(self.records) < _FEWEST:
            return ""
        username = self.chance.choice(here)
        self.left[username] = self.records.pop(username)
        self.edits.append(Edit(at, "source.remove", username))
        upn = str(self.left[username]["user_principal_name"])
        if self.chance.random() < 0.3:
            # Somebody deletes the account by hand, perhaps while the sync is about to.
            self.edits.append(Edit(self._in_next_sync(at), "entra.delete", upn))
        return upn

    def come_back(self, at: float) -> None:
        if self.left:
            username = self.chance.choice(sorted(self.left))
            self._put(at, self.left.pop(username))

    def marry(self, at: float) -> None:
        """A new family name and a new UPN."""
        username = self.chance.choice(sorted(self.records))
        domain = self._domain(username)
        family = self.chance.choice(_FAMILY)
        given = self.records[username]["given_name"]
        self._edit(
            at,
            username,
            user_principal_name=f"{username}.{self.chance.randrange(100)}@{domain}",
            family_name=family,
            display_name=f"{family} {given}",
        )

    def be_corrected(self, at: float) -> str:
        """A new display name. Returns their UPN."""
        username = self.chance.choice(sorted(self.records))
        self._edit(at, username, display_name=f"{self.chance.choice(_FAMILY)} {self.chance.choice(_GIVEN)}")
        return str(self.records[username]["user_principal_name"])

    def swap(self, at: float) -> None:
        """Two people take each other's UPN."""
        if len(self.records) > 1:
            one, other = self.chance.sample(sorted(self.records), 2)
            upns = [self.records[who]["user_principal_name"] for who in (other, one)]
            for who, upn in zip((one, other), upns, strict=True):
                self._edit(at, who, user_principal_name=upn)

    def take_over(self, at: float) -> None:
        """Somebody leaves, and another gets their UPN."""
        if len(self.records) > 1:
            leaver, heir = self.chance.sample(sorted(self.records), 2)
            self.left[leaver] = self.records.pop(leaver)
            self.edits.append(Edit(at, "source.remove", leaver))
            self._edit(at, heir, user_principal_name=self.left.pop(leaver)["user_principal_name"])

    def move(self, at: float) -> None:
        username = self.chance.choice(sorted(self.records))
        local = self.records[username]["user_principal_name"].partition("@")[0]
        self._edit(at, username, user_principal_name=f"{local}@{self.chance.choice(DOMAINS)}")

    def be_made_anew(self, at: float) -> None:
        """The only way to change a Username: the same person and UPN, and a new Username, perhaps with a slip."""
        username = self.chance.choice(sorted(self.records))
        record = self.records.pop(username)
        self.edits.append(Edit(at, "source.remove", username))
        self.hired += 1
        anew = self.chance.choice((f"n{self.hired}", f"{username}@n{self.hired}"))
        self._put(at, {**record, "username": anew})
        if self.chance.random() < 0.4:
            self.mistype(at, anew)

    def mistype(self, at: float, username: str = "") -> None:
        """One value of this person, or of any, until it is corrected."""
        username = username or self.chance.choice(sorted(self.records))
        record = self.records[username]
        others = [one for one in (*self.records.values(), *self.left.values()) if one is not record]
        wrong = slip(self.chance, record, others)
        self.mistyped.setdefault(username, {}).update(wrong)
        self.edits.append(Edit(at, "source.edit", username, wrong))

    def correct(self, at: float) -> None:
        """Everything that was mistyped."""
        for username, wrong in self.mistyped.items():
            if record := self.records.get(username):
                self.edits.append(
                    Edit(at, "source.edit", username, {name: record.get(name, "") for name in wrong})
                )
        self.mistyped.clear()

    def _in_next_sync(self, at: float) -> float:
        return (at // HOUR + 1) * HOUR + self.chance.choice((5.0, 10.0, 60.0, 500.0)) * self.chance.random()

    def _domain(self, username: str) -> str:
        return str(self.records[username]["user_principal_name"]).partition("@")[2]

    def _put(self, at: float, record: dict[str, Any]) -> None:
        self.records[record["username"]] = record
        self.edits.append(Edit(at, "source.put", record["username"], record))

    def _edit(self, at: float, username: str, **values: Any) -> None:
        self.records[username] = {**self.records[username], **values}
        self.edits.append(Edit(at, "source.edit", username, values))


def make(seed: str, hours: int, ambush_of: str = "") -> Scenario:
    """`ambush_of`: the kind of ambush that is laid, instead of any."""
    chance = Random(seed)
    domains = {name: name == "fed.example" for name in DOMAINS}
    company = _Company(chance, federated=frozenset(n for n, federated in domains.items() if federated))
    for number in range(chance.randint(20, 34)):
        record = company.person(f"p{number}", chance.choice(DOMAINS))
        company.records[record["username"]] = record
    accounts = [_account(chance, record) for record in company.records.values() if chance.random() < 0.9]
    accounts += _others(chance)
    sample = _taken_over(company, accounts, Random(f"{seed} earlier"))
    people = tuple(company.records.values())
    live(company, hours)
    upns = [one["userPrincipalName"] for one in accounts]
    ambush = Ambush(
        chance, DOMAINS, company.leave, company.hire_and_correct, company.inherit, company.come_back,
        company.be_corrected,
    )  # fmt: skip
    lay(ambush, range(_CALM_HOURS, hours), ambush_of)
    edits = company.edits + ambush.edits + meddling(chance, upns, hours)
    scenario = Scenario(
        name=seed,
        hours=hours,
        settings={
            "BATCHES_IN_FLIGHT": str(chance.choice((1, 2, 4))),
            "TIME_BUDGET_SECONDS": str(chance.choice((1500, 1500, 60, 20))),
            "RESTORE_DELETED_USERS": chance.choice(("true", "true", "false")),
        },
        domains=domains,
        clocks=tuple(chance.choice((0.0, 0.0, -30.0, 45.0)) for _ in range(chance.randint(1, 3))),
        people=people,
        accounts=tuple(accounts),
        earlier=sample,
        page_size=chance.choice((5, 50)),
        keys=chance.choice(("snake_case", "camelCase", "Display Name")),
        stale=chance.choice(_STALE),
        edits=tuple(sorted(edits, key=lambda one: one.at)),
        acts=tuple(sorted(administering(chance, upns, hours) + ambush.acts, key=lambda one: one.at)),
        faults=(*striking(chance, hours), *ambush.faults, *arriving_late(Random(f"{seed} late"), hours)),
        rules=(*ruling(chance, hours), *misleading(Random(f"{seed} delta"), hours)),
    )
    return lengthened(with_requests(scenario))


def _taken_over(company: _Company, accounts: list[dict[str, Any]], chance: Random) -> str:
    """In some scenarios the people and accounts of a sample are there, too. Returns its name."""
    if chance.random() >= _EARLIER:
        return ""
    sample = chance.choice(SAMPLES)
    company.records |= {one["username"]: one for one in left(sample).source}
    accounts += left(sample).users
    return sample


def _account(chance: Random, record: dict[str, Any]) -> dict[str, Any]:
    account: dict[str, Any] = {
        "userPrincipalName": record["user_principal_name"],
        "displayName": record["display_name"] if chance.random() < 0.8 else "Before",
        "surname": record["family_name"],
        "givenName": record["given_name"],
        "mailNickname": record["username"],
        "_mailbox": chance.choice(("none", "none", "user")),
    }
    if record["immutable_id"]:
        account["onPremisesImmutableId"] = record["immutable_id"]
    return account


def _others(chance: Random) -> list[dict[str, Any]]:
    """Accounts of nobody in the source: a room, an administrator, a guest."""
    return [
        {"userPrincipalName": f"room{n}@{chance.choice(DOMAINS[:2])}", "_mailbox": kind}
        for n, kind in enumerate(chance.sample(("room", "shared", "equipment"), chance.randint(0, 3)))
    ] + [
        {"userPrincipalName": f"admin@{DOMAINS[0]}", "_roles": ["Global Administrator"], "_mailbox": "none"},
        {"userPrincipalName": f"x#EXT#@{DOMAINS[1]}", "_mailbox": "none"},
    ]


def live(company: _Company, hours: int) -> None:
    chance = company.chance
    events: tuple[Callable[[float], object], ...] = (
        company.be_corrected, company.be_corrected, company.leave, company.marry, company.come_back,
        company.swap, company.take_over, company.move, company.be_made_anew, company.mistype,
    )  # fmt: skip
    happening = chance.sample(events, chance.randint(2, len(events)))
    rate = chance.choice((0.4, 0.8, 0.9))
    for at in sorted(_moments(chance, hours, rate)):
        if chance.random() < 0.3:
            company.correct(at)
        if len(company.records) < 12 or chance.random() < 0.3:
            company.hire(at, chance.choice(DOMAINS))
        else:
            chance.choice(happening)(at)
    company.correct(hours * HOUR - 30)


def meddling(chance: Random, upns: list[str], hours: int) -> list[Edit]:
    """What administrators do in Entra by hand."""
    edits: list[Edit] = []
    kinds: tuple[EditKind, ...] = (
        "entra.update",
        "entra.delete",
        "entra.mailbox",
        "entra.roles",
        "entra.create",
    )
    kinds = tuple(chance.sample(kinds, chance.randint(0, 3)))
    for at in _moments(chance, hours, 0.1) if kinds else ():
        kind, who = chance.choice(kinds), chance.choice(upns)
        values: dict[str, Any] = {}
        if kind == "entra.update":
            values = {"displayName": chance.choice(("Changed", "By hand"))}
        elif kind == "entra.mailbox":
            values = {"purpose": chance.choice(("shared", "room", "user"))}
        elif kind == "entra.roles":
            values = {"roles": chance.choice((["User Administrator"], []))}
        elif kind == "entra.create":
            who = f"hand{len(edits)}@{chance.choice(DOMAINS[:2])}"
            values = {
                "displayName": "By hand", "mailNickname": f"hand{len(edits)}", "accountEnabled": True,
            }  # fmt: skip
        edits.append(Edit(at, kind, who, values))
    return edits


def _setting(chance: Random, at: float, hours: int) -> dict[str, Any]:
    return chance.choice(
        [
            {"maxAllowedDeletions": chance.choice((5, 20, 60))},
            {"maxAllowedDeletions": chance.choice((5, 20, 60))},
            {"leavers": {"block": True, "deleteAfterDays": chance.choice((0, 1))}},
            {"leavers": {"block": False, "deleteAfterDays": chance.choice((0, 1, None))}},
            {"pausedUntil": _later(chance, at, hours), "pauseReason": "moving house"},
            {"pausedUntil": None, "pauseReason": None},
        ]
    )


def _later(chance: Random, at: float, hours: int) -> str:
    """A moment before the last hour, in which nothing may be held back any more."""
    last = max(at + 60, (hours - 1) * HOUR)
    return (BEGINNING + timedelta(seconds=min(at + chance.uniform(1, 8) * HOUR, last))).isoformat()


def administering(chance: Random, upns: list[str], hours: int) -> list[Act]:
    acts = [
        Act(
            5.0 + n,
            "settings",
            domain,
            {"periodicSync": True, "maxAllowedDeletions": chance.choice((10, 20, 50))},
        )
        for n, domain in enumerate(DOMAINS)
    ]
    kinds: tuple[ActKind, ...] = (
        "dryRun", "sync", "approve", "cancel", "undo", "settings", "settings", "hold",
    )  # fmt: skip
    kinds = tuple(chance.sample(kinds, chance.randint(0, len(kinds))))
    for at in _moments(chance, hours, 0.2) if kinds else ():
        kind, domain = chance.choice(kinds), chance.choice(DOMAINS)
        body: dict[str, Any] = {}
        if kind == "settings":
            body = _setting(chance, at, hours)
        elif kind == "hold":
            body = {"who": chance.choice(upns), "until": _later(chance, at, hours), "reason": "on leave"}
        acts.append(Act(at, kind, domain, body))
    return acts


def striking(chance: Random, hours: int) -> list[Fault]:
    """The faults: some kinds of some services, each at a rate of its own."""
    every: list[tuple[Service, Kind]] = [(service, kind) for service in SERVICES for kind in KINDS[service]]
    chosen = chance.sample(every, chance.randint(0, 10))
    faults = []
    if chance.random() < 0.5:
        service, what, kind, most = chance.choice(_CHOSEN)
        faults += [
            Fault(hour, service, chance.randint(1, most), kind, what=what)
            for hour in range(_CALM_HOURS, hours)
            if chance.random() < 0.4
        ]
    for service, kind in chosen:
        rate, what = chance.choice((0.1, 0.3, 0.8)), chance.choice(list(_OPERATIONS[service]))
        for hour in range(_CALM_HOURS, hours):
            if chance.random() < rate:
                nth = chance.randint(1, _OPERATIONS[service][what])
                times = chance.choice((1, 1, 1, 2, 8)) if kind in ("refused", "throttled", "lost") else 1
                seconds = float(chance.choice((1, 5, 20, 65, 130, 700)))
                faults.append(Fault(hour, service, nth, kind, times, seconds, what.strip()))
    return faults


def arriving_late(chance: Random, hours: int) -> list[Fault]:
    """In some scenarios, writes to Graph that arrive up to some minutes after their connection was lost."""
    rate, seconds = chance.choice((0.0, 0.0, 0.0, 0.3, 1.0)), (1.0, 25.0, 65.0, 300.0)
    return [
        Fault(hour, "graph", chance.randint(1, 12), "late", 3, chance.choice(seconds), "POST")
        for hour in range(_CALM_HOURS, hours)
        if chance.random() < rate
    ]


def ruling(chance: Random, hours: int) -> list[Rule]:
    """Faults of single calls to Graph, also inside a batch."""
    kinds: list[dict[str, Any]] = [
        {"kind": "status", "status": 429, "retryAfter": 7, "where": "inner"},
        {"kind": "status", "status": 503, "where": "inner"},
        {"kind": "status", "status": 503, "tookEffect": True, "where": "inner"},
        {"kind": "status", "status": 500, "where": "inner", "method": "PATCH"},
        {"kind": "status", "status": 504, "tookEffect": True, "method": "POST", "path": "/users"},
        {"kind": "status", "status": 504, "tookEffect": True, "method": "DELETE"},
        {"kind": "status", "status": 403, "where": "inner", "method": "GET"},
        {"kind": "drop", "tookEffect": True, "path": "/$batch"},
        {"kind": "drop", "path": "/$batch"},
        {"kind": "emptyPage"},
        {"kind": "shortListing", "missing": 1, "path": "/users"},
        {"kind": "countTooHigh", "path": "/users"},
    ]
    chosen = chance.sample(kinds, chance.randint(0, 3))
    return [
        Rule(hour, {**one, "nth": chance.randint(1, 20 if one.get("method") == "GET" else 4)})
        for one in chosen
        for hour in range(_CALM_HOURS, hours)
        if chance.random() < 0.3
    ]


def misleading(chance: Random, hours: int) -> list[Rule]:
    """What delta queries may do, and what must not matter. What they never tell is found by a list a day later."""
    kinds: list[dict[str, Any]] = [
        {"kind": "replay", "objects": 3},
        {"kind": "outOfOrder"},
        {"kind": "onlyChanged"},
        {"kind": "removedAtFirst"},
        {"kind": "lateChange", "seconds": 4000.0, "count": 2},
        {"kind": "missedChange", "count": 1},
        {"kind": "lostToken", "status": chance.choice((400, 404, 410))},
    ]
    chosen = chance.sample(kinds, chance.randint(0, 3))
    return [
        Rule(hour, one)
        for one in chosen
        for hour in range(_CALM_HOURS, hours - 24 if one["kind"] == "missedChange" else hours)
        if chance.random() < 0.3
    ]


def _moments(chance: Random, hours: int, rate: float) -> list[float]:
    """Moments in the middle of the calm and the end, `rate` an hour; some of them right when runs are at work."""
    moments = []
    for hour in range(_CALM_HOURS, hours):
        while chance.random() < rate:
            within = chance.choice((chance.uniform(0, 20), chance.uniform(0, HOUR - 60)))
            moments.append(hour * HOUR + within)
            if chance.random() < 0.5:
                break
    return moments
