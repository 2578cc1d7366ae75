"""Max Allowed Deletions, in whole numbers: `deletions × 100 ≥ percent × users in scope` cancels a sync."""

from dataclasses import replace

import pytest

from shared.model.changes import Action, AttributeChange, Change, Obstacle, Plan
from shared.model.domains import DomainSettings, Limit
from shared.model.parts import verbatim
from shared.model.runs import LimitCheck
from shared.planning.deeds import Deed, Deeds, as_few_as, deeds
from shared.planning.limits import Basis, Checks, Trail, check_deletions, check_limits, noting, verdict
from shared.planning.mapping import ENABLED, UPN
from shared.words import said
from tests.support.people import DOMAIN, change, many

ALL_OFF = DomainSettings(max_renames=None, max_cleared=None, max_blocks=None)


def off_but(**limits: Limit | int) -> DomainSettings:
    """All further limits off but these."""
    return ALL_OFF.model_copy(update=dict(limits))


def deletions_of(*object_ids: str) -> Deeds:
    return frozenset(Deed("delete", object_id) for object_id in object_ids)


def plan(deletions: int, target: int) -> Plan:
    deletes = (change(Action.DELETE, f"u{number}@contoso.com") for number in range(deletions))
    return Plan(changes=(*deletes, change(Action.UPDATE)), source=target, target=target, unchanged=0)


def plan_with(source: int = 100, target: int = 100, **amounts: int) -> Plan:
    """So many changes of each action: `plan_with(add=3, rename=1)`."""
    changes = [one for name, amount in amounts.items() for one in many(Action(name), amount)]
    return Plan(changes=tuple(changes), source=source, target=target, unchanged=0)


@pytest.mark.parametrize(
    ("deletions", "target", "limit", "exceeded"),
    [
        (65, 100, 65, True),
        (64, 100, 65, False),
        (1999, 10_000, 20, False),
        (2000, 10_000, 20, True),
        (0, 100, 0, False),
        (1, 100, 0, True),
        (99, 100, 100, False),
        (100, 100, 100, True),
        (0, 1, 20, False),
        (1, 1, 20, True),
        (1, 1, 100, True),
        (0, 0, 0, False),
    ],
)
def test_the_limit_is_exceeded_from_exactly_its_percentage_on(
    deletions: int, target: int, limit: int, exceeded: bool
) -> None:
    assert check_deletions(plan(deletions, target), limit).exceeded is exceeded


def test_only_deletions_count() -> None:
    check = check_deletions(plan(3, 10), 50)

    assert (check.deletions, check.target, check.max_allowed_deletions) == (3, 10, 50)


@pytest.mark.parametrize(
    ("deletions", "target", "limit", "shown"),
    [
        (12, 97, 10, "12 of 97 users = 12.4% ≥ 10%"),
        (64, 100, 65, "64 of 100 users = 64% < 65%"),
        (1, 1, 100, "1 of 1 users = 100% ≥ 100%"),
        (0, 97, 10, "no deletions"),
    ],
)
def test_the_verdict_shows_its_arithmetic(deletions: int, target: int, limit: int, shown: str) -> None:
    assert said(verdict(check_deletions(plan(deletions, target), limit))) == shown


@pytest.mark.parametrize(
    ("deletions", "target", "limit", "shown"),
    [(1999, 10_000, 20, "= 19.99% < 20%"), (3815, 20_079, 19, "= 18.99995% < 19%")],
)
def test_the_percentage_has_as_many_digits_as_it_takes_not_to_contradict_the_verdict(
    deletions: int, target: int, limit: int, shown: str
) -> None:
    assert said(verdict(check_deletions(plan(deletions, target), limit))).endswith(shown)


@pytest.mark.parametrize(("deletions", "percent"), [(0, 0), (1, 100)])
def test_of_nobody_in_scope_deletions_are_all_or_nothing(deletions: int, percent: int) -> None:
    assert check_deletions(plan(deletions, 0), 20).percent == percent


def test_what_was_approved_does_not_count() -> None:
    check = check_deletions(plan(3, 10), 20, approved=deletions_of("id-u0", "id-u2"))

    assert (check.deletions, check.approved, check.percent, check.exceeded) == (3, 2, 10, False)
    assert said(verdict(check)) == "3 deletions, 2 of them approved; of the others: 1 of 10 users = 10% < 20%"


def test_all_deletions_may_be_approved() -> None:
    check = check_deletions(plan(3, 5), 20, approved=deletions_of("id-u0", "id-u1", "id-u2"))

    assert (check.deletions, check.approved, check.percent, check.exceeded) == (3, 3, 0, False)


