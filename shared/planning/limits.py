"""Whether a sync may go ahead: the limits an administrator set, compared in integer arithmetic. Pure."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from shared.model.changes import Action, Change, Plan
from shared.model.domains import DomainSettings, Limit
from shared.model.parts import Parts, say
from shared.model.runs import Approvable, DeletionCheck, LimitCheck
from shared.planning.conflicts import LOOKED_UP
from shared.planning.deeds import LEAVING, NONE, Deed, Deeds, consent, deeds


@dataclass(frozen=True, slots=True)
class Checks:
    """The result of every limit for one plan."""

    deletions: DeletionCheck
    others: tuple[LimitCheck, ...] = ()
    due: LimitCheck | None = None
    """Of the deletions after a wait: where it is exceeded, these alone are left, and the sync goes on."""

    @property
    def told(self) -> Parts:
        """A warning, if deletions are left; empty if none are."""
        if not (self.due and self.due.exceeded):
            return ()
        return say("warning.dueLeft", count=self.due.amount, verdict=self.due.verdict_parts)

    @property
    def all_but_deletions(self) -> tuple[LimitCheck, ...]:
        return (*self.others, self.due) if self.due else self.others

    @property
    def exceeded(self) -> bool:
        return self.deletions.exceeded or any(check.exceeded for check in self.others)

    @property
    def kinds(self) -> tuple[Approvable, ...]:
        """What an approval has to name to release whatever exceeds a limit."""
        deletions: tuple[Approvable, ...] = ("delete",) if self.deletions.exceeded else ()
        others = (kind for check in self.others if check.exceeded for kind in check.kinds)
        return tuple(dict.fromkeys((*deletions, *others)))

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

    made: tuple[Change, ...] = ()
    target: int = 0

    def with_planned(self, plan: Plan) -> set[Deed]:
        """What the run has done and would do now, without what it would not send."""
        changes = (*self.made, *(change for change in plan.changes if _counts(change)))
        return {deed for change in changes for deed in deeds(change)}


BEGINNING = Trail()


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the limits other than Max Allowed Deletions are measured against.

    `source_before`: source users in the last good run, None if unknown. `left_out`: source users who are out of scope
    since that run. `known`: the object ids of accounts that were somebody's in the source. `everybody`: source users on
    all domains of the tenant. `emptied`: attribute → field, where nobody in the source has a value any more.
    """

    source_before: int | None = None
    left_out: int = 0
    known: Container[str] = ()
    everybody: int = 0
    emptied: Mapping[str, str] = field(default_factory=dict)


NOTHING_BEFORE: Final = Basis()


def checked(
    plan: Plan, settings: DomainSettings, basis: Basis | None, trail: Trail, approved: Deeds
) -> Checks:
    """The result of every limit. Without a `basis`, of Max Allowed Deletions alone, which holds for an undo too."""
    percent = settings.max_allowed_deletions
    deletions = check_deletions(plan, percent, approved, trail)
    others = check_limits(plan, settings, basis, trail, approved) if basis else ()
    return Checks(deletions, others, check_due(plan, percent, approved, trail))


def check_deletions(
    plan: Plan, max_allowed_deletions: int, approved: Deeds = NONE, trail: Trail = BEGINNING
) -> DeletionCheck:
    """Max Allowed Deletions: exceeded when deletions > 0 and deletions × 100 ≥ percent × users in scope.

    What an administrator approved is named, and does not count. A run that blocks a leaver counts with them those who
    were blocked in the last 24 hours, among the users in scope, too.
    """
    done, target = trail.with_planned(plan), trail.target
    counted, released = _people(done, ("delete", "leave"), approved)
    recent = plan.recent - {deed.who for deed in done}
    if any(deed.kind == "leave" for deed in done - approved):
        counted += len(recent)
        target = target or plan.target + len(recent)
    target = target or plan.target
    exceeded = _reaches(counted, max_allowed_deletions, target)
    return DeletionCheck(
        deletions=counted + released,
        target=target,
        percent=_percent(counted, target, lambda shown: (shown >= max_allowed_deletions) == exceeded),
        max_allowed_deletions=max_allowed_deletions,
        exceeded=exceeded,
        approved=released,
    )


