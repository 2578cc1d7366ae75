"""Meetings that are rarer still: looks that fail, hands that are quicker, changes cut off halfway, and their undo."""

from collections.abc import Callable
from typing import Any

from tests.simulation.ambushes import BATCH, Ambush, meanwhile
from tests.simulation.faults import Fault, Kind, Service
from tests.simulation.scenario import HOUR, Act, Edit, EditKind, Rule

_RENAMES, _CREATES = f"{BATCH} PATCH", f"{BATCH} POST"
# What the app looks at in Graph, and whether it may be denied. `/users`: who has an immutable ID, or a count.
_LOOKS: tuple[tuple[str, dict[str, object], tuple[int, ...]], ...] = (
    ("/directory/deletedItems*", {}, (503,)),
    ("/users", {"where": "inner"}, (503,)),
    ("/users", {"kind": "countTooHigh", "where": "outer"}, (503,)),
    ("/users/*", {}, (503,)),
    ("/users/*", {}, (503,)),
    ("/roleManagement/*", {}, (403, 503)),
    ("/users/*/mailboxSettings*", {}, (403, 503)),
    ("/users/*/revokeSignInSessions", {"method": "POST"}, (403, 503)),
    ("/groups*", {}, (503,)),
    ("/applications*", {}, (503,)),
    ("/servicePrincipals*", {}, (503,)),
)
_BY_HAND = {"displayName": "By hand", "mailNickname": "byhand", "accountEnabled": True}


def blind(laid: Ambush, hour: int) -> None:
    """For an hour Graph does not answer one kind of look, or denies it; people come and go, and a sync is undone."""
    chance, at = laid.chance, hour * HOUR
    path, further, statuses = chance.choice(_LOOKS)
    rule = {"kind": "status", "method": "GET", "path": path, "status": chance.choice(statuses), **further}
    if chance.random() < 0.6:
        laid.rules.append(Rule(hour, rule))
    else:
        # Whatever is asked at that moment, as a whole.
        nth, times = chance.randint(1, 40), chance.choice((5, 8, 12))
        laid.faults.append(Fault(hour, "graph", nth, "refused", times, 1.0, f"{BATCH} GET"))
    domain = chance.choice(laid.domains)
    terms = {"block": chance.random() < 0.7, "deleteAfterDays": chance.choice((0, 1))}
    laid.let_leave(at - HOUR - 120, domain, terms)
    # Who waits has their account moved by hand; somebody has the immutable ID of an account that another made.
    elsewhere = f"moved{hour}@{chance.choice(laid.domains[:2])}"
    waiting = laid.company.leave(at - HOUR - 60, domain)
    laid.edits.append(Edit(at - 600, "entra.update", waiting, {"userPrincipalName": elsewhere}))
    key = laid.company.be_keyed(at - 60)
    by_hand = {**_BY_HAND, "onPremisesImmutableId": key}
    laid.edits.append(Edit(at - 90, "entra.create", f"by.hand{hour}@{domain}", by_hand))
    laid.company.marry(at - 60)
    laid.company.come_back(at - 60)
    laid.company.leave(at - 60, domain)
    laid.acts.append(Act(at + chance.uniform(60, 1800), "undo", domain, {"disableAdded": True}))


def aside(laid: Ambush, hour: int) -> None:
    """Two exchange their UPNs, and the sync is cut off, or refused, while one of them has a temporary one."""
    chance, at, domain = laid.chance, hour * HOUR, laid.chance.choice(laid.domains)
    pair = laid.company.swap_on(at - 60, domain)
    way = chance.choice(("cancelled", "left", "down", "refused", "taken"))
    if way in ("cancelled", "left"):
        laid.faults += [Fault(hour, "graph", nth, "killedAfter", what=_RENAMES) for nth in (1, 2)]
        laid.acts.append(Act(meanwhile(chance, hour), "cancel", domain))
        if way == "left" and pair:
            laid.company.leave(meanwhile(chance, hour), domain, chance.choice(pair))
    elif way == "down":
        laid.faults.append(Fault(hour, "graph", 1, "refused", 500, 20.0, after=_RENAMES))
    elif way == "refused":
        every = list(range(chance.randint(1, 4), 30))
        refused = {
            "kind": "status",
            "status": chance.choice((400, 403, 409)),
            "method": "PATCH",
            "path": "/users/*",
        }
        laid.rules.append(Rule(hour, {**refused, "nth": every}))
    elif pair:
        laid.faults.append(Fault(hour, "graph", chance.randint(2, 3), "slow", 1, 60.0, _RENAMES))
        upn = laid.company.upn_of(chance.choice(pair))
        laid.edits.append(Edit(at + chance.uniform(8, 60), "entra.create", upn, _BY_HAND))
    if chance.random() < 0.5:
        laid.acts.append(Act(at + chance.uniform(1200, 3000), "undo", domain))


