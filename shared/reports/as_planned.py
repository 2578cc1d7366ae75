"""What a sync did, against the dry run that was approved with it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from shared.model.changes import SWITCHES, Action
from shared.model.results import UNLINKED, Outcome, Result
from shared.model.runs import DIFFERENCES_NAMED, Compared, Departed, Departure
from shared.planning.deeds import Deeds, deeds

# A person, and whether it is the change that blocks or unblocks them beside another one.
_Who = tuple[str, bool]


def compared(
    planned: Iterable[Outcome], done: Iterable[Outcome], approved: Deeds, *, named: bool
) -> Compared:
    """The people whom the sync treated otherwise. Who was skipped or failed, as foreseen, is as planned.

    `named`: of the listed deletions, only the `approved` ones were meant.
    """
    before, after = _by_person(_meant(planned, approved, named=named)), _by_person(done)
    found = [
        departed
        for who in dict.fromkeys((*before, *after))
        if (departed := _departed(before.get(who), after.get(who)))
    ]
    return Compared(people=len(found), some=tuple(found[:DIFFERENCES_NAMED]))


def _meant(planned: Iterable[Outcome], approved: Deeds, *, named: bool) -> Iterator[Outcome]:
    for one in planned:
        change = one.change
        if one.error_code == UNLINKED:
            change = replace(change, action=Action.DELETE, obstacle=None)
        is_approved = not approved.isdisjoint(deeds(change))
        if one.error_code == UNLINKED and is_approved:
            yield Outcome.planned(change)
        elif not one.change.of_leaver or is_approved or not named:
            yield one


def _by_person(outcomes: Iterable[Outcome]) -> Mapping[_Who, Outcome]:
    return {
        (one.change.object_id or one.change.source_id or one.change.upn, one.change.action in SWITCHES): one
        for one in outcomes
    }


def _departed(before: Outcome | None, after: Outcome | None) -> Departed | None:
    how = _how(before, after)
    shown = before or after
    if how is None or shown is None:
        return None
    return Departed(
        how=how,
        user_principal_name=shown.change.upn,
        display_name=shown.change.display_name,
        planned=_action(before),
        done=_action(after) if after and after.succeeded else None,
    )


def _how(before: Outcome | None, after: Outcome | None) -> Departure | None:
    intended = before is not None and before.result is Result.PLANNED and not before.error_code
    if after is not None and after.succeeded:
        if before is None or not intended:
            return "unplanned"
        if after.refused:
            return "failed"
        return None if _effect(before) == _effect(after) else "otherwise"
    if after is not None and after.result in (Result.FAILED, Result.IN_DOUBT):
        return "failed" if intended or before is None else None
    if not intended:
        return None
    return "gone" if after is None or after.result is Result.UNCHANGED else "left"


def _action(outcome: Outcome | None) -> Action | None:
    return outcome.change.action if outcome and outcome.change.action is not Action.SKIP else None


def _effect(outcome: Outcome) -> tuple[Action, dict[str, object]]:
    return outcome.change.action, {one.attribute: one.after for one in outcome.change.attributes}
