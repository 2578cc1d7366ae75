"""Whether a sync may go ahead: the limits an administrator set, compared in integer arithmetic. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from shared.model.changes import Action, Change, Plan
from shared.model.domains import DomainSettings, Limit
from shared.model.parts import Parts, say
from shared.model.results import Key, key
from shared.model.runs import DeletionCheck, LimitCheck
from shared.planning.conflicts import LOOKED_UP


@dataclass(frozen=True, slots=True)
class Checks:
    """The result of every limit for one plan."""

    deletions: DeletionCheck
    others: tuple[LimitCheck, ...] = ()

    @property
    def exceeded(self) -> bool:
        return self.deletions.exceeded or any(check.exceeded for check in self.others)

    @property
    def reasons(self) -> Parts:
        """The arithmetic of every exceeded limit, as phrases."""
        deletions = verdict(self.deletions) if self.deletions.exceeded else ()
        others = (part for check in self.others if check.exceeded for part in check.verdict_parts)
        return (*deletions, *others)


@dataclass(frozen=True, slots=True)
class Trail:
    """What earlier invocations of the run have changed, or may have. A limit holds for the run as a whole.

    `target`: the users in scope before the first of these changes.
    """

    made: frozenset[Key] = frozenset()
    target: int = 0

    def gone(self, plan: Plan, *actions: Action) -> set[str]:
        """The people of such changes that the plan does not have any more, as in a change's `Key`."""
        planned = {key(change) for change in plan.of(*actions)}
        return {person for action, person in self.made - planned if action in actions}


BEGINNING = Trail()


def check_deletions(
    plan: Plan,
    max_allowed_deletions: int,
    approved: frozenset[str] = frozenset(),
    trail: Trail = BEGINNING,
) -> DeletionCheck:
    """Max Allowed Deletions: exceeded when deletions > 0 and deletions × 100 ≥ percent × users in scope.

    `approved` holds the object ids of deletions that an administrator approved: they do not count.
    """
    target = trail.target or plan.target
    deletions = sum(1 for change in plan.of(Action.DELETE) if change.object_id not in approved)
    deletions += len(trail.gone(plan, Action.DELETE) - approved)
    exceeded = _reaches(deletions, max_allowed_deletions, target)
    return DeletionCheck(
        deletions=deletions,
        target=target,
        percent=_percent(deletions, target, lambda shown: (shown >= max_allowed_deletions) == exceeded),
        max_allowed_deletions=max_allowed_deletions,
        exceeded=exceeded,
    )


def released(plan: Plan, approved: frozenset[str], note: Parts) -> Plan:
    """The same plan, with `note` added to the reason of every approved deletion."""
    return replace(
        plan,
        changes=tuple(
            replace(change, reason=change.reason + note)
            if change.action is Action.DELETE and change.object_id in approved
            else change
            for change in plan.changes
        ),
    )


def verdict(check: DeletionCheck) -> Parts:
    """The arithmetic as an administrator reads it: `12 of 97 users = 12.4 % ≥ 10 %`."""
    if not check.deletions:
        return say("limit.noDeletions")
    return say(
        "limit.deletionsReached" if check.exceeded else "limit.deletionsBelow",
        deletions=check.deletions,
        users=check.target,
        percent=check.percent,
        limit=check.max_allowed_deletions,
    )


def check_limits(
    plan: Plan, settings: DomainSettings, source_before: int | None, trail: Trail = BEGINNING
) -> tuple[LimitCheck, ...]:
    """The other limits that are switched on. `source_before`: source users in the last good run, None if unknown."""
    return (*_amounts(plan, settings, trail), *_shrink(plan, settings.max_source_shrink, source_before))


def _amounts(plan: Plan, settings: DomainSettings, trail: Trail) -> Iterator[LimitCheck]:
    limits: tuple[tuple[str, Parts, Limit | None, tuple[Action, ...]], ...] = (
        ("adds", say("limit.adds"), settings.max_adds, (Action.ADD, Action.RESTORE)),
        ("updates", say("limit.updates"), settings.max_updates, (Action.UPDATE,)),
        ("renames", say("limit.renames"), settings.max_renames, (Action.RENAME,)),
    )
    target = trail.target or plan.target
    for name, what, limit, actions in limits:
        if limit is None:
            continue
        amount = sum(1 for change in plan.of(*actions) if _counts(change)) + len(trail.gone(plan, *actions))
        if limit.count is not None:
            yield _number(name, what, amount, target, limit.count)
        if limit.percent is not None:
            yield _share(name, what, amount, target, limit.percent)


def _number(name: str, what: Parts, amount: int, whole: int, limit: int) -> LimitCheck:
    exceeded = amount > limit
    said = say(
        "limit.countExceeded" if exceeded else "limit.countKept", amount=amount, what=what, limit=limit
    )
    return LimitCheck(
        name=name, amount=amount, of=whole, limit=limit, unit="count", exceeded=exceeded, verdict_parts=said
    )


def _share(name: str, what: Parts, amount: int, whole: int, limit: int) -> LimitCheck:
    exceeded = _reaches(amount, limit, whole)
    said = say("limit.none", what=what)
    if amount:
        said = say(
            "limit.shareReached" if exceeded else "limit.shareBelow",
            amount=amount,
            what=what,
            users=whole,
            percent=_percent(amount, whole, lambda shown: (shown >= limit) == exceeded),
            limit=limit,
        )
    return LimitCheck(
        name=name, amount=amount, of=whole, limit=limit, unit="percent", exceeded=exceeded, verdict_parts=said
    )


def _counts(change: Change) -> bool:
    """Whether a sync would send this change.

    Conflicts found only by the lookups of a dry run must not change the verdict.
    """
    return change.obstacle is None or change.obstacle.code in LOOKED_UP


def _shrink(plan: Plan, limit: int | None, before: int | None) -> Iterator[LimitCheck]:
    """Exceeded when the source lost more than `limit` percent of its users since the last good run."""
    if limit is None or before is None:
        return
    lost = max(0, before - plan.source)
    exceeded = lost * 100 > limit * before
    yield LimitCheck(
        name="sourceShrink",
        amount=lost,
        of=before,
        limit=limit,
        unit="percent",
        exceeded=exceeded,
        verdict_parts=say(
            "limit.sourceShrank" if exceeded else "limit.sourceKept",
            before=before,
            now=plan.source,
            percent=_percent(lost, before, lambda shown: (shown > limit) == exceeded),
            limit=limit,
        ),
    )


def _reaches(part: int, percent: int, whole: int) -> bool:
    return part > 0 and part * 100 >= percent * whole


def _percent(part: int, whole: int, agrees: Callable[[float], bool]) -> float:
    """Rounded to one decimal, or to as many as it takes to agree with the verdict (1,999 of 10,000 at 20 %)."""
    percent = 100.0 if part else 0.0
    for digits in range(1, 16):
        percent = round(part * 100 / whole, digits) if whole else percent
        if agrees(percent):
            break
    return percent