def undone(laid: Ambush, hour: int) -> None:
    """What a sync has done is changed by hand, and then it is undone."""
    chance, at = laid.chance, hour * HOUR
    for domain in laid.domains:
        laid.let_leave(at - 120, domain, {"block": False, "deleteAfterDays": 0})
    if chance.random() < 0.4:
        upn = laid.company.be_corrected(at - 60)
        kinds: tuple[EditKind, ...] = ("entra.update", "entra.delete")
    else:
        upn = laid.company.leave(at - 60, chance.choice(laid.domains))
        kinds = ("entra.restore", "entra.purge", "entra.create")
    kind = chance.choice(kinds)
    if kind == "entra.create":
        key = laid.company.immutable_id_of_leaver(upn)
        values = {**_BY_HAND, **({"onPremisesImmutableId": key} if key else {})}
        laid.edits.append(Edit(at + 600, kind, f"by.hand{hour}@{laid.domains[0]}", values))
    else:
        laid.edits.append(Edit(at + 600, kind, upn, {"displayName": "By hand, later"}))
    laid.acts.append(Act(at + 1200, "undo", upn.partition("@")[2] or laid.domains[0]))


def quicker_by_hand(laid: Ambush, hour: int) -> None:
    """While somebody is about to be created, or to come back, another does that by hand; or nobody hears the answer."""
    chance, at, domain = laid.chance, hour * HOUR, laid.chance.choice(laid.domains)
    if chance.random() < 0.5:
        record = laid.company.newcomer(at - 60, domain)
        edit = Edit(at + chance.uniform(20, 80), "entra.create", str(record["user_principal_name"]), {
            "displayName": record["display_name"], "surname": record["family_name"], "accountEnabled": True,
            "givenName": record["given_name"], "mailNickname": record["username"],
            **({"onPremisesImmutableId": record["immutable_id"]} if record["immutable_id"] else {}),
        })  # fmt: skip
    else:
        upn = laid.company.upn_of(chance.choice(sorted(laid.company.records)))
        laid.edits.append(Edit(at - 600, "entra.delete", upn))
        edit = Edit(at + chance.uniform(20, 80), "entra.restore", upn)
    if chance.random() < 0.6:
        laid.edits.append(edit)
        laid.faults += [Fault(hour, "graph", nth, "slow", 1, 90.0, _CREATES) for nth in (1, 2, 3)]
    else:
        laid.faults.append(Fault(hour, "graph", 1, "unheard", what=_CREATES))
    if chance.random() < 0.4:
        laid.faults.append(Fault(hour, "graph", 1, "refused", 500, 20.0, after=_CREATES))


def storage_down(laid: Ambush, hour: int) -> None:
    """Tables or blobs refuse everything, or one kind of write, for long, while administrators ask for this and that."""
    chance, at, domain = laid.chance, hour * HOUR, laid.chance.choice(laid.domains)
    refused: tuple[tuple[Service, str], ...] = (
        ("table", ""), ("blob", ""), ("table", "transact Runs(~hours"), ("blob", "append journal"),
    )  # fmt: skip
    service, what = chance.choice(refused)
    nth, times = chance.randint(1, 1 if what else 150), chance.choice((30, 100, 1000))
    laid.faults.append(Fault(hour, service, nth, "refused", times, 0.0, what))
    laid.company.leave(at - 60, domain)
    laid.company.be_corrected(at - 60)
    laid.acts.append(Act(at + chance.uniform(2, 60), chance.choice(("dryRun", "sync", "cancel")), domain))


