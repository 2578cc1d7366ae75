"""Approvals: a sync that releases exactly what one dry run listed, under the settings that it was made with."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from shared.errors import AuditLogGone, NotPossible, PreconditionFailed
from shared.model.changes import Change
from shared.model.questions import Kind, Pair
from shared.model.records import Author
from shared.model.results import UNLINKED
from shared.model.runs import Approvable, Approval, Compared, Mode, Run, RunKind, Status, Trigger
from shared.planning.deeds import LEAVING, NONE, Deed, Deeds, as_few_as, consent, deeds
from shared.planning.only import concerns
from shared.planning.surveyed import Terms
from shared.planning.territory import NAMED
from shared.reports.as_planned import compared
from shared.runs.deciding import answers_to, keep
from shared.runs.lifecycle import new_run, start
from shared.services import Services
from shared.store.journal import Journal
from shared.store.previous_version import planned_deletions


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is released of a dry run's list: of these kinds, and of all people or some.

    `people` are object ids and source ids, also of accounts that the dry run left since no sync ever knew them: where
    deletions are approved so, the sync leaves all others. `answers` settle all questions of a kind.
    """

    kinds: Sequence[Approvable] = ("delete",)
    people: Collection[str] | None = None
    answers: Sequence[tuple[Kind, bool]] = ()
    reason: str = ""


