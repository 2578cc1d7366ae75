"""Users whom an interrupted change left at a temporary UPN, and whom no change of the plan takes up. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.model.changes import Change, Obstacle, Plan
from shared.model.parts import say
from shared.model.people import EntraUser, SourceUser
from shared.model.results import STEPPED_ASIDE
from shared.planning.leavers import skipped
from shared.planning.renames import temporary_upn
from shared.planning.territory import Territory, Where


def are_aside(users: Iterable[EntraUser], initial_domain: str) -> list[EntraUser]:
    """Those of the users who have a temporary UPN of this app."""
    return [user for user in users if user.upn.lower() == temporary_upn(user, initial_domain).lower()]


def with_those_left_aside(
    plan: Plan,
    aside: Sequence[EntraUser],
    source: Sequence[SourceUser],
    links: Mapping[str, str],
    territory: Territory,
) -> Plan:
    """The same plan, with a skip for each user whom no sync would give another UPN.

    `links`: what earlier syncs remember, source id → object id. A user in the source whose domain is synchronised is
    taken up by that domain's sync.
    """
    if not aside:
        return plan
    ours = {object_id: source_id for source_id, object_id in links.items()}
    elsewhere = {user.source_id for user in source if territory.place(user).where is Where.OWN}
    planned = {change.object_id for change in plan.changes}
    left = [
        _named(user, ours[user.object_id])
        for user in aside
        if user.object_id in ours.keys() - planned and ours[user.object_id] not in elsewhere
    ]
    return replace(plan, changes=(*plan.changes, *left))


def _named(user: EntraUser, source_id: str) -> Change:
    reason = say("aside.left", upn=user.upn)
    return replace(skipped(user, reason, source_id), obstacle=Obstacle(STEPPED_ASIDE, reason))
