"""What if other settings were in force: those settings, and for whom the plan would be another one. Pure."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic.alias_generators import to_camel

from shared.model.changes import Change, Plan
from shared.model.records import Record
from shared.model.runs import Differs

S = TypeVar("S", bound=Record)


def trying(stored: S, tried: Mapping[str, object]) -> S:
    """The settings with those of the same kind in `tried`, which has their names in the API."""
    named = {name: to_camel(name) for name in type(stored).model_fields}
    mine = {name: tried[alias] for name, alias in named.items() if alias in tried}
    return type(stored).model_validate({**dict(stored), **mine})


def differing(today: Plan, tried: Plan) -> list[Differs]:
    """The people who would be treated otherwise. That somebody is left alone for another reason is no difference."""
    now, then = _by_person(today), _by_person(tried)
    people = {**now, **then}
    return [
        Differs(
            user_principal_name=change.upn,
            display_name=change.display_name,
            today=now[person].action if person in now else None,
            tried=then[person].action if person in then else None,
        )
        for person, change in people.items()
        if _treatment(now.get(person)) != _treatment(then.get(person))
    ]


def _by_person(plan: Plan) -> dict[str, Change]:
    """An account is one person under both plans, and so is a source user without one."""
    return {change.object_id or f"source {change.source_id}": change for change in plan.changes}


def _treatment(change: Change | None) -> object:
    if change is None:
        return None
    return change.action, change.attributes, change.obstacle and change.obstacle.code
