"""Keeps what people decide about who is who, and who is on hold."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.entra.directory import Directory
from shared.errors import GraphError, NotPossible, PersonNotFound
from shared.log import event
from shared.model.history import Act, entry_of_decision, entry_of_hold
from shared.model.holds import Hold, Scope
from shared.model.questions import Decision, Kind, Pair, pair_id
from shared.model.records import Author
from shared.services import Services


async def decide(services: Services, domain: str, pairs: Mapping[Pair, bool], author: Author) -> None:
    """Keeps whether each pair is one person. Raises NotPossible as `checked` does."""
    await keep(services, domain, await checked(services, domain, pairs), author)


async def checked(services: Services, domain: str, pairs: Mapping[Pair, bool]) -> Mapping[Pair, bool]:
    """These pairs, and those about which nothing is left to ask then.

    Raises NotPossible for a pair that the domain's last run has neither asked about nor offered, and for a pair that
    is said to be one person although it was only offered to be told apart: that account may be another's.
    """
    asked = await services.questions.read(domain)
    questions, offered = {one.pair for one in asked.questions}, set(asked.offered)
    for pair, same in pairs.items():
        if pair not in questions and (same or pair not in offered):
            raise NotPossible("decisions.notAsked", user=pair[0], objectId=pair[1])
    standing = [(one.source_id, one.object_id) for one in await services.decisions.read() if one.same]
    agreed = {pair for pair, same in pairs.items() if same}
    for side in (0, 1):
        taken = Counter(pair[side] for pair in {*standing, *agreed})
        if twice := sorted({pair[side] for pair in agreed if taken[pair[side]] > 1}):
            raise NotPossible("decisions.twice", ids=tuple(twice))
    # Whoever is one person with an account is not one with any other that was asked about.
    settled = {side for pair in agreed for side in pair}
    return {pair: False for pair in sorted(questions) if settled & set(pair)} | dict(pairs)


async def keep(services: Services, domain: str, pairs: Mapping[Pair, bool], author: Author) -> None:
    """Keeps what was `checked`."""
    now = services.clock.now()
    decisions = [
        Decision(
            id=pair_id(*pair),
            source_id=pair[0],
            object_id=pair[1],
            same=same,
            by=author.name,
            address=author.address,
            at=now,
        )
        for pair, same in pairs.items()
    ]
    await services.decisions.decide(decisions, author)
    await services.history.note(
        [entry_of_decision(one, Act.SAME if one.same else Act.APART, author.name, now) for one in decisions]
    )
    event(
        "decision.made", domain=domain, by=author.name, address=author.address,
        same=sum(pairs.values()), apart=len(pairs) - sum(pairs.values()),
    )  # fmt: skip


async def take_back(services: Services, decision_id: str, author: Author) -> bool:
    """False if there is no such decision."""
    gone = await services.decisions.take_back(decision_id, author)
    if gone is None:
        return False
    await services.history.note([entry_of_decision(gone, Act.TAKE_BACK, author.name, services.clock.now())])
    event("decision.takenBack", id=decision_id, by=author.name, address=author.address)
    return True


async def answers_to(
    services: Services, domain: str, dry_run_id: str, answers: Sequence[tuple[Kind, bool]]
) -> Mapping[Pair, bool]:
    """The answer to every question of a kind that this dry run asks and against which nothing speaks.

    Who stands in more than one is left out. Raises NotPossible if a later run has asked since, if there is no such
    question, and as `checked` does.
    """
    asked = await services.questions.read(domain)
    if asked.questions and asked.run_id != dry_run_id:
        raise NotPossible("decisions.askedSince", run=dry_run_id)
    for kind, _ in answers:
        if not asked.alike(kind):
            raise NotPossible("decisions.noneAlike", run=dry_run_id, kind=kind)
    return await checked(
        services, domain, {one.pair: same for kind, same in answers for one in asked.alike(kind)}
    )


async def hold(
    services: Services, object_id: str, until: datetime, reason: str, scope: Scope, author: Author
) -> Hold:
    """Puts the account on hold, in place of an earlier hold.

    Raises PersonNotFound if Graph says that there is no such account. While Graph can't say, the hold is kept: it must
    not wait for that.
    """
    terms = await services.tenant_settings.read_terms()
    try:
        found = await Directory(services.graph(), terms.attribute_map).look_up_users([object_id])
    except GraphError:
        found = {}
    if found.get(object_id, object_id) is None:
        raise PersonNotFound("person.noAccount", id=object_id)
    kept = Hold(
        object_id=object_id,
        until=until,
        reason=reason,
        scope=scope,
        by=author.name,
        since=services.clock.now(),
    )
    await services.decisions.decide([kept], author)
    await services.history.note([entry_of_hold(kept, Act.HOLD, author.name, kept.since)])
    event(
        "hold.set", by=author.name, address=author.address, objectId=object_id, scope=scope,
        until=until.isoformat(),
    )  # fmt: skip
    return kept


async def lift(services: Services, object_id: str, author: Author) -> Hold | None:
    """The hold that was on this account until now; None if there was none."""
    lifted = await services.decisions.lift(object_id, author)
    if lifted:
        now = services.clock.now()
        await services.history.note([entry_of_hold(lifted, Act.LIFT, author.name, now)])
        event("hold.lifted", by=author.name, address=author.address, objectId=object_id)
    return lifted
