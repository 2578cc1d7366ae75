"""A plan, applied in the order of `waves_of`, each change recorded ahead and afterwards."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

from shared.entra.batch import Request
from shared.entra.directory import Directory
from shared.entra.sending import QUOTA_EXCEEDED
from shared.entra.unheard import Earlier, Unheard
from shared.entra.write_quota import Expected
from shared.entra.write_waves import goes_by_detour
from shared.errors import CallerRefused, CancelRequested, GraphError, SourceError, TimeBudgetSpent
from shared.model.changes import SWITCHES, Action, Change
from shared.model.parts import Parts, parts_of, say
from shared.model.people import EntraUser
from shared.model.results import NOT_LOOKED_AT, SOURCE_UNREADABLE, Key, Outcome, Result, key, one_each
from shared.planning.deletions import second_verdict
from shared.planning.mapping import IMMUTABLE_ID, UPN
from shared.planning.protection import Protection
from shared.planning.surveyed import Survey, planned_again
from shared.planning.upns import with_upns
from shared.runs.denials import Denials
from shared.runs.reading import SharedSource
from shared.runs.recorder import Recorder
from shared.runs.recovery import close_doubts
from shared.runs.remembering import Remembering
from shared.runs.stop import RunStop
from shared.runs.survey import SIGNED_OUT_AT_ONCE, read_protection, require_users_on
from shared.services import Services

(NO_ROOM,) = say("warning.noRoom", code=QUOTA_EXCEEDED)
_LEFT = say("newcomer.noRoom")
_MADE = Result.SUCCEEDED
# Whoever has one of these has been looked for by it.
_SURPRISES = (f"ObjectConflict:{UPN}", f"ObjectConflict:{IMMUTABLE_ID}")

SESSION_PERMISSION = "User.RevokeSessions.All"
Report = Callable[[Sequence[Outcome]], Awaitable[None]]


class Sync:
    """Applies what a survey planned. `report` hears of every outcome once it is recorded.

    `warnings`: what Graph said of the tenant, not of a person. `surprised`: somebody could not be added, since an
    account has their UPN or immutable ID, and the plan did not know of it.
    """

    def __init__(
        self,
        services: Services,
        directory: Directory,
        source: SharedSource,
        seen: Survey,
        recorder: Recorder,
        stop: RunStop,
        report: Report,
    ) -> None:
        self._services = services
        self._directory = directory
        self._source = source
        self._seen = seen
        self._recorder = recorder
        self._stop = stop
        self._report = report
        self._remembering = Remembering(services, directory, seen, stop)
        self._under_way: dict[Key, Request[Change]] = {}
        done = (action for (action, _), result in recorder.results.items() if result is Result.SUCCEEDED)
        self._denials = Denials(map(Action, done))
        self._left_in_doubt = frozenset(map(key, recorder.in_doubt))
        self.warnings: Parts = ()
        self.surprised = False

    async def refuse(self) -> None:
        """Records every change as not applied, and why nobody else was going to be touched."""
        await self._settle(map(self._recorder.unheard, self._recorder.in_doubt))
        await self._remembering.write()
        await self._record([Outcome.not_applied(change) for change in self._seen.plan.changes])

    async def apply(self) -> None:
        """Raises RunStopped: what was applied is recorded, and the next invocation or run goes on from there.

        CallerRefused, if it is the app that Graph refuses: who was refused by that has no record.
        """
        try:
            await self._apply_in_order()
            self.warnings += await self._remembering.write_all()
        except (CancelRequested, TimeBudgetSpent, CallerRefused, GraphError):
            throttled = [request.subject for request in self._under_way.values() if _took_no_effect(request)]
            # What was denied now may have been sent, or begun, by an earlier invocation.
            denied = [change for change in self._denials.held if key(change) not in self._left_in_doubt]
            await self._recorder.revoke([*throttled, *denied])
            await self._remembering.write()
            raise

    async def _apply_in_order(self) -> None:
        plan = self._seen.plan
        planned = {key(change): change for change in plan.changes}
        # What is found to have taken effect before an interruption is added to these rows: that a block was ours.
        self._remembering.begin_stages()
        # Who was cut off at a temporary UPN may be planned anew as a rename: it gets the row. A restore has its own.
        going_on = {change.object_id for change in plan.writes if change.action not in SWITCHES}
        cut_off = [
            c for c in self._recorder.in_doubt if c.via and key(c) not in planned and c.object_id in going_on
        ]
        await self._recorder.replace([c for c in cut_off if c.action is not Action.RESTORE])
        await self._record(
            [Outcome.took_effect(c, c.object_id) for c in cut_off if c.action is Action.RESTORE]
        )
        # What did not take effect before an interruption is planned again, and gets its row in its turn.
        now, doubts = self._services.clock.now(), map(self._recorder.unheard, self._recorder.in_doubt)
        await self._settle(d for d in doubts if not _is_made_again(d, planned.get(key(d.change)), now))
        told, results = self._recorder.told, self._recorder.results
        not_sent = [c for c in plan.changes if c.obstacle or c.action is Action.SKIP]
        await self._record(one_each(_not_sent(c, results) for c in not_sent if key(c)[1] not in told))
        writes = [change for change in plan.writes if key(change) not in self._recorder.results]
        self._directory.graph.expected = self._expected(writes)
        if plan.leavers or any(change.via for change in writes):
            # A rename that is cut off at its temporary UPN is found again by its link, and a block by the leaver's row.
            await self._remembering.write()
        await self._apply([change for change in writes if not change.of_leaver])
        await self._end_short_sessions()
        leaving = [change for change in writes if change.of_leaver]
        if leaving:
            await self._apply(await self._confirm_leaving(leaving))
        await self._sign_out()
        await self._record(self._denials.rest())
        self._denials.check(enough=1)

    def _expected(self, writes: Sequence[Change]) -> Expected:
        """What will be sent: a step or three of each change, and who is signed out, each once at least."""
        plan = self._seen.plan
        signed_out = {Action.BLOCK, Action.ADD} if self._seen.federated else {Action.BLOCK}
        sent = sum(3 if goes_by_detour(change) else 1 for change in writes)
        sent += sum(change.action in signed_out for change in writes)
        sent += len(plan.signed_in) + len(plan.without_session_time[:SIGNED_OUT_AT_ONCE])
        return Expected(sent, sent)

    async def _apply(self, changes: Sequence[Change]) -> None:
        earlier = Earlier(self._recorder.since, frozenset(map(key, self._recorder.in_doubt)))
        async with aclosing(self._directory.apply(changes, self._before_send, earlier)) as applied:
            async for outcomes in applied:
                await self._record(self._about_people(outcomes))
        self._denials.check()

    def _about_people(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Without what Graph says of the app, and with what it says of the tenant said once."""
        if any(outcome.error_code == QUOTA_EXCEEDED for outcome in outcomes):
            self.warnings = (NO_ROOM,)
        return [
            Outcome.left(outcome.change, _LEFT) if outcome.error_code == QUOTA_EXCEEDED else outcome
            for outcome in self._denials.sift(outcomes)
        ]

    async def _end_short_sessions(self) -> None:
        """Of those whom this run created on a federated domain, and of some who were there without the time stamp.

        A run that is cut off before knows from its journal whom it created; a later one, from the time stamp.
        """
        if not self._seen.federated:
            return
        target, verdict = self._seen.target, self._seen.protection.verdict
        stamped = {user.object_id for user in target if not user.without_session_time}
        created = [one for one in self._recorder.created.values() if one not in stamped]
        waiting = set(self._seen.plan.without_session_time[:SIGNED_OUT_AT_ONCE])
        others = [user.object_id for user in target if user.object_id in waiting and not verdict(user).reason]
        _, refusals = await self._directory.revoke_sessions(
            dict.fromkeys((*created, *others)), self._check_lease
        )
        if refusals:
            self.warnings += _short_sessions(refusals)

    async def _sign_out(self) -> None:
        """Leavers who were blocked, until it has succeeded once."""
        plan, results = self._seen.plan, self._recorder.results
        blocked = [c.object_id for c in plan.of(Action.BLOCK) if c.stage and results.get(key(c)) is _MADE]
        if blocked:
            self.warnings += say("warning.leaversBlocked", count=len(blocked))
        waiting = dict.fromkeys([*plan.signed_in, *(str(one) for one in blocked)])
        if not waiting:
            return
        revoked, refusals = await self._directory.revoke_sessions(waiting, self._check_lease)
        self._remembering.note_signed_out(revoked)
        if refusals:
            count, because = len(waiting) - len(revoked), parts_of(refusals[0])
            self.warnings += say(
                "warning.notSignedOut", count=count, permission=SESSION_PERMISSION, because=because
            )

    async def _check_lease(self, _batch: Sequence[Request[str]]) -> None:
        self._stop.check_lease()

    async def _before_send(self, batch: Sequence[Request[Change]]) -> None:
        # Here, not where the answers come in: those of batches under way are still to be recorded.
        self._denials.check()
        for request in batch:
            if not _is_first_step(request):
                self._denials.allow(request.subject.action)
        await self._recorder.intend([request.subject for request in batch])
        self._under_way |= {key(request.subject): request for request in batch}
        # Again: an append that is tried again takes long, and the lease may have run out meanwhile.
        self._stop.check_lease()

    async def _record(self, outcomes: Sequence[Outcome]) -> None:
        fresh = [outcome for outcome in outcomes if key(outcome.change) not in self._recorder.results]
        for outcome in fresh:
            self._under_way.pop(key(outcome.change), None)
        self.surprised |= any(map(_is_surprise, fresh))
        self._remembering.note(fresh)
        await self._recorder.record(fresh)
        await self._report(fresh)

    async def _settle(self, doubts: Iterable[Unheard]) -> None:
        await self._record(await close_doubts(self._recorder, doubts, self._directory.graph))

    def _as_expected(
        self, change: Change, planned: EntraUser, now: Mapping[str, EntraUser | None]
    ) -> EntraUser:
        """The account as it should be now. Where a block is in doubt, what differs may be what this run did itself."""
        seen = now.get(planned.object_id)
        in_doubt = change.action is Action.BLOCK and key(change) in map(key, self._recorder.in_doubt)
        return replace(planned, fingerprint=seen.fingerprint) if seen and in_doubt else planned

    async def _confirm_leaving(self, leaving: Sequence[Change]) -> list[Change]:
        """Those who are still to be deleted, or blocked as leavers, after both sides were read a second time.

        So were mailboxes and roles. Whoever shows up in the source now, or has changed in Entra, is left for the next
        run; when the source can't be read again, nobody is deleted or blocked.
        """
        clock, results = self._services.clock, self._recorder.results
        try:
            users = await clock.in_thread(with_upns, await self._source.again(), self._seen.upn_from)
            require_users_on(self._seen.domain, users)
        except SourceError as error:
            message = say("leaver.sourceUnreadable") + parts_of(error)
            await self._record([Outcome.failed(change, SOURCE_UNREADABLE, message) for change in leaving])
            return []
        failed = [
            who
            for (action, who), result in results.items()
            if (action, result) == (Action.ADD, Result.FAILED)
        ]
        plan = await clock.in_thread(planned_again, self._seen, users, failed)
        planned = {change.object_id: change for change in plan.changes}
        candidates = {user.object_id: user for user in self._seen.target}
        now = await self._directory.look_up_users(str(change.object_id) for change in leaving)
        protection = await self._look_again_at_protection([one for one, user in now.items() if user])
        confirmed, left = [], []
        for change in leaving:
            candidate = self._as_expected(change, candidates[str(change.object_id)], now)
            leave = second_verdict(candidate, change.action, planned, now, protection)
            if leave is None:
                confirmed.append(change)
            elif leave.unseen:
                left.append(Outcome.failed(change, NOT_LOOKED_AT, leave.reason))
            else:
                left.append(Outcome.left(change, leave.reason))
        await self._record(left)
        return confirmed

    async def _look_again_at_protection(self, object_ids: Sequence[str]) -> Protection:
        matched = self._seen.plan.links.values()
        holds = (await self._services.administration.read_decisions()).holds
        protection = await read_protection(self._seen.terms, self._directory, holds)
        return protection.with_mailboxes(await self._directory.look_up_mailboxes(object_ids, matched))


