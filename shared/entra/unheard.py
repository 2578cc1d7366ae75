"""What became of writes whose answers were lost: each is looked up in Entra, nothing is guessed."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.entra.batch import Request
from shared.entra.client import Answer, one_of, page_items, segment, text
from shared.entra.graph import Graph
from shared.entra.write_waves import goes_by_detour, values_of
from shared.errors import GraphError
from shared.model.changes import Action, Change
from shared.model.parts import Parts, parts_of
from shared.model.results import Key
from shared.planning.mapping import IMMUTABLE_ID, UPN

# Eventual consistency: a new user may answer 404 for a while, and a read may come from before the write.
_LOOKS, _LOOKS_FOR_NEW = 2, 5
# To Entra's replicas a restored user is a new one.
_MAKES_A_USER = frozenset({Action.ADD, Action.RESTORE})
# Neither by name nor in a list. No report is of more than a few minutes.
SHOWN_AFTER = timedelta(minutes=15)
# Entra's clock and the app's may differ by so much.
_CLOCKS_DIFFER = timedelta(minutes=5)
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of a run's writes before they are sent: since when it writes, and what it may have sent already."""

    since: datetime
    in_doubt: Collection[Key] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unheard:
    """A write that may have taken effect. `values`: what it sets; `before`: what the user had until then.

    `since`: when the first try may have been sent; `until`: the last one, if it was an earlier run that sent it, and
    None if it is the run that asks. `sent`: False for a write that Entra refused at once, since what it wants is so
    already: another did that.
    """

    change: Change
    values: Mapping[str, Any]
    before: Mapping[str, Any]
    since: datetime
    until: datetime | None = None
    sent: bool = True

    @classmethod
    def of(cls, change: Change, since: datetime, until: datetime | None = None) -> "Unheard":
        """A change of which it is not known how many of its steps were taken."""
        return cls(change=change, values=_wanted(change), before=_before(change), since=since, until=until)

    def may_be_hidden(self, now: datetime) -> bool:
        """Whether Entra may not show yet whom it made: a new user, or one who was restored."""
        return self.change.action in _MAKES_A_USER and (self.until is None or now < self.until + SHOWN_AFTER)

    @classmethod
    def of_step(cls, request: Request[Change], since: datetime, *, sent: bool) -> "Unheard":
        """One step of a change: the steps before it were taken."""
        change: Change = request.subject
        if request.method != "PATCH":
            return cls(change=change, values=_wanted(change), before={}, since=since, sent=sent)
        body, before = request.body or {}, _before(change)
        if change.action is Action.RESTORE:
            before[UPN] = change.via or change.new_upn
        elif goes_by_detour(change) and body.get(UPN) != change.via:
            before[UPN] = change.via
        return cls(change=change, values=body, before=before, since=since, sent=sent)


def _wanted(change: Change) -> Mapping[str, Any]:
    # Who is there again was restored. What else they were to get, the next run gives them.
    return {} if change.action is Action.RESTORE else values_of(change)


def _before(change: Change) -> dict[str, Any]:
    return {attribute.attribute: attribute.before for attribute in change.attributes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a lookup showed. `made`: whether the write took effect; None if Graph could not tell, and `unread` why."""

    made: bool | None
    user: Mapping[str, Any] | None = None
    unread: Parts = ()


async def look_up(
    doubts: Sequence[Unheard], graph: Graph
) -> AsyncGenerator[list[tuple[Unheard, Found]], None]:
    """Yields what became of each doubt once. Raises RunStopped as `Graph.send` does: the rest stays in doubt."""
    waiting = list(doubts)
    for attempt in range(1, _LOOKS_FOR_NEW + 1):
        again: list[Unheard] = []
        async for answers in graph.send([_look(doubt, attempt) for doubt in waiting]):
            known: list[tuple[Unheard, Found]] = []
            for request, answer in answers:
                found = _found(request.subject, answer)
                if found.made is False and attempt < _looks(request.subject, found):
                    again.append(request.subject)
                else:
                    known.append((request.subject, found))
            if known:
                yield known
        waiting = again
        if not waiting:
            return
        await graph.pause(attempt)


def shows(values: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """Whether the user has all these values."""
    return all(_is(name, user.get(name), value) for name, value in values.items())


def _looks(doubt: Unheard, found: Found) -> int:
    if found.user is None and doubt.sent and doubt.change.action in _MAKES_A_USER:
        return _LOOKS_FOR_NEW
    return 1 if found.user is not None and doubt.change.action is Action.ADD else _LOOKS


def _look(doubt: Unheard, attempt: int) -> Request[Unheard]:
    names = ["id", UPN, IMMUTABLE_ID, "displayName", "createdDateTime", *doubt.values]
    select = f"$select={','.join(dict.fromkeys(names))}"
    path = f"/users/{segment(doubt.change.object_id or doubt.change.upn)}?{select}"
    immutable_id = doubt.values.get(IMMUTABLE_ID)
    if doubt.change.action is Action.ADD and immutable_id and attempt % 2 == 0:
        # The UPN may have been corrected since.
        path = f"/users?$filter={one_of(IMMUTABLE_ID, [str(immutable_id)])}&{select}"
    return Request(method="GET", path=path, subject=doubt)


def _found(doubt: Unheard, answer: Answer) -> Found:
    try:
        user = _user(answer)
    except GraphError as error:
        return Found(made=None, unread=parts_of(error))
    return Found(made=_took_effect(doubt, user), user=user)


def _user(answer: Answer) -> Mapping[str, Any] | None:
    """The user that was looked up, None if there is none. Raises GraphError if Graph could not tell."""
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise answer.error
    found = page_items(answer.body) if "value" in answer.body else [answer.body]
    for user in found:
        text(user, "id")
    return next(iter(found), None)


def _took_effect(doubt: Unheard, user: Mapping[str, Any] | None) -> bool:
    if doubt.change.action is Action.DELETE or user is None:
        return (doubt.change.action is Action.DELETE) is (user is None)
    if doubt.change.action is Action.ADD:
        return _created(doubt, user)
    # One value is enough: a write is made as a whole, and somebody may have changed another value since.
    return shows(doubt.values, user) or any(
        _is(name, user.get(name), value) and not _is(name, value, doubt.before.get(name, _MISSING))
        for name, value in doubt.values.items()
    )


def _created(doubt: Unheard, user: Mapping[str, Any]) -> bool:
    """Whether the write has created this user. What they are called may have been corrected since.

    An account that is older was restored, or had been there under another UPN, also if it has all these values; one
    that is younger was created by somebody else, such as the sync of the domain to which they have moved.
    """
    created = user.get("createdDateTime")
    if created and str(created) < _as_text(doubt.since - _CLOCKS_DIFFER):
        return False
    if created and doubt.until and str(created) > _as_text(doubt.until + _CLOCKS_DIFFER):
        return False
    return shows(doubt.values, user) or bool(
        created and user.get(IMMUTABLE_ID) == doubt.values.get(IMMUTABLE_ID)
    )


def _as_text(moment: datetime) -> str:
    """In Graph's form: two such texts compare as their moments do."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is(name: str, one: Any, other: Any) -> bool:
    if name == UPN and isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other)