def approved_leavers(laid: Ambush, hour: int) -> None:
    """More leave than the limit lets; a dry run shows it, and somebody approves just that, perhaps after it was changed
    how long leavers wait."""
    at, domain = hour * HOUR, laid.chance.choice(laid.domains)
    laid.let_leave(at - 120, domain, {"block": False, "deleteAfterDays": 0}, most=10)
    for number in range(8):
        laid.company.newcomer(at - HOUR - 60, domain)
        # The last ones leave when the others have been shown.
        laid.company.leave(at + 800 if number > 3 else at - 60, domain)
    laid.acts += [Act(at + 600, "dryRun", domain), Act(at + 900, "approve", domain)]
    if laid.chance.random() < 0.3:
        laid.acts.append(
            Act(at + 750, "settings", domain, {"leavers": {"block": True, "deleteAfterDays": 1}})
        )


def returned(laid: Ambush, hour: int) -> None:
    """Who has left comes back when they have been deleted, and mostly the sync that restores them is undone."""
    at, domain = hour * HOUR, laid.chance.choice(laid.domains)
    # Whoever is blocked first is deleted an hour later.
    block = hour > 3 and laid.chance.random() < 0.5
    left = at - (2 if block else 1) * HOUR
    laid.let_leave(left - 120, domain, {"block": block, "deleteAfterDays": 0})
    if upn := laid.company.leave(left - 60, domain):
        laid.company.come_back(at - 60, laid.company.username_of_leaver(upn))
    if laid.chance.random() < 0.7:
        laid.acts.append(Act(at + 1200, "undo", domain, {"disableAdded": laid.chance.random() < 0.5}))


def half_an_answer(laid: Ambush, hour: int) -> None:
    """Whenever a sync reads the source, its list ends in the middle, or at once; no limit stops what comes of it."""
    chance, at = laid.chance, hour * HOUR
    for domain in laid.domains:
        laid.let_leave(at - 120, domain, {"block": False, "deleteAfterDays": 0}, most=100)
        laid.acts.append(Act(at + 1800, "settings", domain, {"maxAllowedDeletions": 20}))
    page = chance.randint(1, 5)
    kind: Kind = "cutOff" if page > 1 else "empty"
    laid.faults += [Fault(hour, "source", page * times, kind, what="GET") for times in (1, 2, 3)]


def roles_unread(laid: Ambush, hour: int) -> None:
    """Whoever leaves has just become eligible for a role: Graph refuses no write for that, and does not tell it now, or
    on a second page."""
    at, domain = hour * HOUR, laid.chance.choice(laid.domains)
    laid.let_leave(at - 120, domain, {"block": laid.chance.random() < 0.5, "deleteAfterDays": 0})
    if upn := laid.company.leave(at - 60, domain):
        laid.edits.append(Edit(at - 90, "entra.roles", upn, {"eligible": ["User Administrator"]}))
    untold = ({"kind": "status", "method": "GET", "status": 503}, {"kind": "emptyPage", "where": "inner"})
    laid.rules.append(Rule(hour, {"path": "/roleManagement/*", **laid.chance.choice(untold)}))


def shrunk(laid: Ambush, hour: int) -> None:
    """More leave than Max Source Shrink lets, and no other limit would stop it."""
    at, domain = hour * HOUR, laid.chance.choice(laid.domains)
    laid.let_leave(at - 120, domain, {"block": False, "deleteAfterDays": 0}, most=100)
    laid.acts.append(Act(at - 110, "settings", domain, {"maxSourceShrink": laid.chance.choice((5, 20))}))
    for _ in range(4):
        laid.company.leave(at - 60, domain)
    laid.acts.append(Act(at + 1.5 * HOUR, "settings", domain, {"maxSourceShrink": None}))


def taken_meanwhile(laid: Ambush, hour: int) -> None:
    """Somebody gets another UPN, and before the run goes on an account by hand has the former one. It is undone."""
    upn = laid.company.marry(hour * HOUR - 60)
    laid.faults.append(Fault(hour, "graph", 1, "killedAfter", what=_RENAMES))
    laid.edits.append(Edit(meanwhile(laid.chance, hour), "entra.create", upn, _BY_HAND))
    laid.acts.append(Act(hour * HOUR + 1500, "undo", upn.partition("@")[2]))


def made_anew_with_slips(laid: Ambush, hour: int) -> None:
    """A Username is made anew with one value of the former one, and others that are mistyped."""
    laid.company.be_made_anew_with_slips(hour * HOUR - 60)


