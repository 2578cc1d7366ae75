"""One person: on which sides they are, matched by which rule, what would change, what protects. Pure."""

from shared.model.changes import Action, Change, Rule
from shared.model.holds import Hold
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser, Value
from shared.model.records import Record
from shared.planning.mapping import ENABLED, IMMUTABLE_ID, UPN, AttributeMap
from shared.planning.surveyed import Survey
from shared.reports.run_people import PersonChange
from shared.words import said


class PlannedChange(Record):
    action: Action
    attributes: list[PersonChange]
    reason: str
    reason_parts: Parts
    problem: str | None
    problem_parts: Parts


class Person(Record):
    """`source` and `entra` are what was read, by Entra's attribute names; null if the person is not on that side.

    `domain`: by whose sync `change` and `verdict` are. `protection`: what keeps the account as it is, or from being
    deleted.
    """

    domain: str
    query: str
    source: dict[str, Value] | None
    entra: dict[str, Value] | None
    matched_by: Rule | None
    change: PlannedChange | None
    protection: str | None
    protection_parts: Parts
    hold: Hold | None
    verdict: str
    verdict_parts: Parts


def person(seen: Survey, query: str) -> Person:
    """The person on either side with `query` as UPN, source id or object id."""
    wanted, attribute_map = query.strip().lower(), seen.terms.attribute_map
    user = next((u for u in seen.source if wanted in (u.source_id.lower(), u.upn.lower())), None)
    target = next((t for t in seen.target if wanted in (t.object_id.lower(), t.upn.lower())), None)
    changes = [c for c in seen.plan.changes if _concerns(c, wanted, user, target)]
    change = changes[0] if changes else None
    if target is None:
        object_id = (change.object_id if change else None) or (
            seen.plan.links.get(user.source_id) if user else None
        )
        target = next((t for t in seen.target if t.object_id == object_id), None)
    if user is None and target is not None:
        # Who was found by a folded UPN has no link.
        linked = next((s for s, o in seen.plan.links.items() if o == target.object_id), None)
        source_id = linked or (change.source_id if change else None)
        user = next((u for u in seen.source if u.source_id == source_id), None)
    protecting = seen.protection
    protection = protecting.reason_not_to_touch(target) or protecting.reason_to_keep(target) if target else ()
    verdict = tuple(part for c in changes or (None,) for part in _verdict(query, user, target, c))
    return Person(
        domain=seen.domain,
        query=query,
        source=_source(user, attribute_map) if user else None,
        entra=_entra(target, attribute_map) if target else None,
        matched_by=seen.rules.get(user.source_id) if user and target else None,
        change=_change(change) if change else None,
        protection=said(protection) or None,
        protection_parts=protection,
        hold=protecting.holds.get(target.object_id) if target else None,
        verdict=said(verdict),
        verdict_parts=verdict,
    )


def _concerns(change: Change, wanted: str, user: SourceUser | None, target: EntraUser | None) -> bool:
    if target is not None and change.object_id == target.object_id:
        return True
    if user is not None and change.source_id == user.source_id:
        return True
    return wanted in (change.upn.lower(), (change.object_id or "").lower(), (change.source_id or "").lower())


def _source(user: SourceUser, attribute_map: AttributeMap) -> dict[str, Value]:
    named = dict(zip(attribute_map.attributes, user.values, strict=True))
    return {
        "sourceId": user.source_id,
        UPN: user.upn or None,
        IMMUTABLE_ID: user.immutable_id,
        **named,
        ENABLED: user.status,
    }


def _entra(target: EntraUser, attribute_map: AttributeMap) -> dict[str, Value]:
    named = dict(zip(attribute_map.attributes, target.values, strict=True))
    return {
        "objectId": target.object_id,
        UPN: target.upn,
        IMMUTABLE_ID: target.immutable_id,
        **named,
        ENABLED: target.enabled,
    }


def _change(change: Change) -> PlannedChange:
    problem = change.obstacle.message if change.obstacle else ()
    return PlannedChange(
        action=change.action,
        attributes=[
            PersonChange(attribute=a.attribute, before=a.before, after=a.after) for a in change.attributes
        ],
        reason=said(change.reason),
        reason_parts=change.reason,
        problem=said(problem) or None,
        problem_parts=problem,
    )


def _verdict(query: str, user: SourceUser | None, target: EntraUser | None, change: Change | None) -> Parts:
    if change is None:
        if user and target:
            return say("person.equal")
        return say("person.otherDomain") if user else say("person.unknown", query=query)
    if change.action is Action.SKIP:
        return say("person.skipped") + change.reason
    action = change.action.value
    if change.obstacle:
        return say("person.wouldFail", action=action) + change.obstacle.message
    return say("person.would", action=action) + change.reason
