"""Makes a scenario of a seed: a company of some 30 people, its days, and a random subset of all faults ("swarm
testing"): each scenario has its own kinds at its own rates, since faults of every kind at once hide each other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from tests.simulation.ambushes import Ambush
from tests.simulation.asking import with_requests
from tests.simulation.clock import BEGINNING
from tests.simulation.company import DOMAINS, Company
from tests.simulation.earlier import SAMPLES, left
from tests.simulation.faults import KINDS, SERVICES, Fault, Kind, Service
from tests.simulation.laying import Happening, laid
from tests.simulation.lengthening import lengthened
from tests.simulation.scenario import HOUR, Act, ActKind, Edit, EditKind, Rule, Scenario

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


def make(seed: str, hours: int, ambush_of: str = "") -> Scenario:
    """`ambush_of`: the kind of ambush that is laid, instead of any."""
    chance = Random(seed)
    domains = {name: name == "fed.example" for name in DOMAINS}
    company = Company(chance, federated=frozenset(n for n, federated in domains.items() if federated))
    for number in range(chance.randint(20, 34)):
        record = company.person(f"p{number}", chance.choice(DOMAINS))
        company.records[record["username"]] = record
    _write_oddly(company, Random(f"{seed} odd"))
    accounts = [_account(chance, record) for record in company.records.values() if chance.random() < 0.9]
    accounts += _others(chance)
    sample = _taken_over(company, accounts, Random(f"{seed} earlier"))
    people = tuple({**one, **company.mistyped.get(who, {})} for who, one in company.records.items())
    upns = [one["userPrincipalName"] for one in accounts]
    ambush = Ambush(chance, DOMAINS, company)
    live(company, hours, laid(ambush, range(_CALM_HOURS, hours), ambush_of))
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
        deleted=_nameless(company, Random(f"{seed} nameless")),
        earlier=sample,
        page_size=chance.choice((5, 50)),
        keys=chance.choice(("snake_case", "camelCase", "Display Name")),
        stale=chance.choice(_STALE),
        # One after the other, also of those at one moment.
        edits=tuple(
            replace(one, at=one.at + number * 1e-6)
            for number, one in enumerate(sorted(edits, key=lambda one: one.at))
        ),
        acts=tuple(sorted(administering(chance, upns, hours) + ambush.acts, key=lambda one: one.at)),
        faults=(*striking(chance, hours), *ambush.faults, *arriving_late(Random(f"{seed} late"), hours)),
        rules=(*ruling(chance, hours), *ambush.rules, *misleading(Random(f"{seed} delta"), hours)),
    )
    return lengthened(with_requests(scenario))


def _taken_over(company: Company, accounts: list[dict[str, Any]], chance: Random) -> str:
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


def _write_oddly(company: Company, chance: Random) -> None:
    """In some companies a UPN has a wide sign from the beginning, and only that leads to the account."""
    if chance.random() < 0.2:
        username = chance.choice(sorted(company.records))
        upn = company.upn_of(username)
        if upn.partition("@")[2] not in company.federated:
            company.records[username]["immutable_id"] = ""
            company.mistyped[username] = {"user_principal_name": upn.replace("@", "＠")}


def _nameless(company: Company, chance: Random) -> tuple[dict[str, Any], ...]:
    """In some tenants Entra shows a deleted user without a UPN, who may be anybody of that name."""
    if chance.random() >= 0.2:
        return ()
    names = [str(one["display_name"]) for one in (*company.records.values(), *company.left.values())]
    return (
        {
            "userPrincipalName": None,
            "displayName": chance.choice(names),
            "deletedDateTime": "2026-03-31T00:00:00Z",
        },
    )


def _others(chance: Random) -> list[dict[str, Any]]:
    """Accounts of nobody in the source: a room, an administrator, a guest."""
    return [
        {"userPrincipalName": f"room{n}@{chance.choice(DOMAINS[:2])}", "_mailbox": kind}
        for n, kind in enumerate(chance.sample(("room", "shared", "equipment"), chance.randint(0, 3)))
    ] + [
        {"userPrincipalName": f"admin@{DOMAINS[0]}", "_roles": ["Global Administrator"], "_mailbox": "none"},
        {"userPrincipalName": f"x#EXT#@{DOMAINS[1]}", "_mailbox": "none"},
    ]


def live(company: Company, hours: int, laid: Iterable[Happening]) -> None:
    """What happens to people, in order; also what is laid for them."""
    chance = company.chance
    events: tuple[Callable[[float], object], ...] = (
        company.be_corrected, company.be_corrected, company.leave, company.marry, company.come_back,
        company.swap, company.take_over, company.move, company.be_made_anew, company.mistype, company.be_replaced,
    )  # fmt: skip
    happening = chance.sample(events, chance.randint(2, len(events)))
    # In a quiet company most hours need no run.
    rate = chance.choice((0.05, 0.4, 0.8, 0.9))
    moments: list[Happening] = [
        (at, partial(_happen, company, happening, at)) for at in _moments(chance, hours, rate)
    ]
    for _, happen in sorted([*moments, *laid], key=lambda one: one[0]):
        happen()
    company.correct(hours * HOUR - 30)


def _happen(company: Company, happening: Sequence[Callable[[float], object]], at: float) -> None:
    chance = company.chance
    if chance.random() < 0.3:
        company.correct(at)
    if company.is_full:
        company.leave(at)
    elif len(company.records) < 12 or chance.random() < 0.3:
        company.hire(at, chance.choice(DOMAINS))
    else:
        chance.choice(happening)(at)


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
            {"maxSourceShrink": chance.choice((5, 20, None))},
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
