"""The part of a plan that concerns chosen people: an administrator tries a sync with a few first. Pure."""

from collections.abc import Collection
from dataclasses import replace

from shared.model.addresses import compared_id
from shared.model.changes import Action, Change, Obstacle, Plan
from shared.model.parts import say
from shared.planning.matching import is_on
from shared.planning.surveyed import Survey

NEEDS_OTHERS = "NeedsOthers"


def chosen(seen: Survey, people: Collection[str]) -> Survey:
    """The survey with the plan of these people alone, and a warning that names those whom neither side has.

    What earlier syncs knew of everybody else stays as it was.
    """
    target = {user.object_id for user in seen.target}
    here = target | {who for who, account in seen.plan.links.items() if account in target}
    here |= {user.source_id for user in seen.source if is_on(seen.domain, user.upn)}
    here |= {one for change in seen.plan.changes for one in (change.object_id, change.source_id) if one}
    # A leaver is known by the Username that an earlier sync knew, too.
    accounts = {one: seen.plan.links.get(one, compared_id(one)) for one in people}
    strangers = sorted(one for one, account in accounts.items() if here.isdisjoint((one, account)))
    warning = say("warning.notFound", people=tuple(strangers)) if strangers else ()
    people = frozenset((*people, *accounts.values()))
    plan = only(seen.plan, people)
    mine = {who: account for who, account in plan.links.items() if who in people or account in people}
    taken = frozenset(mine.values())
    others = {who: account for who, account in seen.memory.links.items() if account not in taken}
    plan = replace(plan, links={**others, **mine})
    return replace(seen, plan=plan, warnings=seen.warnings + warning, only=people)


def only(plan: Plan, people: Collection[str]) -> Plan:
    """The plan with the changes of these people alone (source ids and object ids).

    A change that needs the UPN of somebody who is not among them, and who would give it up (a swap, a chain, a
    deletion), gets an obstacle that names them. What was counted of the whole domain stays.
    """
    theirs = [change for change in plan.changes if concerns(change, people)]
    held = {
        change.upn.lower(): change
        for change in plan.of(Action.RENAME, Action.DELETE)
        if change.obstacle is None and not concerns(change, people)
    }
    waiting = True
    while waiting:
        waiting = False
        for place, change in enumerate(theirs):
            holder = held.get(change.new_upn.lower()) if _takes_an_address(change) else None
            if holder is not None and holder.object_id != change.object_id:
                message = say(
                    "only.needsOthers",
                    address=change.new_upn,
                    holder=holder.display_name or holder.upn,
                    objectId=str(holder.object_id),
                )
                theirs[place] = replace(change, obstacle=Obstacle(NEEDS_OTHERS, message), via=None)
                # Whoever waits for this one's UPN waits, too.
                if change.action is Action.RENAME:
                    held[change.upn.lower()] = change
                waiting = True
    accounts = {*people, *(change.object_id for change in theirs)}
    return replace(
        plan,
        changes=tuple(theirs),
        leavers={account: row for account, row in plan.leavers.items() if account in accounts},
        signed_in=tuple(one for one in plan.signed_in if one in accounts),
        without_session_time=tuple(one for one in plan.without_session_time if one in people),
    )


def concerns(change: Change, people: Collection[str | None]) -> bool:
    """Whether it is about one of these people, by source id or object id."""
    return change.object_id in people or change.source_id in people


def _takes_an_address(change: Change) -> bool:
    return change.obstacle is None and change.action in (Action.RENAME, Action.ADD, Action.RESTORE)
