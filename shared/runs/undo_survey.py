"""What an undo needs to know, read: the journal of the sync, and how those it touched stand now."""

from dataclasses import replace

from shared.entra.addresses import addresses, former_addresses
from shared.entra.batch import Batches
from shared.entra.domains import domain_and_initial, verified_domains
from shared.entra.protected import with_mailboxes, with_roles
from shared.entra.users import deleted_users, users_by_id, users_with_immutable_ids
from shared.model.changes import Change
from shared.model.domains import TenantDomain
from shared.model.runs import Run
from shared.outbound.waiting import Guard
from shared.planning.holders import Holder, holders_of_immutable_ids
from shared.planning.mapping import IMMUTABLE_ID, UPN, domain_of
from shared.planning.surveyed import Survey
from shared.planning.undo import Now, plan_undo
from shared.services import Services
from shared.store.journal import Journal

# A change that a sync made, and the object id it ended on.
Done = tuple[Change, str | None]


async def survey_undo(services: Services, run: Run, undoes: str, guard: Guard) -> Survey:
    """Plans to take the sync `undoes` back; JournalGone after 30 days."""
    settings = services.settings
    _, initial = await domain_and_initial(services.graph, run.domain, guard)
    done = await changes_made(services, run.domain, undoes)
    batches = Batches(services.graph, services.gate, guard, settings.batches_in_flight)
    touched = [object_id for _, object_id in done if object_id]
    users = await users_by_id(batches, touched, settings.attribute_map)
    in_the_bin = await deleted_users(services.graph, settings.attribute_map, guard)
    deleted = {user.object_id: user for user in in_the_bin if user.object_id in set(touched)}
    protection = await with_roles(settings.protection, services.graph, guard)
    protection = await with_mailboxes(protection, batches, users)
    wanted = {*_before(done, IMMUTABLE_ID), *(user.immutable_id for user in deleted.values())}
    rivals = await users_with_immutable_ids(batches, filter(None, wanted), settings.attribute_map)
    tenant = await verified_domains(services.graph, guard)
    now = Now(
        users=users,
        deleted=deleted,
        protection=protection,
        initial_domain=initial,
        federated=frozenset(one.name for one in tenant if one.federated),
        addresses=await _addresses(services, tenant, run.domain, done, guard),
        immutable_ids=holders_of_immutable_ids(in_the_bin, rivals),
        former_addresses=await former_addresses(batches, deleted),
    )
    plan = plan_undo(undoes, done, now, settings.attribute_map, disable_added=run.disable_added)
    links = await services.links.read(run.domain)
    return Survey(
        domain=run.domain,
        initial_domain=initial,
        source=[],
        target=list(users.values()),
        links=links,
        protection=protection,
        plan=replace(plan, links=links),
    )


async def _addresses(
    services: Services, tenant: list[TenantDomain], domain: str, done: list[Done], guard: Guard
) -> dict[str, Holder]:
    """Who has which address on the domain, and on those from which people were moved here."""
    former = {domain_of(upn) for upn in _before(done, UPN)}
    holders: dict[str, Holder] = {}
    for name in sorted({domain} | former & {one.name for one in tenant}):
        holders |= await addresses(services.graph, name, guard)
    return holders


def _before(done: list[Done], attribute: str) -> list[str]:
    """What the sync found in an attribute that it changed."""
    changes = (change for made, _ in done for change in made.attributes if change.attribute == attribute)
    return [str(change.before) for change in changes if change.before]


async def changes_made(services: Services, domain: str, run_id: str) -> list[Done]:
    """What the sync really did: every change that took effect, with the object id it ended on."""
    return (await Journal.read_finished(services.storage, domain, run_id)).made