def test_an_approval_is_noted_with_the_deletions_it_releases_and_nowhere_else() -> None:
    kept, gone = (
        change(Action.DELETE, "kept@contoso.com", reason="Left."),
        change(Action.DELETE, "gone@contoso.com", reason="Left."),
    )
    update = change(Action.UPDATE, "gone@contoso.com", reason="Differs.")
    whole = Plan(changes=(kept, gone, update), source=1, target=3, unchanged=0)

    plan = noting(whole, deletions_of("id-gone"), verbatim("Approved by Mori."))

    approved = replace(gone, reason=verbatim("Left.") + verbatim("Approved by Mori."))
    assert plan == replace(whole, changes=(kept, approved, update))


class TestFurtherLimits:
    @pytest.mark.parametrize(
        ("plan", "limit", "exceeded", "verdict"),
        [
            (plan_with(add=3, restore=3), Limit(count=5), True, "6 adds > 5"),
            (plan_with(add=3, restore=2), Limit(count=5), False, "5 adds ≤ 5"),
            (plan_with(target=97, add=12), Limit(percent=10), True, "12 adds of 97 users = 12.4% ≥ 10%"),
            (plan_with(add=19), Limit(percent=20), False, "19 adds of 100 users = 19% < 20%"),
            (
                plan_with(target=10_000, add=1999), Limit(percent=20), False,
                "1999 adds of 10000 users = 19.99% < 20%",
            ),
            (plan_with(target=0, add=3), Limit(percent=20), True, "3 adds of 0 users = 100% ≥ 20%"),
            (plan_with(target=0), Limit(percent=20), False, "no adds"),
        ],
    )  # fmt: skip
    def test_a_limit_is_a_count_or_a_percentage_and_shows_its_arithmetic(
        self, plan: Plan, limit: Limit, exceeded: bool, verdict: str
    ) -> None:
        (check,) = check_limits(plan, off_but(max_adds=limit))

        assert check == LimitCheck(
            name="adds",
            kinds=("add", "restore"),
            amount=len(plan.changes),
            of=plan.target,
            limit=limit.count or limit.percent or 0,
            unit="count" if limit.count is not None else "percent",
            exceeded=exceeded,
            verdict_parts=check.verdict_parts,
        )
        assert said(check.verdict_parts) == verdict

    def test_each_kind_of_change_has_a_limit_of_its_own(self) -> None:
        plan = plan_with(add=1, restore=2, update=4, rename=5, delete=6, skip=7)
        settings = off_but(max_adds=Limit(count=9), max_updates=Limit(percent=9), max_renames=Limit(count=9))

        checks = check_limits(plan, settings)

        assert [(c.name, c.amount, c.unit) for c in checks] == [
            ("adds", 3, "count"),
            ("updates", 4, "percent"),
            ("renames", 5, "count"),
        ]

    def test_a_limit_that_is_off_checks_nothing(self) -> None:
        assert check_limits(plan_with(add=100, update=100), ALL_OFF, Basis(source_before=1000)) == ()
        renames = ALL_OFF.model_copy(update={"max_renames": Limit(count=0)})
        (check,) = check_limits(plan_with(add=100), renames)
        assert (check.name, check.amount) == ("renames", 0)

    @pytest.mark.parametrize(
        ("code", "counted"),
        [
            ("AddressTaken", True),
            ("ImmutableIdTaken", True),
            ("ValueTooLong", False),
            ("AmbiguousMatch", False),
        ],
    )
    def test_a_change_that_cannot_be_made_counts_only_if_a_sync_would_try_it(
        self, code: str, counted: bool
    ) -> None:
        one, other = many(Action.UPDATE, 2)
        stuck = replace(other, obstacle=Obstacle(code, verbatim("…")))
        plan = Plan(changes=(one, stuck), source=2, target=2, unchanged=0)

        (check,) = check_limits(plan, off_but(max_updates=Limit(count=9)))

        assert check.amount == 1 + counted


