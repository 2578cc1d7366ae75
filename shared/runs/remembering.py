"""What one invocation of a sync learns of people, and its writes to the tenant's memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from shared.entra.directory import Directory
from shared.model.changes import Action
from shared.model.leavers import read, without_old, written
from shared.model.memory import (
    after_deletions,
    difference,
    due,
    forget,
    linked,
    with_absences,
    with_blocked,
    with_forms,
    with_leavers,
    with_names,
    with_scope,
    with_upns,
)
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Memory
from shared.model.questions import pair_id
from shared.model.records import Author
from shared.model.results import Outcome
from shared.planning.emptied import filled
from shared.planning.forms import noted
from shared.planning.mapping import domain_of
from shared.planning.names import Names
from shared.planning.sign_in import marked, still_blocked
from shared.planning.stages import leaver_after
from shared.planning.surveyed import Survey
from shared.planning.upns import remembered_upns
from shared.runs.side_looks import SideLooks
from shared.runs.stop import RunStop
from shared.services import Services

# So many are looked up by one run before they are forgotten; the next runs go on.
FORGOTTEN_AT_ONCE = 200


class Remembering:
    """Whom a sync matched, created, deleted and restored. Nothing is written where nothing has changed."""

    def __init__(self, services: Services, directory: Directory, seen: Survey, stop: RunStop) -> None:
        self._services = services
        self._directory = directory
        self._seen = seen
        self._stop = stop
        self._links = dict(seen.plan.links)
        self._forms = dict(seen.memory.forms)
        # Of others than the chosen, if some were chosen, nothing is learned.
        chosen = seen.only
        target = (user for user in seen.target if chosen is None or user.object_id in chosen)
        self._source = [user for user in seen.source if chosen is None or user.source_id in chosen]
        self._blocked = still_blocked(seen.memory.blocked, seen.memory.links, target)
        self._leavers = dict(seen.memory.leavers)
        self._deleted: set[str] = set()
        self._restored: set[str] = set()
        # Restored, or perhaps.
        self._back: set[str] = set()
        self._written: set[str] = set()
        # As it was last read or written here, by which it is told what others have changed; and as it lies in storage.
        self._known = self._stored = seen.memory

    def note(self, outcomes: Sequence[Outcome]) -> None:
        now = self._services.clock.now()
        today = now.date().isoformat()
        for outcome in outcomes:
            change, account = outcome.change, outcome.object_id
            self._forms |= noted(self._forms, outcome, today)
            if outcome.may_be_back and change.object_id:
                self._back.add(change.object_id)
                if change.source_id:
                    self._links[change.source_id] = change.object_id
            if not outcome.succeeded or account is None:
                continue
            self._leavers |= leaver_after(self._leavers, change, account, now, undone=not self._seen.source)
            self._blocked |= marked(change)
            if change.source_id:
                self._links[change.source_id] = account
                self._written.add(change.source_id)
            if change.action is Action.DELETE:
                self._deleted.add(account)
            elif change.action is Action.RESTORE:
                self._restored.add(account)

    def begin_stages(self) -> None:
        """The rows of leavers as they are planned: they are written before anything that follows from them."""
        self._leavers |= {account: written(row) for account, row in self._seen.plan.leavers.items()}

    def note_signed_out(self, accounts: Iterable[str]) -> None:
        for account in accounts:
            if row := read(self._leavers.get(account, "")):
                self._leavers[account] = written(row.model_copy(update={"signed_out": True}))

    async def write(self) -> None:
        """Writes what is known so far. Raises LeaseLost."""
        await self._write(await self._services.clock.in_thread(self._so_far))

    async def write_all(self) -> Parts:
        """Writes what is known at the end of a sync that went through, and forgets whom neither side has any more.

        Returns warnings. Raises LeaseLost, or RunStopped if the run must stop.
        """
        if not self._seen.source or self._seen.only is not None:  # an undo reads no source
            await self.write()
            return ()
        await self._write(await self._services.clock.in_thread(self._at_the_end))
        await self._services.decisions.settle(self._made_so(), Author(f"sync of {self._seen.domain}", ""))
        return await self._forget()

    def _made_so(self) -> set[str]:
        """The decisions that this sync has carried out, or that left nothing to do: the memory has them now."""
        undone = {change.source_id for change in self._seen.plan.changes} - self._written
        return {
            pair_id(who, account)
            for who, account in self._seen.decisions.same.items()
            if who not in undone and self._links.get(who) == account
        }

    def _so_far(self) -> Memory:
        now = self._services.clock.now()
        today = now.date()
        memory = with_forms(linked(self._known, self._links, today, anew=self._back), self._forms)
        memory = with_blocked(memory, self._blocked)
        memory = after_deletions(memory, self._deleted, self._restored, today)
        memory = with_leavers(memory, without_old(self._leavers, now))
        memory = with_scope(memory, {user.source_id: user.out_of_scope for user in self._source}, today)
        if self._seen.reviewed and self._seen.domain not in memory.reviewed:
            memory = replace(memory, reviewed=(*memory.reviewed, self._seen.domain))
        return memory

    def _at_the_end(self) -> Memory:
        seen, today = self._seen, self._services.clock.now().date()
        names = Names(seen.terms.attribute_map)
        here = {user.source_id: user for user in seen.source if domain_of(user.upn) == seen.domain.lower()}
        # It is not certain that these source users have their account: the names known of them stay.
        uncertain = {change.source_id for change in seen.plan.of(Action.SKIP) if change.obstacle}
        learned = {
            who: names.digests(user)
            for who, user in here.items()
            if who in self._links and who not in uncertain
        }
        everybody = {user.source_id for user in seen.source}
        memory = with_names(self._so_far(), learned)
        texts = {seen.domain: " ".join(filled(seen.source, seen.terms.attribute_map))}
        memory = replace(memory, filled=memory.filled | texts)
        memory = with_upns(memory, remembered_upns(seen.source), everybody)
        return with_absences(memory, everybody, {user.object_id for user in seen.target}, today)

    async def _forget(self) -> Parts:
        today = self._services.clock.now().date()
        asked = dict(islice(due(self._known, today).items(), FORGOTTEN_AT_ONCE))
        if not asked:
            return ()
        looks, effect = SideLooks(), say("look.forgotten")
        alive = await looks.at(self._directory.look_up_users(asked), dict[str, EntraUser | None](), effect)
        deleted = await looks.at(self._directory.read_deleted_users(), None, effect)
        if deleted is not None:
            # Who could not be read may be there.
            found = {one for one in asked if alive.get(one, one)} | {gone.object_id for gone in deleted.users}
            clock = self._services.clock
            await self._write(await clock.in_thread(forget, self._known, asked.values(), found, today))
        return looks.warnings or (effect if asked.keys() - alive.keys() else ())

    async def _write(self, now: Memory) -> None:
        self._stop.check_lease()
        delta = await self._services.clock.in_thread(difference, self._known, now)
        self._stored = await self._services.known_people.write(delta, self._stored)
        self._known = now
