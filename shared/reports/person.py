"""One person: on which sides they are, matched by which rule, what would change, what protects. Pure."""

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.model.addresses import is_object_id
from shared.model.changes import Action, AttributeChange, Change, Rule
from shared.model.holds import Hold
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser, Value
from shared.model.records import Record
from shared.model.results import AMBIGUOUS, QUESTION
from shared.model.runs import Read
from shared.planning.mapping import ENABLED, IMMUTABLE_ID, UPN, AttributeMap
from shared.planning.only import concerns
from shared.planning.surveyed import Survey
from shared.words import said


class PlannedChange(Record):
    action: Action
    attributes: tuple[AttributeChange, ...]
    reason: str
    reason_parts: Parts
    problem: str | None
    problem_parts: Parts


class Person(Record):
    """`source` and `entra` are what was read, by Entra's attribute names; null if the person is not on that side.

    `domain`: by whose sync `change` and `verdict` are. `protection`: what keeps the account as it is, or from being
    deleted. `read`: of when both sides are, but for accounts, which are read now; empty where all is read now.
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
    read: Read = Read()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is asked about: a user of the source by their id, or an account. `query`: how they were called."""

    query: str
    source_id: str | None = None
    object_id: str | None = None


def asked_about(
    query: str, users: Sequence[SourceUser], accounts: Sequence[EntraUser], links: Mapping[str, str]
) -> Asked | None:
    """Whom `query` names: an object id, `u:` with a Username in base64url, a Username, or a UPN; None for nobody.

    An id is looked for first, a UPN in Entra before one in the source: the two may be two people's. `links`: source id
    → object id, as earlier syncs knew them.
    """
    return next(_named(query, users, accounts, links), None)


def _named(
    query: str, users: Sequence[SourceUser], accounts: Sequence[EntraUser], links: Mapping[str, str]
) -> Iterator[Asked]:
    """What `query` may name, the most certain first."""
    username = username_of(query)
    called = query.strip() if username is None else username
    folded = called.lower()
    if username is None:
        yield from (
            Asked(query=called, object_id=a.object_id) for a in accounts if a.object_id.lower() == folded
        )
    for same in (str, str.lower):
        yield from (
            Asked(query=called, source_id=u.source_id) for u in users if same(u.source_id) == same(called)
        )
    if called in links:
        yield Asked(query=called, object_id=links[called])
    if username is not None:
        return
    if is_object_id(called):  # of a deleted account
        yield Asked(query=called, object_id=folded)
    yield from (Asked(query=called, object_id=a.object_id) for a in accounts if a.upn.lower() == folded)
    yield from (Asked(query=called, source_id=u.source_id) for u in users if u.upn.lower() == folded)


def username_of(query: str) -> str | None:
    """The Username that `u:` and base64url name; None if it is no such name."""
    if not query.startswith("u:"):
        return None
    coded = query[2:].rstrip("=")
    try:
        return urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except ValueError:
        return None


# Whose account it is.
_UNDECIDED = (AMBIGUOUS, QUESTION)


def paired(seen: Survey, asked: Asked) -> Asked:
    """With the other side, as the plan pairs them."""
    source_id, object_id, plan = asked.source_id, asked.object_id, seen.plan
    if source_id is not None:
        of = (one.object_id for one in plan.changes if one.source_id == source_id and one.object_id)
        # The account that was theirs may be somebody else's now: who has its UPN, or its immutable ID.
        others = (one for one in plan.changes if one.source_id not in (None, source_id))
        lost = {one.object_id for one in others if not (one.obstacle and one.obstacle.code in _UNDECIDED)}
        linked_to = plan.links.get(source_id)
        return replace(asked, object_id=next(of, None) or (None if linked_to in lost else linked_to))
    if object_id is None:
        return asked
    own = (one.source_id for one in plan.changes if one.object_id == object_id and one.source_id)
    linked = (who for who, account in plan.links.items() if account == object_id)
    return replace(asked, source_id=next(own, None) or next(linked, None))


def person(seen: Survey, asked: Asked, account: EntraUser | None) -> Person:
    """The person who is `paired`. `account`: theirs, if it is not on the domain."""
    attribute_map, query = seen.terms.attribute_map, asked.query
    user = next((one for one in seen.source if one.source_id == asked.source_id), None)
    target = next((one for one in seen.target if one.object_id == asked.object_id), account)
    ids = {asked.source_id, asked.object_id} - {None}
    changes = [one for one in seen.plan.changes if concerns(one, ids)]
    change = changes[0] if changes else None
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
        attributes=change.attributes,
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
