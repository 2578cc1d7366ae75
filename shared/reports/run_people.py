"""The people of a run as data: what its audit log says in rows, one record for each person. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum

import orjson

from shared.model.changes import Action, AttributeChange, Rule
from shared.model.parts import Parts
from shared.model.records import Record
from shared.model.results import KEPT, QUESTION, SHIELDED, UNLINKED, WAITS, Outcome, Result

_SINCE = "leaver.knownSince"


class PersonKind(StrEnum):
    """How the admin page divides a run's people, in the order in which a reader wants to know."""

    FAILED = "failed"
    DOUBTFUL = "doubtful"
    QUESTION = "question"
    DELETE = "delete"
    BLOCK = "block"
    UNBLOCK = "unblock"
    RENAME = "rename"
    UPDATE = "update"
    RESTORE = "restore"
    ADD = "add"
    SHIELDED = "shielded"
    UNLINKED = "unlinked"
    WAITING = "waiting"
    SKIP = "skip"


_ORDER = {kind: place for place, kind in enumerate(PersonKind)}
# Who is skipped for a reason that a person can end.
_KINDS_OF_SKIP = {
    QUESTION: PersonKind.QUESTION,
    SHIELDED: PersonKind.SHIELDED,
    UNLINKED: PersonKind.UNLINKED,
    WAITS: PersonKind.WAITING,
    KEPT: PersonKind.WAITING,
}


class RunPerson(Record):
    """One person in a run. `kind` is what the person counts as, `result` how the change ended.

    `obstacle`: why it failed, or would fail; null if nothing is in its way. `rule` is what paired the person with the
    account. `knownSince`: of somebody in Entra only, the day on which a sync first knew them.
    """

    kind: PersonKind
    action: Action
    result: Result
    user_principal_name: str
    display_name: str
    object_id: str | None
    source_id: str | None
    changes: tuple[AttributeChange, ...]
    reason: Parts
    obstacle: Parts | None
    error_code: str
    request_id: str
    rule: Rule | None
    known_since: date | None


class RunPeople(Record):
    """A page of a run's people. `cursor` leads to the next one, and is null on the last."""

    people: list[RunPerson]
    cursor: str | None


def page_of_people(
    outcomes: Iterable[Outcome], kind: PersonKind | None, words: str, start: int, limit: int
) -> bytes:
    """A `RunPeople` as JSON: `limit` people of that kind from `start` on, in whom all the words are found.

    The worst news come first. Made without models: 10,000 people would take a second longer.
    """
    wanted = folded(words).split()
    kinds = ((kind_of(one), one) for one in outcomes)
    asked = [(each, one) for each, one in kinds if kind in (None, each) and _mentions(one, wanted)]
    asked.sort(key=lambda each: _ORDER[each[0]])
    shown = asked[start : start + limit]
    end = start + len(shown)
    cursor = str(end) if end < len(asked) else None
    return orjson.dumps({"people": [_person(*one) for one in shown], "cursor": cursor})


def kind_of(outcome: Outcome) -> PersonKind:
    """What the person counts as."""
    result, action = outcome.result, outcome.change.action
    foreseen = result in (Result.PLANNED, Result.NOT_APPLIED) and outcome.error_code
    if result is Result.FAILED or outcome.refused or foreseen:
        return PersonKind.FAILED
    if result is Result.IN_DOUBT:
        return PersonKind.DOUBTFUL
    if action is Action.SKIP or result in (Result.SKIPPED, Result.UNCHANGED):
        return _KINDS_OF_SKIP.get(outcome.error_code, PersonKind.SKIP)
    return PersonKind(action.value)


def _mentions(outcome: Outcome, words: Sequence[str]) -> bool:
    if not words:
        return True
    change = outcome.change
    ids = (outcome.object_id or change.object_id, change.source_id)
    after = (one.after for one in change.attributes if isinstance(one.after, str))
    text = folded(" ".join(filter(None, (change.display_name, change.upn, *ids, *after))))
    return all(word in text for word in words)


def folded(text: str) -> str:
    """As texts are compared: in one case and one form."""
    return unicodedata.normalize("NFKC", text).lower()


def _person(kind: PersonKind, outcome: Outcome) -> dict[str, object]:
    change = outcome.change
    return {
        "kind": kind,
        "action": change.action,
        "result": Result.FAILED if outcome.refused else outcome.result,
        "userPrincipalName": change.upn,
        "displayName": change.display_name,
        "objectId": outcome.object_id or change.object_id,
        "sourceId": change.source_id,
        "changes": list(_attributes(outcome)),
        "reason": change.reason + outcome.note,
        "obstacle": outcome.error_message or None,
        "errorCode": outcome.error_code,
        "requestId": outcome.request_id,
        "rule": change.rule,
        "knownSince": next(_known_since(change.reason), None),
    }


def _attributes(outcome: Outcome) -> Iterator[AttributeChange]:
    yield from outcome.refused
    if outcome.change.action not in (Action.DELETE, Action.SKIP):
        yield from outcome.change.attributes


def _known_since(reason: Parts) -> Iterator[object]:
    return (part.parameters["date"] for part in reason if part.code == _SINCE)
