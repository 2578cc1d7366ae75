"""What if other settings were in force: those settings, and for whom the plan would be another one. Pure."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from shared.model.changes import Action, Change, Plan
from shared.model.records import Record
from shared.model.runs import Differs

S = TypeVar("S", bound=Record)


def trying(stored: S, tried: Mapping[str, object]) -> S:
    """The settings with those of the same kind in `tried`, which has their names in the API."""
    fields = type(stored).model_fields.items()
    mine = {name: tried[alias] for name, field in fields if (alias := field.alias or name) in tried}
    return type(stored).model_validate({**dict(stored), **mine})


def differing(today: Plan, tried: Plan) -> list[Differs]:
    """The people who would be treated otherwise. That somebody is left alone for another reason is no difference."""
    now, then = _by_person(today), _by_person(tried)
    people = {**now, **then}
    return [
        Differs(
            user_principal_name=change.upn,
            display_name=change.display_name,
            today=next(iter(_but(now.get(person, ()), then.get(person, ()))), None),
            tried=next(iter(_but(then.get(person, ()), now.get(person, ()))), None),
        )
        for person, (change, *_) in people.items()
        if _treatments(now.get(person, ())) != _treatments(then.get(person, ()))
    ]


def _by_person(plan: Plan) -> dict[str, list[Change]]:
    """An account is one person under both plans, and so is a source user without one: a few changes each."""
    found: dict[str, list[Change]] = {}
    for change in plan.changes:
        found.setdefault(change.object_id or f"source {change.source_id}", []).append(change)
    return found


def _treatments(changes: Iterable[Change]) -> list[object]:
    return [(c.action, c.attributes, c.obstacle and c.obstacle.code) for c in changes]


def _but(changes: Iterable[Change], others: Iterable[Change]) -> list[Action]:
    """The actions that are not the same in the other plan."""
    same = _treatments(others)
    return [c.action for c in changes if _treatments([c])[0] not in same]
