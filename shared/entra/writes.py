"""Sends changes to Graph in waves, and turns the answers into outcomes.

No answer is not "no": a write whose answers were lost is looked up before it is called anything. What another did
meanwhile, a deletion for example, is not claimed. No licence is ever assigned.
"""

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from shared.entra.batch import BeforeSend, Request
from shared.entra.client import Answer, text
from shared.entra.graph import Graph
from shared.entra.unheard import Earlier, Found, Unheard, look_up, shows
from shared.entra.write_waves import Wave, goes_by_detour, patch, sent_again, waves_of
from shared.model.changes import Action, Change
from shared.model.parts import Parts, parts_of, say
from shared.model.results import EXCHANGE_MASTERED, Key, Outcome, Result, key
from shared.outbound.retries import TRANSIENT
from shared.planning.mapping import IMMUTABLE_ID, NICKNAME, SIGN_IN, UPN

# A create that conflicts on one of these may have met the same person's account.
_IDENTIFYING = frozenset({UPN, IMMUTABLE_ID})
# How Graph refuses to change what Exchange has authority over, of users who once came from Active Directory; it gives
# no code of its own (microsoftgraph/microsoft-graph-docs-contrib#3564).
_OF_EXCHANGE = "originated within an external service"
_CONFIRMED = {Action.ADD: say("write.createdBefore"), Action.RESTORE: say("write.restoredBefore")}


async def apply(
    writes: Sequence[Change], graph: Graph, before_send: BeforeSend[Change], earlier: Earlier
) -> AsyncGenerator[list[Outcome], None]:
    """Sends these writes in the order of `waves_of`; yields each change's outcome once.

    `before_send` gets the requests of each batch before it is sent. Raises RunStopped between two batches,
    CallerRefused if Graph refuses the app itself: changes that were sent and have no outcome then are in doubt.
    """
    applying = _Applying(graph, before_send, earlier)
    waves = deque(waves_of(writes, graph.clock.chance))
    while waves:
        async for ended in applying.send(waves.popleft()):
            yield ended
        async for ended in applying.step_back():
            yield ended
        waves.extendleft(reversed(sent_again(applying.again)))


@dataclass(slots=True)
class _Applying:
    """What the waves so far have come to.

    `ended`: changes of which no further step is sent. `aside`: those whose user has a temporary UPN now. Of the last
    wave, `stranded` were refused there, and `again` are to be sent again, in another way or without what was refused;
    `refusals` says why.
    """

    graph: Graph
    before_send: BeforeSend[Change]
    earlier: Earlier
    ended: set[Key] = field(default_factory=set)
    aside: set[Key] = field(default_factory=set)
    stranded: list[Outcome] = field(default_factory=list)
    again: list[Change] = field(default_factory=list)
    refusals: dict[Key, Outcome] = field(default_factory=dict)

    async def send(self, wave: Wave) -> AsyncGenerator[list[Outcome], None]:
        """Sends one wave; yields the changes that end with it. In the end it looks up those without a clear answer."""
        self.stranded, self.again = [], []
        ready = [request for request in wave.requests if key(request.subject) not in self.ended]
        for request in ready:
            request.in_doubt = key(request.subject) in self.earlier.in_doubt
        doubts: dict[Unheard, Answer] = {}
        async for answers in self.graph.send(ready, self.before_send):
            clear: list[tuple[Outcome, Answer]] = []
            for request, answer in answers:
                if _needs_a_look(request, answer):
                    doubts[self._doubt(request, answer)] = answer
                else:
                    clear.append((_outcome(request, answer), answer))
            if ended := self._end(wave, clear):
                yield ended
        async for looked_up in look_up(list(doubts), self.graph):
            known = [(_settled(doubt, doubts[doubt], found), doubts[doubt]) for doubt, found in looked_up]
            if ended := self._end(wave, known):
                yield ended

    def _end(self, wave: Wave, outcomes: Sequence[tuple[Outcome, Answer]]) -> list[Outcome]:
        """The final ones; the others have another step to go."""
        final: list[Outcome] = []
        for end, answer in outcomes:
            if end.succeeded:
                if wave.steps_aside:
                    self.aside.add(key(end.change))
                if wave.last:
                    final.append(end)
            elif other := _by_detour(end.change, answer) or _without_refused(end, answer):
                self.refusals.setdefault(key(other), end)
                self.again.append(other)
            else:
                self.ended.add(key(end.change))
                refused_aside = end.result is Result.FAILED and key(end.change) in self.aside
                (self.stranded if refused_aside else final).append(end)
        return [_with_refusal(end, self.refusals.get(key(end.change))) for end in final]

    async def step_back(self) -> AsyncGenerator[list[Outcome], None]:
        """Undoes the first step of changes whose next one was refused: nobody can sign in with a temporary UPN."""
        refusals = {key(outcome.change): outcome for outcome in self.stranded}
        backs = [patch(outcome.change, {UPN: outcome.change.upn}) for outcome in self.stranded]
        doubts: dict[Unheard, Answer] = {}
        async for answers in self.graph.send(backs, self.before_send):
            clear: list[Outcome] = []
            for request, answer in answers:
                if _is_unclear(request, answer):
                    doubts[self._doubt(request, answer)] = answer
                else:
                    found = Found(made=_is_good(answer))
                    clear.append(_back(refusals[key(request.subject)], answer, found))
            if clear:
                yield clear
        async for looked_up in look_up(list(doubts), self.graph):
            yield [_back(refusals[key(d.change)], doubts[d], found) for d, found in looked_up]

    def _doubt(self, request: Request[Change], answer: Answer) -> Unheard:
        return Unheard.of_step(request, self.earlier.since, sent=_is_unclear(request, answer))