class TestSourceShrink:
    @pytest.mark.parametrize(
        ("before", "now", "lost", "exceeded", "verdict"),
        [
            (200, 150, 50, True, "the source went from 200 to 150 users = 25% fewer > 20%"),
            (100, 80, 20, False, "the source went from 100 to 80 users = 20% fewer ≤ 20%"),
            (300, 239, 61, True, "the source went from 300 to 239 users = 20.3% fewer > 20%"),
            (10_000, 7_999, 2_001, True, "the source went from 10000 to 7999 users = 20.01% fewer > 20%"),
            (100, 120, 0, False, "the source went from 100 to 120 users = 0% fewer ≤ 20%"),
            (0, 5, 0, False, "the source went from 0 to 5 users = 0% fewer ≤ 20%"),
        ],
    )
    def test_a_source_may_lose_its_percentage_since_the_last_good_run_and_nobody_more(
        self, before: int, now: int, lost: int, exceeded: bool, verdict: str
    ) -> None:
        (check,) = check_limits(
            plan_with(source=now), off_but(max_source_shrink=20), Basis(source_before=before)
        )

        assert check == LimitCheck(
            name="sourceShrink", kinds=("delete",), amount=lost, of=before, limit=20, unit="percent", exceeded=exceeded,
            verdict_parts=check.verdict_parts,
        )  # fmt: skip
        assert said(check.verdict_parts) == verdict

    @pytest.mark.parametrize(
        ("now", "exceeded", "ends"),
        [
            (8, False, "10 to 8 users = 20% fewer ≤ 20%"),
            (6, False, "10 to 6 users = 40% fewer > 20%, which is approved"),
            (5, True, "10 to 5 users = 50% fewer > 20%"),
        ],
    )
    def test_it_may_be_as_small_as_was_approved(self, now: int, exceeded: bool, ends: str) -> None:
        approved = frozenset({as_few_as(6)})

        (check,) = check_limits(
            plan_with(source=now),
            off_but(max_source_shrink=20),
            Basis(source_before=10),
            approved=approved,
        )

        assert check.exceeded is exceeded
        assert said(check.verdict_parts).endswith(ends)

    @pytest.mark.parametrize(("listed", "unlisted"), [(10, 0), (4, 6), (3, 7), (0, 7)])
    def test_whom_the_approval_does_not_list_the_limit_holds_for(self, listed: int, unlisted: int) -> None:
        leavers = [change(Action.DELETE, f"u{number}@{DOMAIN}") for number in range(listed + unlisted)]
        approved = frozenset(deed for one in leavers[:listed] for deed in deeds(one)) | {as_few_as(0)}
        everybody = frozenset(str(one.object_id) for one in leavers)
        plan = Plan(changes=tuple(leavers), source=30 - len(leavers), target=30, unchanged=0)

        (check,) = check_limits(
            plan,
            off_but(max_source_shrink=20),
            Basis(source_before=30, known=everybody),
            approved=approved,
        )

        assert check.exceeded == (unlisted > 6)

    def test_without_an_earlier_run_there_is_nothing_to_shrink_from(self) -> None:
        assert check_limits(plan_with(), off_but(max_source_shrink=20)) == ()


class TestChecks:
    within, beyond = (
        check_limits(plan_with(update=4), off_but(max_updates=Limit(count=count))) for count in (4, 3)
    )

    def test_one_limit_that_is_exceeded_is_enough(self) -> None:
        few, many = check_deletions(plan(1, 100), 20), check_deletions(plan(20, 100), 20)

        assert not Checks(few).exceeded
        assert not Checks(few, self.within).exceeded
        assert Checks(few, (*self.within, *self.beyond)).exceeded
        assert Checks(many, self.within).exceeded

    def test_the_reasons_are_the_arithmetic_of_every_limit_that_is_exceeded(self) -> None:
        few, many = check_deletions(plan(1, 100), 20), check_deletions(plan(20, 100), 20)

        reasons = Checks(many, (*self.within, *self.beyond)).reasons
        assert [said((one,)) for one in reasons] == ["20 of 100 users = 20% ≥ 20%", "4 updates > 3"]
        assert said(Checks(few, self.beyond).reasons) == "4 updates > 3"
        assert Checks(few, self.within).reasons == ()


class TestARunThatGoesOn:
    """An interrupted run plans only what is left; its limits hold for all of it."""

    trail = Trail(
        made=(
            *(change(Action.DELETE, f"gone{n}@{DOMAIN}") for n in range(4)),
            change(Action.ADD, f"new@{DOMAIN}"),
            *many(Action.UPDATE, 1),
        ),
        target=12,
    )

    def test_counts_whom_it_has_deleted_against_the_users_of_its_start(self) -> None:
        check = check_deletions(plan(2, 8), 50, trail=self.trail)

        assert (check.deletions, check.target, check.exceeded) == (6, 12, True)

    def test_counts_nobody_twice_who_is_planned_again(self) -> None:
        again = Trail(made=plan(2, 12).changes[:2], target=12)

        assert check_deletions(plan(2, 12), 50, trail=again).deletions == 2

    def test_does_not_count_whom_it_deleted_with_an_approval(self) -> None:
        approved = deletions_of("id-gone0", "id-gone1", "id-u0")

        check = check_deletions(plan(2, 8), 50, approved, self.trail)

        assert (check.deletions - check.approved, check.exceeded) == (3, False)

    def test_counts_everything_else_so_too(self) -> None:
        settings = off_but(max_adds=Limit(percent=10), max_updates=Limit(count=1))

        adds, updates = check_limits(plan_with(target=8, add=1, update=1), settings, trail=self.trail)

        assert (adds.amount, adds.of, adds.exceeded) == (2, 12, True)
        assert (updates.amount, updates.exceeded) == (1, False)