ALL_DELETIONS = Release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a `Release` amounts to. `deeds`: each with the UPN of its person. `answers`: to questions, by pair."""

    dry_run: Run
    deeds: Mapping[Deed, str]
    answers: Mapping[Pair, bool]


async def start_approved(
    services: Services,
    domain: str,
    dry_run_id: str,
    author: Author,
    release: Release = ALL_DELETIONS,
    only: Sequence[str] = (),
) -> Run:
    """Starts a sync for which exactly what this dry run listed is approved; `only` are those whom it is for at all.

    Raises as `read_released` and `start` do.
    """
    released = await read_released(services, domain, dry_run_id, release)
    kinds, people, kind = release.kinds, release.people, released.dry_run.kind
    counts = Counter(_counted_as(deed) for deed in released.deeds if deed.who)
    approval = Approval(
        dry_run_id=dry_run_id,
        approved_by=author.name,
        deletions=counts["delete"],
        released=dict(sorted(counts.items())),
        named=people is not None and "delete" in kinds,
        reviewed=people is None and "delete" in kinds and kind is RunKind.WHOLE and not only,
        reason=release.reason,
    )
    run = new_run(services.clock, domain, Mode.SYNC, Trigger.MANUAL, author, approval=approval)
    await services.approvals.write(domain, run.id, sorted(released.deeds))
    started = await start(services, run, only)
    if released.answers:  # of a start that is refused nothing stays; the run's message is sent after this
        await keep(services, domain, released.answers, author)
    return started


async def read_released(services: Services, domain: str, dry_run_id: str, release: Release) -> Released:
    """What of this dry run's list is released.

    Raises NotPossible unless it is a dry run of a sync (not of an undo) that succeeded, or if it lists nothing for
    somebody named; PreconditionFailed if it was made with other settings; AuditLogGone if its list is gone.
    """
    kinds, people = release.kinds, release.people
    dry_run = await services.runs.get(domain, dry_run_id)
    if dry_run.kind is RunKind.WHAT_IF:
        raise NotPossible("run.whatIfNotApprovable", run=dry_run_id)
    if dry_run.kind in (RunKind.WATCH, RunKind.CHECK):
        raise NotPossible("run.watchNotApprovable", run=dry_run_id)
    if dry_run.undoes:
        raise NotPossible("run.undoNotApprovable", run=dry_run_id)
    if dry_run.mode is not Mode.DRY_RUN or dry_run.status is not Status.SUCCEEDED:
        raise NotPossible("run.notApprovable", run=dry_run_id)
    terms = await services.tenant_settings.read_terms()
    pointers = await services.runs.read_pointers(domain)
    waits = pointers.waits_for_review(terms.map_digest)
    if dry_run.settings_digest or set(kinds) != {"delete"} or waits:
        await require_same_settings(services, dry_run, terms)
    listed = await _read_listed(services, dry_run, with_unlinked=people is not None)
    unlisted = set(people or ()) - {who for one in listed.values() for who in one.ids}
    wanted = {*kinds, *(("join",) if "rename" in kinds else ()), *(LEAVING if "delete" in kinds else ())}
    released = {
        deed: one.upn
        for deed, one in listed.items()
        if deed.kind in wanted and (people is None or not one.ids.isdisjoint(people))
    }
    if people and not released:  # it lists them, with changes of other kinds alone
        unlisted.update(people)
    if unlisted:
        raise NotPossible("run.notListed", run=dry_run_id, people=tuple(sorted(unlisted)[:NAMED]))
    if "clear" in kinds:
        released |= {consent(str(c.attribute)): "" for c in dry_run.limit_checks if c.name == "emptied"}
    if "delete" in kinds and people is None and dry_run.kind is RunKind.WHOLE:
        shrunk = (c for c in dry_run.limit_checks if c.name == "sourceShrink" and c.exceeded)
        released |= {as_few_as(c.of - c.amount): "" for c in shrunk}
    answers = await answers_to(services, domain, dry_run_id, release.answers) if release.answers else {}
    return Released(dry_run=dry_run, deeds=released, answers=answers)


async def read_approved(services: Services, run: Run, terms: Terms) -> Deeds:
    """What was approved with this run. Raises PreconditionFailed if the settings have changed since the dry run."""
    if run.approval is None:
        return NONE
    dry_run = await approved_dry_run(services, run.domain, run.approval)
    if dry_run and dry_run.settings_digest:
        await require_same_settings(services, dry_run, terms)
    approved = await services.approvals.read(run)
    # Whose deletion is approved may also begin with a block, or end a wait.
    every = (Deed(kind, deed.who) for deed in approved if deed.kind == "delete" for kind in LEAVING)
    return approved.union(every)


async def approved_dry_run(services: Services, domain: str, approval: Approval) -> Run | None:
    """The dry run whose list was approved; None if it is gone, or if there was none: a deletion was ordered by name."""
    return await services.runs.find(domain, approval.dry_run_id) if approval.dry_run_id else None


async def compared_with(
    services: Services, sync: Run, approval: Approval, only: Collection[str] | None
) -> Compared | None:
    """What a sync did otherwise than the dry run that was approved; None if that is gone. `only`: as in `Survey`."""
    dry_run = await approved_dry_run(services, sync.domain, approval)
    if dry_run is None:
        return None
    try:
        planned = await services.audit_logs.read_plan(dry_run, services.clock.now())
    except AuditLogGone:
        return None
    if planned is None:
        return None
    if only is not None:
        planned = [one for one in planned if concerns(one.change, only)]
    journal = await Journal.read_finished(services.storage, sync.domain, sync.id)
    approved = await services.approvals.read(sync)
    compare = partial(compared, named=approval.named)
    return await services.clock.in_thread(compare, planned, journal.outcomes.values(), approved)


async def require_same_settings(services: Services, dry_run: Run, terms: Terms) -> None:
    """Raises PreconditionFailed if other settings decide now than in this dry run."""
    if dry_run.settings_digest != await settings_digest(services, dry_run.domain, terms):
        raise PreconditionFailed("run.otherSettings", run=dry_run.id)


async def settings_digest(services: Services, domain: str, terms: Terms) -> str:
    """Of the settings that decide what is planned for a domain. Not of the limits: they hold as they are now."""
    return terms.digest(**(await services.administration.read_leaving(domain)).facts)


class _Listed(NamedTuple):
    ids: set[str]
    upn: str

    @classmethod
    def of(cls, change: Change) -> "_Listed":
        return cls({one for one in (change.object_id, change.source_id) if one}, change.upn)


async def _read_listed(services: Services, dry_run: Run, *, with_unlinked: bool) -> dict[Deed, _Listed]:
    """Everything that the dry run listed, each with object id and source id of its person.

    `with_unlinked`: people are named; so a leaver has the Username that an earlier sync knew, too.
    """
    now = services.clock.now()
    plan = await services.audit_logs.read_plan(dry_run, now)
    if plan is None:
        # Written by the previous version, which kept only the audit log. Removable with the reader of those logs.
        gone = planned_deletions(await services.audit_logs.read(dry_run, now), dry_run.id)
        return {Deed("delete", account): _Listed({account}, account) for account in gone}
    listed = {deed: _Listed.of(one.change) for one in plan for deed in deeds(one.change)}
    if with_unlinked:
        left = (one.change for one in plan if one.error_code == UNLINKED)
        listed |= {Deed("delete", str(change.object_id)): _Listed.of(change) for change in left}
        links = (await services.known_people.read(dry_run.domain)).links
        known = {account: who for who, account in links.items()}
        for ids, _ in listed.values():
            ids.update(known[one] for one in ids & known.keys())
    return listed


def _counted_as(deed: Deed) -> str:
    return "rename" if deed.kind == "join" else "delete" if deed.kind in LEAVING else deed.kind