def _is_good(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _is_unclear(request: Request[Change], answer: Answer) -> bool:
    """Whether a write may have taken effect although no answer says so."""
    return (request.in_doubt or _is_lost(answer)) and not _is_good(answer)


def _is_lost(answer: Answer) -> bool:
    return not answer.status or answer.status in TRANSIENT


def _needs_a_look(request: Request[Change], answer: Answer) -> bool:
    if _is_unclear(request, answer):
        return True
    change: Change = request.subject
    if change.action is Action.RESTORE:
        return request.method == "POST" and answer.status == 404
    return _meets_somebody(change, answer)


def _meets_somebody(change: Change, answer: Answer) -> bool:
    return change.action is Action.ADD and not _IDENTIFYING.isdisjoint(answer.conflict_on())


def _outcome(request: Request[Change], answer: Answer) -> Outcome:
    change: Change = request.subject
    if _is_good(answer):
        object_id = change.object_id or str(answer.body.get("id") or "") or None
        return _took_effect(change, object_id, answer)
    if request.method == "DELETE" and answer.status == 404:
        return Outcome.already_so(change, change.object_id, say("write.wasGone"))
    return _refused(change, answer, _restored(change) if request.method == "PATCH" else ())


def _settled(doubt: Unheard, answer: Answer, found: Found) -> Outcome:
    """How a change ended, by a lookup of its user."""
    change = doubt.change
    object_id = change.object_id or (text(found.user, "id") if found.user else None)
    if found.made and doubt.sent:
        note = _CONFIRMED.get(change.action, say("write.confirmed"))
        return _took_effect(change, object_id, answer, note)
    unseen = found.user is None and _may_be_hidden(change, answer)
    if doubt.sent and (found.made is None or unseen):
        return Outcome.in_doubt(change, found.unread or parts_of(answer.error))
    if found.user is None or change.action not in (Action.ADD, Action.RESTORE):
        return _refused(change, answer, found.unread and say("write.unread") + found.unread)
    if shows(doubt.values, found.user):
        note = say("write.wasCreated") if change.action is Action.ADD else say("write.wasRestored")
        return Outcome.already_so(change, object_id, note)
    if change.action is Action.RESTORE:
        return _refused(change, answer, _restored(change))
    holder = str(found.user.get("displayName"))
    held = say("write.upnIsHeld", upn=change.upn, holder=holder, objectId=str(object_id))
    return _refused(change, answer, held)


def _may_be_hidden(change: Change, answer: Answer) -> bool:
    """Whether this answer leaves it open that the change made a user whom Entra does not show yet.

    What is taken, and belongs to nobody to be seen, may be an earlier try's account; who is not in the recycle bin any
    more may have been restored by one.
    """
    if change.action is Action.RESTORE:
        return _is_lost(answer) or answer.status == 404
    return change.action is Action.ADD and (_is_lost(answer) or _meets_somebody(change, answer))


def _restored(change: Change) -> Parts:
    """What is added to the refusal of a restore's second step; empty for any other change."""
    if change.action is not Action.RESTORE:
        return ()
    return say("write.restoredAside", upn=change.via) if change.via else say("write.restoredAsBefore")


def _by_detour(change: Change, answer: Answer) -> Change | None:
    """The change by its detour, if Graph refused the UPN or immutable ID itself, not because an object has it."""
    refused = (
        answer.status == 400 and not answer.conflict_on() and set(answer.invalid()) <= {UPN, IMMUTABLE_ID}
    )
    return replace(change, direct_first=False) if change.direct_first and refused else None


def _without_refused(end: Outcome, answer: Answer) -> Change | None:
    """The rest of a change of which Graph refused a part alone; None if there is no such rest.

    The part is the immutable ID or the nickname, or all but how the user signs in, if Exchange has authority over some
    of it.
    """
    change = end.change
    if end.error_code == EXCHANGE_MASTERED:
        rest = tuple(a for a in change.attributes if a.attribute in SIGN_IN)
    elif (refused := {*answer.conflict_on(), *answer.invalid()}) in ({IMMUTABLE_ID}, {NICKNAME}):
        rest = tuple(a for a in change.attributes if a.attribute not in refused)
    else:
        return None
    if (
        rest in ((), change.attributes)
        or change.action not in (Action.UPDATE, Action.RENAME)
        or goes_by_detour(change)
    ):
        return None
    # Only a new UPN can still ask for a detour.
    direct_first = change.direct_first and change.action is Action.RENAME
    return replace(
        change, attributes=rest, via=change.via if direct_first else None, direct_first=direct_first
    )


def _with_refusal(end: Outcome, refusal: Outcome | None) -> Outcome:
    """How a change ended that was sent again, as a whole: with what was refused of it."""
    if not refusal:
        return end
    refused = tuple(a for a in refusal.change.attributes if a not in end.change.attributes)
    if not refused:
        return end
    if not end.succeeded:
        return replace(end, change=refusal.change)
    return replace(end, refused=refused, error_code=refusal.error_code, error_message=refusal.error_message)


def _took_effect(change: Change, object_id: str | None, answer: Answer, note: Parts = ()) -> Outcome:
    return Outcome(
        change=change,
        result=Result.SUCCEEDED,
        object_id=object_id,
        note=note,
        request_id=answer.request_id,
    )


def _refused(change: Change, answer: Answer, addition: Parts = ()) -> Outcome:
    error = answer.error
    code = next((f"ObjectConflict:{target}" for target in answer.conflict_on()), error.code)
    if _OF_EXCHANGE in answer.message:
        code, addition = EXCHANGE_MASTERED, say("write.exchangeMastered") + addition
    if holders := tuple(answer.conflicting()):
        addition = say("write.heldBy", holders=holders) + addition
    return Outcome(
        change=change,
        result=Result.FAILED,
        object_id=change.object_id,
        error_code=code or str(answer.status),
        error_message=parts_of(error) + addition,
        request_id=answer.request_id,
    )


def _back(refusal: Outcome, answer: Answer, found: Found) -> Outcome:
    """A refused change with where its user was left."""
    change = refusal.change
    if found.made is None:
        return Outcome.in_doubt(change, refusal.error_message + found.unread)
    state = say("write.hasUpnAgain", upn=change.upn)
    if not found.made:
        state = (
            say("write.staysAside", temporary=str(change.via), upn=change.upn)
            + parts_of(answer.error)
            + say("write.triedAgain")
        )
    return replace(refusal, error_message=refusal.error_message + state)