def check_due(
    plan: Plan, max_allowed_deletions: int, approved: Deeds = NONE, trail: Trail = BEGINNING
) -> LimitCheck | None:
    """The same of the deletions after a wait, against the users in scope and these; None if there are none."""
    amount, released = _people(trail.with_planned(plan), ("due",), approved)
    if not amount + released:
        return None
    whole = (trail.target or plan.target) + amount + released
    limit = Limit(percent=max_allowed_deletions)
    return _amount("due", say("limit.due"), limit, ("delete",), (amount, released), whole)


def noting(plan: Plan, approved: Deeds, note: Parts) -> Plan:
    """The same plan, with `note` added to the reason of every change of which something was approved."""
    return replace(
        plan,
        changes=tuple(
            change if approved.isdisjoint(deeds(change)) else replace(change, reason=change.reason + note)
            for change in plan.changes
        ),
    )


def leaving(plan: Plan, approved: Deeds, kinds: Collection[str] = LEAVING) -> Plan:
    """The same plan without the deletions and blocks of leavers, of these `kinds`, that were not approved."""
    left = {
        change.object_id
        for change in plan.changes
        if change.of_leaver
        and change.obstacle is None
        and any(deed.kind in kinds and deed not in approved for deed in deeds(change))
    }
    return replace(
        plan,
        changes=tuple(
            replace(
                change,
                action=Action.SKIP,
                attributes=(),
                stage=None,
                reason=change.reason + say("leaver.notApproved"),
            )
            if change.of_leaver and change.object_id in left
            else change
            for change in plan.changes
        ),
        leavers={who: row for who, row in plan.leavers.items() if who not in left},
    )


def verdict(check: DeletionCheck) -> Parts:
    """The arithmetic as an administrator reads it: `12 of 97 users = 12.4 % ≥ 10 %`."""
    if not check.deletions:
        return say("limit.noDeletions")
    rest = say(
        "limit.deletionsReached" if check.exceeded else "limit.deletionsBelow",
        deletions=check.deletions - check.approved,
        users=check.target,
        percent=check.percent,
        limit=check.max_allowed_deletions,
    )
    if not check.approved:
        return rest
    return say("limit.deletionsApproved", deletions=check.deletions, approved=check.approved, rest=rest)


def check_limits(
    plan: Plan,
    settings: DomainSettings,
    basis: Basis = NOTHING_BEFORE,
    trail: Trail = BEGINNING,
    approved: Deeds = NONE,
) -> tuple[LimitCheck, ...]:
    """The other limits that are switched on."""
    done, users = trail.with_planned(plan), trail.target or plan.target
    known = {deed for deed in done if deed.kind in LEAVING and deed.who in basis.known}
    left, unseen = ({deed.who for deed in some} for some in (known & approved, known - approved))
    before = basis.source_before and basis.source_before - basis.left_out
    return (
        *_emptied(done, basis.emptied, users, approved),
        *_amounts(_but(done, basis.emptied), settings, users, basis.everybody, approved),
        *_shrink(plan, settings.max_source_shrink, before, len(left), len(unseen), approved),
    )


def _amounts(
    done: set[Deed], settings: DomainSettings, target: int, everybody: int, approved: Deeds
) -> Iterator[LimitCheck]:
    limits: tuple[tuple[str, Parts, Limit | None, tuple[Approvable, ...]], ...] = (
        ("adds", say("limit.adds"), settings.max_adds, ("add", "restore")),
        ("updates", say("limit.updates"), settings.max_updates, ("update",)),
        ("renames", say("limit.renames"), settings.max_renames, ("rename",)),
        ("blocks", say("limit.blocks"), settings.max_blocks, ("block",)),
    )
    for name, what, limit, kinds in limits:
        if limit is not None:
            yield _amount(name, what, limit, kinds, _people(done, kinds, approved), target)
    joins = _people(done, ("join",), approved)
    if settings.max_renames and any(joins):
        # Six who join an empty domain of a large company are few.
        yield _amount("joins", say("limit.joins"), settings.max_renames, ("rename",), joins, everybody)
    clears = [deed for deed in done if deed.kind == "clear"]
    for attribute in sorted({deed.what for deed in clears}):
        if settings.max_cleared:
            what, people = say("limit.cleared", attribute=attribute), _clears(clears, attribute, approved)
            check = _amount("cleared", what, settings.max_cleared, ("clear",), people, target)
            yield check.model_copy(update={"attribute": attribute})


def _but(done: set[Deed], emptied: Mapping[str, str]) -> set[Deed]:
    """Without the removals that have a check of their own."""
    return {deed for deed in done if deed.kind != "clear" or deed.what not in emptied}


