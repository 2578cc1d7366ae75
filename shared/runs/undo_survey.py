"""Reads what an undo needs: the journal of the sync, and the current state of the users that it changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change
from shared.model.domains import TenantDomain, domain_named, initial_domain
from shared.model.holds import Hold
from shared.model.parts import say
from shared.model.people import Memory
from shared.model.results import Tried
from shared.model.runs import Run
from shared.planning.holders import Holder, holders_of_immutable_ids
from shared.planning.lookups import Lookups
from shared.planning.mapping import IMMUTABLE_ID, UPN, domain_of
from shared.planning.recycle_bin import RecycleBin
from shared.planning.sides import Directory
from shared.planning.surveyed import Survey, Terms
from shared.planning.tried import done_by
from shared.planning.undo import Now, plan_undo
from shared.runs.side_looks import SideLooks
from shared.runs.survey import read_protection, untold
from shared.services import Services
from shared.store.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneSync:
    """A sync that is to be undone: what it did, what is remembered, and who is on hold now.

    `done` has what it may have done, too, in the order of its invocations.
    """

    run_id: str
    domain: str
    done: list[Tried]
    memory: Memory
    holds: Mapping[str, Hold] = field(default_factory=dict)

    def before(self, attribute: str) -> list[str]:
        """The values that the attribute had before the sync changed it, without empty ones."""
        changes = (c for one in self.done for c in one.change.attributes if c.attribute == attribute)
        return [str(change.before) for change in changes if change.before]


async def read_intended(services: Services, domain: str, run_id: str) -> Collection[Change]:
    """The changes that a finished sync has sent, or was about to. Raises JournalGone after 30 days."""
    journal = await Journal.read_finished(services.storage, domain, run_id)
    return journal.intents.values()


async def survey_undo(
    services: Services, run: Run, undoes: str, directory: Directory, terms: Terms
) -> Survey:
    """Plans to undo the sync `undoes`. Raises JournalGone after 30 days, and what `survey_done` raises."""
    journal = await Journal.read_finished(services.storage, run.domain, undoes)
    sync = DoneSync(
        run_id=undoes,
        domain=run.domain,
        done=done_by(journal.tried),
        memory=await services.known_people.read(run.domain),
        holds=(await services.administration.read_decisions()).holds,
    )
    return await survey_done(sync, directory, terms, disable_added=run.disable_added)


async def survey_done(sync: DoneSync, directory: Directory, terms: Terms, *, disable_added: bool) -> Survey:
    """Looks up every user that the sync changed, and plans the undo.

    Raises GraphError if the tenant's domains can't be read, and DomainNotFound if the domain is no longer the tenant's.
    A user who can't be read is left alone and named; if any other lookup fails, the survey has a warning.
    """
    looks = SideLooks()
    tenant = await directory.read_domains()
    initial = initial_domain(tenant, domain_named(sync.domain, tenant))
    touched = [one.object_id or one.change.upn for one in sync.done]
    looked_up = await directory.look_up_users(touched)
    found = {asked: user for asked, user in looked_up.items() if user}
    users = {user.object_id: user for user in found.values()}
    # An add in doubt has no object id: who has its UPN may be its user.
    done = [
        one._replace(object_id=found[one.change.upn].object_id)
        if one.object_id is None and one.change.upn in found
        else one
        for one in sync.done
    ]
    recycle_bin = await _read_deleted_users(sync, directory, looks)
    deleted = {user.object_id: user for user in recycle_bin.users if user.object_id in set(touched)}
    protection = await read_protection(terms, directory, sync.holds)
    protection = protection.with_mailboxes(
        await directory.look_up_mailboxes(users, sync.memory.links.values())
    )
    wanted = {*sync.before(IMMUTABLE_ID), *(user.immutable_id for user in deleted.values())}
    rivals = await looks.at(
        directory.find_users(immutable_ids=filter(None, wanted)),
        (),
        say("look.immutableIds"),
    )
    lookups = Lookups(
        protection=protection,
        initial_domain=initial,
        addresses=await looks.at(_read_addresses(sync, tenant, directory), {}, say("look.addresses")),
        immutable_ids=holders_of_immutable_ids(recycle_bin.users, rivals),
        former_addresses=recycle_bin.addresses,
    )
    now = Now(
        users=users,
        deleted=deleted,
        lookups=lookups,
        unread=frozenset(touched) - looked_up.keys(),
        federated=frozenset(domain.name for domain in tenant if domain.federated),
    )
    plan = plan_undo(
        sync.run_id,
        done,
        now,
        terms.attribute_map,
        disable_added=disable_added,
    )
    return Survey(
        domain=sync.domain,
        initial_domain=initial,
        source=[],
        target=list(users.values()),
        memory=sync.memory,
        terms=terms,
        protection=protection,
        plan=replace(plan, links=sync.memory.links),
        warnings=protection.warnings + looks.warnings + untold(directory),
    )


async def _read_deleted_users(sync: DoneSync, directory: Directory, looks: SideLooks) -> RecycleBin:
    """Raises GraphError if they can't be read and the sync deleted users.

    For any other sync they only tell which immutable IDs and addresses are in use: then the result is empty.
    """
    reading = directory.read_deleted_users()
    if any(one.change.action is Action.DELETE for one in sync.done):
        return await reading
    effect = say("look.deletedConflicts")
    return await looks.at(reading, RecycleBin(), effect)


async def _read_addresses(
    sync: DoneSync, tenant: list[TenantDomain], directory: Directory
) -> dict[str, Holder]:
    """Lower-case address → holder, on this domain and on the domains from which the sync moved users."""
    former = {domain_of(upn) for upn in sync.before(UPN)}
    holders: dict[str, Holder] = {}
    for name in sorted({sync.domain} | former & {domain.name for domain in tenant}):
        holders |= await directory.read_addresses(name)
    return holders