class TestWhatIsOnByDefault:
    """20 percent or more, and more than five people: who is renamed, blocked, or loses a value."""

    @staticmethod
    def renamed(amount: int, before: str = DOMAIN) -> tuple[Change, ...]:
        return tuple(
            change(
                Action.RENAME,
                f"u{number}@{before}",
                attributes=[AttributeChange(UPN, f"u{number}@{before}", f"new{number}@{DOMAIN}")],
            )
            for number in range(amount)
        )

    @staticmethod
    def checks(*changes: Change, target: int = 100, everybody: int = 0) -> dict[str, LimitCheck]:
        plan = Plan(changes=changes, source=target, target=target, unchanged=0)
        found = check_limits(plan, DomainSettings(), Basis(everybody=everybody))
        return {f"{check.name} {check.attribute or ''}".strip(): check for check in found}

    @pytest.mark.parametrize(
        ("amount", "target", "exceeded", "verdict"),
        [
            (20, 100, True, "20 renames of 100 users = 20% ≥ 20% and > 5"),
            (19, 100, False, "19 renames of 100 users = 19% < 20%"),
            (5, 5, False, "5 renames ≤ 5"),
            (6, 30, True, "6 renames of 30 users = 20% ≥ 20% and > 5"),
            (6, 31, False, "6 renames of 31 users = 19.4% < 20%"),
            (0, 0, False, "no renames"),
        ],
    )
    def test_both_must_be_passed(self, amount: int, target: int, exceeded: bool, verdict: str) -> None:
        check = self.checks(*self.renamed(amount), target=target)["renames"]

        assert (check.exceeded, check.limit, check.unit, check.count) == (exceeded, 20, "percent", 5)
        assert said(check.verdict_parts) == verdict

    def test_six_who_join_an_empty_domain_of_a_large_company_are_few_and_four_hundred_are_many(self) -> None:
        six, many_more = self.renamed(6, "other.com"), self.renamed(400, "other.com")

        few = self.checks(*six, target=0, everybody=2_000)
        assert not any(check.exceeded for check in few.values())
        assert said(few["joins"].verdict_parts) == (
            "6 renames from another domain of 2000 users = 0.3% < 20%"
        )
        assert self.checks(*many_more, target=0, everybody=2_000)["joins"].exceeded

    def test_values_that_are_removed_count_for_each_attribute(self) -> None:
        cleared = many(Action.UPDATE, 6, AttributeChange("surname", "Aoki", None))
        others = many(Action.UPDATE, 5, AttributeChange("givenName", "Hana", None))

        checks = self.checks(*cleared, *others, target=6)

        assert [name for name, check in checks.items() if check.exceeded] == ["cleared surname"]
        assert said(checks["cleared surname"].verdict_parts) == (
            "6 values of family name to be removed of 6 users = 100% ≥ 20% and > 5"
        )

    def test_values_that_are_removed_are_not_counted_where_that_limit_is_off(self) -> None:
        plan = plan_with()
        cleared = many(Action.UPDATE, 6, AttributeChange("surname", "Aoki", None))

        assert check_limits(replace(plan, changes=cleared), ALL_OFF) == ()

    def test_accounts_that_are_disabled_count_and_those_that_are_enabled_do_not(self) -> None:
        blocked = many(Action.UPDATE, 6, AttributeChange(ENABLED, True, False))
        back = many(Action.UPDATE, 6, AttributeChange(ENABLED, False, True))

        assert self.checks(*blocked, target=6)["blocks"].exceeded
        assert self.checks(*back, target=6)["blocks"].amount == 0

    def test_a_run_that_goes_on_counts_all_of_them_so_too(self) -> None:
        made, left = self.renamed(6)[:3], self.renamed(6)[3:]
        plan = Plan(changes=left, source=6, target=6, unchanged=0)

        renames = check_limits(plan, DomainSettings(), trail=Trail(made=made, target=6))[0]

        assert (renames.amount, renames.exceeded) == (6, True)