def _emptied(
    done: set[Deed], emptied: Mapping[str, str], target: int, approved: Deeds
) -> Iterator[LimitCheck]:
    """Nothing is removed from everybody, nor is it taken for known, until somebody has approved it."""
    for attribute, source_field in emptied.items():
        amount, released = _clears(done, attribute, approved)
        yield LimitCheck(
            name="emptied",
            amount=amount,
            of=target,
            limit=0,
            unit="count",
            kinds=("clear",),
            attribute=attribute,
            exceeded=amount > 0 or consent(attribute) not in approved,
            approved=released,
            verdict_parts=say(
                "limit.emptied", field=source_field, amount=amount, attribute=attribute, mapped=attribute
            ),
        )


def _clears(done: Iterable[Deed], attribute: str, approved: Deeds) -> tuple[int, int]:
    return _people((deed for deed in done if deed.what == attribute), ("clear",), approved)


def _people(done: Iterable[Deed], kinds: Collection[str], approved: Deeds) -> tuple[int, int]:
    """How many people such deeds concern, and of how many others all were approved."""
    of_these = {deed for deed in done if deed.kind in kinds}
    counted = {deed.who for deed in of_these - approved}
    return len(counted), len({deed.who for deed in of_these} - counted)


def _amount(
    name: str, what: Parts, limit: Limit, kinds: tuple[Approvable, ...], people: tuple[int, int], whole: int
) -> LimitCheck:
    """Exceeded when everything that the limit has is: a count, a percentage, or both."""
    amount, approved = people
    few = limit.count is not None and amount <= limit.count
    exceeded = not few and (limit.percent is None or _reaches(amount, limit.percent, whole))
    by_count = limit.percent is None
    return LimitCheck(
        name=name,
        amount=amount,
        of=whole,
        limit=limit.percent if limit.percent is not None else limit.count or 0,
        unit="count" if by_count else "percent",
        count=None if by_count else limit.count,
        kinds=kinds,
        exceeded=exceeded,
        approved=approved,
        verdict_parts=_compared(limit, amount, what, whole, exceeded=exceeded),
    )


def _compared(limit: Limit, amount: int, what: Parts, users: int, *, exceeded: bool) -> Parts:
    """What decided, as a phrase: the share, the count, or both."""
    count, share = limit.count, limit.percent
    if share is not None and not amount:
        return say("limit.none", what=what)
    if count is not None and amount <= count:
        return say("limit.countKept", amount=amount, what=what, limit=count)
    if share is None:
        return say("limit.countExceeded", amount=amount, what=what, limit=count or 0)
    percent = _percent(amount, users, lambda shown: (shown >= share) == exceeded)
    if count is not None and exceeded:
        return say(
            "limit.bothPassed",
            amount=amount,
            what=what,
            users=users,
            percent=percent,
            limit=share,
            count=count,
        )
    return say(
        "limit.shareReached" if exceeded else "limit.shareBelow",
        amount=amount,
        what=what,
        users=users,
        percent=percent,
        limit=share,
    )


def _counts(change: Change) -> bool:
    """Whether a sync would send this change.

    Conflicts found only by the lookups of a dry run must not change the verdict.
    """
    return change.obstacle is None or change.obstacle.code in LOOKED_UP


def _shrink(
    plan: Plan, limit: int | None, before: int | None, left: int, unseen: int, approved: Deeds
) -> Iterator[LimitCheck]:
    """Exceeded when the source lost more than `limit` percent of its users since the last good run.

    `left`: how many of them left with somebody's approval, `unseen`: who would be deleted without. Who left without a
    deletion is in no list: what is approved is how few users the source has, while those unseen are within the limit.
    """
    if limit is None or before is None:
        return
    lost = max(0, before - plan.source - left)
    over = lost * 100 > limit * before
    few = any(deed.kind == "shrink" and plan.source >= int(deed.what) for deed in approved)
    few = few and unseen * 100 <= limit * before
    yield LimitCheck(
        name="sourceShrink",
        kinds=("delete",),
        amount=lost,
        of=before,
        limit=limit,
        unit="percent",
        exceeded=over and not few,
        verdict_parts=say(
            "limit.sourceApproved" if over and few else "limit.sourceShrank" if over else "limit.sourceKept",
            before=before,
            now=plan.source,
            percent=_percent(lost, before, lambda shown: (shown > limit) == over),
            limit=limit,
        ),
        approved=left,
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
