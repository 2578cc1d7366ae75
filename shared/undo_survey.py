"""What an undo needs to know, read: the journal of the sync, and how those it touched stand now."""

from dataclasses import replace

from shared.audit import Result
from shared.entra import lookaround
from shared.entra.batch import Batches
from shared.entra.domains import domain_and_initial, verified_domains
from shared.entra.guard import Guard
from shared.mapping import UPN
from shared.model import Action, Change
from shared.records import Run
from shared.services import Services
from shared.store.journal import Journal
from shared.surroundings import Holder
from shared.survey import Survey, protection_by_role, with_mailboxes
from shared.undo import Now, plan_undo


async def survey_undo(services: Services, run: Run, undoes: str, guard: Guard) -> Survey:
    """Plans to take the sync `undoes` back; JournalGone after 30 days."""
    settings = services.settings
    domain, initial = await domain_and_initial(services.graph, run.domain)
    done = await changes_made(services, run.domain, undoes)
    batches = Batches(services.graph, services.gate, guard, settings.batches_in_flight)
    touched = [object_id for _, object_id in done if object_id]
    users = await lookaround.users_by_id(batches, touched, settings.attribute_map)
    deleted = await lookaround.deleted_users(services.graph, settings.attribute_map, guard)
    in_the_bin = frozenset(user.object_id for user in deleted) & set(touched)
    protection = await with_mailboxes(await protection_by_role(services, guard), batches, list(users))
    now = Now(
        users=users,
        deleted=in_the_bin,
        protection=protection,
        initial_domain=initial,
        addresses=await _addresses(services, run.domain, done, guard),
        immutable_ids=lookaround.holders_of_immutable_ids(deleted, ()),
        former_addresses=await lookaround.former_addresses(batches, in_the_bin),
    )
    plan = plan_undo(undoes, done, now, settings.attribute_map, disable_added=run.disable_added)
    links = await services.links.read(run.domain)
    return Survey(
        domain=domain,
        initial_domain=initial,
        source=[],
        target=list(users.values()),
        links=links,
        protection=protection,
        plan=replace(plan, links=links),
    )


async def _addresses(
    services: Services, domain: str, done: list[tuple[Change, str | None]], guard: Guard
) -> dict[str, Holder]:
    """Who has which address on the domain, and on those from which people were moved here."""
    upns = [str(a.before).lower() for change, _ in done for a in change.attributes if a.attribute == UPN]
    former = {upn.partition("@")[2] for upn in upns}
    verified = {one.name for one in await verified_domains(services.graph)}
    holders: dict[str, Holder] = {}
    for name in sorted({domain} | former & verified):
        holders |= await lookaround.addresses(services.graph, name, guard)
    return holders


async def changes_made(services: Services, domain: str, run_id: str) -> list[tuple[Change, str | None]]:
    """What the sync really did: every intent of its journal that succeeded, with the object id it ended on."""
    journal = await Journal.read_finished(services.storage, domain, run_id)
    made = []
    for key, change in journal.intents.items():
        result, object_id = journal.outcomes.get(key, (None, None))
        if result is Result.SUCCEEDED and change.action is not Action.SKIP:
            made.append((change, object_id or change.object_id))
    return made
