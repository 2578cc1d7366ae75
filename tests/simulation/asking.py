"""What administrators ask for less often, and what happens to many at once: each kind at a rate of its own, in some
scenarios: watches, what-ifs, runs of chosen people, pauses of the tenant, decisions, PIM, four eyes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from tests.simulation.clock import BEGINNING
from tests.simulation.scenario import HOUR, Act, Edit, Scenario

_FIRST_HOUR = 2
_FOUR_EYES = {"APPROVALS": "two", "AUTH_MODE": "entra"}
Made = Iterator[Act | Edit]


def with_requests(scenario: Scenario) -> Scenario:
    """The same scenario with a random subset of them."""
    chance = Random(f"{scenario.name} asking")
    kinds = chance.sample(_KINDS, chance.choice((0, 2, 4, len(_KINDS))))
    made = [
        one for kind in kinds for at in _moments(chance, scenario.hours) for one in kind(chance, scenario, at)
    ]
    acts = [*scenario.acts, *(one for one in made if isinstance(one, Act))]
    if four_eyes := chance.random() < 0.2:
        acts = [replace(one, confirmed_after=chance.choice((30.0, 30.0, 3000.0, None))) for one in acts]
        acts[: len(scenario.domains)] = scenario.acts[: len(scenario.domains)]
    return replace(
        scenario,
        settings={**scenario.settings, **(_FOUR_EYES if four_eyes else {})},
        acts=tuple(sorted(acts, key=lambda one: one.at)),
        edits=tuple(
            sorted([*scenario.edits, *(m for m in made if isinstance(m, Edit))], key=lambda one: one.at)
        ),
    )


def _moments(chance: Random, hours: int) -> list[float]:
    """Some of them right when runs are at work; the last hour is left alone."""
    rate = chance.choice((0.04, 0.15))
    return [
        hour * HOUR + chance.choice((chance.uniform(0, 20), chance.uniform(0, HOUR - 60)))
        for hour in range(_FIRST_HOUR, hours - 1)
        if chance.random() < rate
    ]


def _until(chance: Random, scenario: Scenario, at: float) -> float:
    return min(at + chance.uniform(1, 6) * HOUR, (scenario.hours - 1) * HOUR)


def _watch(chance: Random, scenario: Scenario, at: float) -> Made:
    domain = chance.choice(sorted(scenario.domains))
    yield Act(at, "settings", domain, {"periodicSync": "watch"})
    yield Act(_until(chance, scenario, at), "settings", domain, {"periodicSync": True})


def _what_if(chance: Random, scenario: Scenario, at: float) -> Made:
    tried = chance.choice(
        (
            {"maxAllowedDeletions": 100},
            {"leavers": {"block": True, "deleteAfterDays": 0}},
            {"signIn": "block"},
            {"signIn": "follow"},
            {"attributeMap": {"surname": None}},
        )
    )
    yield Act(at, "dryRun", chance.choice(sorted(scenario.domains)), {"settings": tried})


def _only(chance: Random, scenario: Scenario, at: float) -> Made:
    people = chance.sample([str(one["username"]) for one in scenario.people], 3)
    accounts = chance.sample([str(one["userPrincipalName"]) for one in scenario.accounts], 2)
    body: dict[str, Any] = {"only": people, "accounts": accounts}
    kind = chance.random()
    yield Act(
        at, "sync" if kind < 0.7 else "dryRun", chance.choice(sorted(scenario.domains)), body
    )  # fmt: skip


def _tenant_pause(chance: Random, scenario: Scenario, at: float) -> Made:
    until = (BEGINNING + timedelta(seconds=_until(chance, scenario, at))).isoformat()
    yield Act(at, "tenant", "", {"pausedUntil": until, "pauseReason": "migration"})
    if chance.random() < 0.3:
        yield Act(at + chance.uniform(60, HOUR), "tenant", "", {"pausedUntil": None})


def _decide(chance: Random, scenario: Scenario, at: float) -> Made:
    body = {"same": chance.random() < 0.5, "most": chance.randint(1, 5)}
    yield Act(at, "decide", chance.choice(sorted(scenario.domains)), body)


def _cancel_early(chance: Random, scenario: Scenario, at: float) -> Made:
    """A sync that is cancelled at any time."""
    domain = chance.choice(sorted(scenario.domains))
    yield Act(at, "sync", domain)
    yield Act(at + chance.uniform(0, 15), "cancel", domain)


def _undo(chance: Random, scenario: Scenario, at: float) -> Made:
    body = {"disableAdded": chance.random() < 0.6, "dryRun": chance.random() < 0.2}
    yield Act(at, "undo", chance.choice(sorted(scenario.domains)), body)


def _roles(chance: Random, scenario: Scenario, at: float) -> Made:
    """A role, or PIM's eligibility for one, which is given and taken again."""
    who = str(chance.choice(scenario.accounts)["userPrincipalName"])
    name = chance.choice(("roles", "eligible"))
    yield Edit(at, "entra.roles", who, {name: ["Helpdesk Administrator"]})
    yield Edit(_until(chance, scenario, at), "entra.roles", who, {name: []})


def _to_shared(chance: Random, scenario: Scenario, at: float) -> Made:
    """Somebody leaves, and their mailbox is kept as a shared one; in some companies only after they have left."""
    one = chance.choice(scenario.people)
    convert = at + chance.choice((-600.0, 5.0, 1800.0))
    yield Edit(at, "source.remove", str(one["username"]))
    yield Edit(convert, "entra.mailbox", str(one["user_principal_name"]), {"purpose": "shared"})


def _rebrand(chance: Random, scenario: Scenario, at: float) -> Made:
    """Everybody on a domain gets another UPN, or loses a name by a mistake that is corrected."""
    domain = chance.choice(sorted(scenario.domains))
    field = chance.choice(("user_principal_name", "family_name", "given_name"))
    for one in scenario.people:
        upn = str(one["user_principal_name"])
        if upn.endswith(f"@{domain}"):
            changed = f"{one['username']}.r@{domain}" if field == "user_principal_name" else ""
            yield Edit(at, "source.edit", str(one["username"]), {field: changed})
            if field != "user_principal_name":
                yield Edit(
                    _until(chance, scenario, at), "source.edit", str(one["username"]), {field: one[field]}
                )


_KINDS: tuple[Callable[[Random, Scenario, float], Made], ...] = (
    _watch, _what_if, _only, _tenant_pause, _decide, _cancel_early, _undo, _roles, _to_shared, _rebrand,
)  # fmt: skip