def alike(laid: Ambush, hour: int) -> None:
    """Somebody has made an account by hand, whose nickname or former UPN is that of a newcomer, perhaps mistyped."""
    chance, at, domain = laid.chance, hour * HOUR, laid.chance.choice(laid.domains[:2])
    record = laid.company.newcomer(at - 60, domain, wrong=chance.random() < 0.5)
    username, theirs = record["username"], str(record["user_principal_name"])
    by_nickname = chance.random() < 0.5
    first = f"by.hand{hour}@{domain}" if by_nickname else theirs
    nickname = username if by_nickname else f"byhand{hour}"
    laid.edits.append(Edit(at - HOUR / 2, "entra.create", first, {**_BY_HAND, "mailNickname": nickname}))
    if not by_nickname:
        laid.edits += [
            Edit(at - HOUR / 2 + 1, "entra.mailbox", theirs, {"purpose": "user"}),
            Edit(at - HOUR / 2 + 2, "entra.update", theirs, {"userPrincipalName": f"by.hand{hour}@{domain}"}),
        ]


def changed_before_it_goes(laid: Ambush, hour: int) -> None:
    """Between the two looks before a deletion somebody renames or changes the leaver's account, or gives it a role."""
    chance, at, domain = laid.chance, hour * HOUR, laid.chance.choice(laid.domains[:2])
    laid.let_leave(at - 120, domain, {"block": chance.random() < 0.3, "deleteAfterDays": 0})
    upn = laid.company.leave(at - 60, domain)
    what = chance.choice(("append journal", "append audit-logs", "upload snapshots/source-"))
    laid.faults.append(Fault(hour, "blob", chance.randint(1, 2), "slow", 1, 60.0, what))
    kinds: tuple[tuple[EditKind, dict[str, Any]], ...] = (
        ("entra.update", {"userPrincipalName": f"by.hand{hour}@{domain}"}),
        ("entra.update", {"displayName": "By hand"}),
        ("entra.roles", {"roles": ["Helpdesk Administrator"]}),
        ("entra.mailbox", {"purpose": "shared"}),
    )
    kind, values = chance.choice(kinds)
    laid.edits.append(Edit(at + chance.uniform(6, 60), kind, upn, values))


def kept(laid: Ambush, hour: int) -> None:
    """A leaver who is blocked and waits is unblocked by hand, or by an undo; somebody approves what is left."""
    chance, at, domain = laid.chance, hour * HOUR, laid.chance.choice(laid.domains)
    laid.let_leave(at - 120, domain, {"block": True, "deleteAfterDays": 2})
    upn = laid.company.leave(at - 60, domain)
    if chance.random() < 0.6:
        # The block may be late, or a sync sees it before.
        first = chance.choice((0, 1))
        laid.edits += [
            Edit(at + HOUR / 2 + later * HOUR, "entra.update", upn, {"accountEnabled": True})
            for later in range(first, first + 4)
        ]
    else:
        laid.acts.append(Act(at + 900, "undo", domain))


def due_together(laid: Ambush, hour: int) -> None:
    """Several leave together, and when their day comes the limit is lower than it was."""
    at, domain = hour * HOUR, laid.chance.choice(laid.domains)
    laid.let_leave(at - 120, domain, {"block": laid.chance.random() < 0.5, "deleteAfterDays": 1})
    for _ in range(3):
        laid.company.leave(at - 60, domain)
    laid.acts.append(Act(at + 20 * HOUR, "settings", domain, {"maxAllowedDeletions": 5}))


def at_rest(laid: Ambush, hour: int) -> None:
    """Somebody changes an account by hand, long before a sync looks at it, perhaps where nothing else happens."""
    upn = laid.company.upn_of(laid.chance.choice(sorted(laid.company.records)))
    laid.edits.append(Edit(hour * HOUR + 900, "entra.update", upn, {"displayName": "By hand"}))


def lost_link(laid: Ambush, hour: int) -> None:
    """The link by which Graph tells what has changed is lost, just when somebody has changed an account by hand."""
    upn = laid.company.upn_of(laid.chance.choice(sorted(laid.company.records)))
    laid.edits.append(Edit(hour * HOUR - 900, "entra.update", upn, {"displayName": "By hand"}))
    laid.rules.append(Rule(hour, {"kind": "lostToken", "status": laid.chance.choice((400, 404, 410))}))


RARER: tuple[Callable[[Ambush, int], None], ...] = (
    blind, aside, undone, quicker_by_hand, storage_down, approved_leavers, taken_meanwhile, made_anew_with_slips,
    alike, changed_before_it_goes, kept, at_rest, returned, half_an_answer, roles_unread, shrunk,
    lost_link, due_together,
)  # fmt: skip