def _short_sessions(refusals: Sequence[GraphError]) -> Parts:
    """One part, with what Graph says in it."""
    denied = next((error for error in refusals if error.status == 403), None)
    because = parts_of(denied or refusals[0])
    if denied:
        return say(
            "warning.sessionsDenied", count=len(refusals), permission=SESSION_PERMISSION, because=because
        )
    return say("warning.sessionsNotRevoked", count=len(refusals), because=because)


def _took_no_effect(request: Request[Change]) -> bool:
    """Whether a change that got no final answer is known not to have been made, not even its first step."""
    return _is_first_step(request) and request.no_effect and not request.in_doubt


def _not_sent(change: Change, results: Mapping[Key, Result]) -> Outcome:
    """As a skip, if the change's own row is that of a doubt which an earlier run had left, and is closed."""
    if change.obstacle and key(change) in results:
        return Outcome.left(replace(change, action=Action.SKIP, attributes=()), change.obstacle.message)
    return Outcome.not_sent(change)


def _is_made_again(doubt: Unheard, planned: Change | None, now: datetime) -> bool:
    """Whether the change in doubt is planned anew, where nobody can get two accounts by it.

    A create that Entra may not show yet is met only by one under the same UPN: Entra refuses that.
    """
    if planned is None or planned.obstacle:
        return False
    if doubt.change.action is not Action.ADD or not doubt.may_be_hidden(now):
        return True
    return doubt.change.upn.lower() == planned.upn.lower()


def _is_surprise(outcome: Outcome) -> bool:
    return outcome.change.action is Action.ADD and outcome.error_code in _SURPRISES


def _is_first_step(request: Request[Change]) -> bool:
    change: Change = request.subject
    if change.action is Action.RESTORE:
        return request.method == "POST"
    return change.via is None or request.body == {UPN: change.via}
