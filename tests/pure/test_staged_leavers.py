"""Leavers in stages, in a plan and against the limits."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.model.changes import Action, AttributeChange, Plan
from shared.model.domains import DomainSettings
from shared.model.leavers import Leaver, LeaverTerms, Leaving
from shared.model.people import EntraUser, SourceUser
from shared.planning.deeds import Deed
from shared.planning.holders import Holder
from shared.planning.limits import Trail, checked, leaving
from shared.planning.lookups import Lookups
from shared.planning.only import only as only_of
from shared.planning.protection import Protection
from shared.planning.stages import Now, Staging
from tests.support.people import DOMAIN, NOTHING_AROUND, entra_user, only, plan_of, source_user

T = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BLOCK_30 = LeaverTerms(block=True, delete_after_days=30)
LEAVER = entra_user()
STAYS = [f"stays{n}@{DOMAIN}" for n in range(9)]


def around(now: datetime = T, rows: Mapping[str, Leaver | None] | None = None) -> Lookups:
    staging = Staging(domain=DOMAIN, terms=BLOCK_30, now=Now(now, now), rows=rows or {})
    return replace(NOTHING_AROUND, staging=staging)


def row(**fields: object) -> Leaver:
    """Of the leaver, who was blocked at T and has been seen blocked."""
    return Leaver.model_validate(
        {
            "domain": DOMAIN, "upn": LEAVER.upn, "display_name": LEAVER.display_name, "since": T,
            "days": 30, "block": True,
            "blocked": T, "ours": True, "stands": T, "signed_out": True, **fields,
        }
    )  # fmt: skip


BLOCKED = replace(LEAVER, enabled=False)


class TestPlanning:
    def test_the_first_run_blocks_and_the_row_says_since_when(self) -> None:
        plan = plan_of([], [LEAVER], around())
        change = only(plan)

        assert (change.action, change.stage, change.of_leaver) == (Action.BLOCK, "block", True)
        assert change.attributes == (AttributeChange("accountEnabled", True, False),)
        written = plan.leavers["id-aoki"]
        assert written
        assert (written.since, written.days, plan.target) == (T, 30, 1)

    def test_who_waits_is_left_and_not_in_scope(self) -> None:
        plan = plan_of([], [BLOCKED], around(T + DAY, {"id-aoki": row()}))
        change = only(plan)

        assert change.action is Action.SKIP
        assert change.obstacle
        assert (change.obstacle.code, plan.target, plan.leavers) == ("Waits", 0, {})

    def test_who_may_be_one_of_two_in_the_source_waits_anew(self) -> None:
        torn = [source_user(f"{name}@{DOMAIN}", immutable_id="K") for name in ("one", "two")]
        before = {"id-aoki": row()}
        plan = plan_of(torn, [replace(BLOCKED, immutable_id="K")], around(T + 31 * DAY, before))
        assert plan.leavers == {"id-aoki": row(asked=True)}

    def test_who_was_not_signed_out_is_named(self) -> None:
        plan = plan_of([], [BLOCKED], around(T + DAY, {"id-aoki": row(signed_out=False)}))
        assert plan.signed_in == ("id-aoki",)
        assert only_of(plan, {"id-aoki"}).signed_in == ("id-aoki",)
        assert only_of(plan, {"other"}).signed_in == ()

    def test_the_wait_ends_with_a_deletion(self) -> None:
        change = only(plan_of([], [BLOCKED], around(T + 31 * DAY, {"id-aoki": row()})))
        assert (change.action, change.stage) == (Action.DELETE, "due")

    @pytest.mark.parametrize(
        ("fields", "code"), [({"kept": "enabled"}, "Kept"), ({"kept": "decided"}, "Waits"), (None, "Kept")]
    )
    def test_who_is_kept_is_told_until_somebody_has_decided(
        self, fields: dict[str, object] | None, code: str
    ) -> None:
        kept = None if fields is None else row(**fields)
        change = only(plan_of([], [LEAVER], around(T + 60 * DAY, {"id-aoki": kept})))
        assert change.obstacle
        assert (change.action, change.obstacle.code) == (Action.SKIP, code)

    def test_what_could_not_be_looked_at_is_neither_blocked_nor_deleted(self) -> None:
        unseen = Protection(mailboxes={"other": "user"})
        for rows, now in (({}, T), ({"id-aoki": row()}, T + 31 * DAY)):
            plan = plan_of(
                [], [LEAVER if not rows else BLOCKED], replace(around(now, rows), protection=unseen)
            )
            change = only(plan)
            assert change.obstacle
            assert (change.obstacle.code, plan.leavers) == ("NotLookedAt", {})
        waiting = only(
            plan_of([], [BLOCKED], replace(around(T + DAY, {"id-aoki": row()}), protection=unseen))
        )
        assert waiting.obstacle
        assert waiting.obstacle.code == "Waits"

    def test_an_account_that_no_sync_knew_does_not_begin_without_approval(self) -> None:
        asked = replace(around(), ask_unlinked=True)
        left = only(plan_of([], [LEAVER], asked))
        assert left.obstacle
        assert left.obstacle.code == "Unlinked"

        approved = plan_of([], [LEAVER], replace(asked, approved={"id-aoki"}))
        begun = approved.leavers["id-aoki"]
        assert only(approved).action is Action.BLOCK
        assert begun
        assert begun.approved

        gone = replace(around(T + 31 * DAY, {"id-aoki": row(approved=True)}), ask_unlinked=True)
        assert only(plan_of([], [BLOCKED], gone)).action is Action.DELETE
        unapproved = replace(around(T + 31 * DAY, {"id-aoki": row()}), ask_unlinked=True)
        assert only(plan_of([], [BLOCKED], unapproved)).action is Action.SKIP

    def test_who_left_for_another_domain_of_the_tenant_is_back(self) -> None:
        moved = source_user("aoki@other.com")
        plan = plan_of([moved], [BLOCKED], around(T + DAY, {"id-aoki": row()}), links={"aoki": "id-aoki"})
        changed = plan.leavers["id-aoki"]
        assert only(plan).action is Action.SKIP
        assert changed
        assert changed.back

    def test_who_is_in_the_source_again_is_unblocked(self) -> None:
        plan = plan_of([source_user()], [BLOCKED], around(T + DAY, {"id-aoki": row()}))
        change = only(plan)
        assert (change.action, change.of_leaver, change.source_id) == (Action.UNBLOCK, False, "aoki")
        assert [part.code for part in change.reason] == ["signIn.back"]

    @pytest.mark.parametrize(
        ("user", "account", "ours"),
        [
            (source_user(), LEAVER, True),
            (source_user(), BLOCKED, False),
            (source_user(status=False), BLOCKED, True),
            (source_user(status="?"), BLOCKED, True),
        ],
    )
    def test_nobody_else_is_unblocked(self, user: SourceUser, account: EntraUser, ours: bool) -> None:
        plan = plan_of([user], [account], around(T + DAY, {"id-aoki": row(ours=ours)}))
        assert plan.changes == ()
        ends = account.enabled or not ours
        changed = plan.leavers["id-aoki"]
        assert (changed is None) is ends
        assert changed is None or changed.back


@pytest.mark.parametrize(
    ("waiting", "codes"),
    [
        (row(), ["add.leaverWaits"]),
        (row(kept="decided"), ["add.leaverKept"]),
        (row(days=None), ["add.leaverKept"]),
        (row(ended=True), []),
    ],
)
def test_who_needs_what_a_leaver_has_is_told_how_long(waiting: Leaver, codes: list[str]) -> None:
    taken = Holder(object_id="id-aoki", name="青木")
    newcomer = source_user("new@contoso.com", immutable_id="new==")
    lookups = replace(around(T, {"id-aoki": waiting}), addresses={"new@contoso.com": taken})
    (add,) = plan_of([newcomer], [], lookups).changes
    assert add.obstacle
    assert [part.code for part in add.obstacle.message] == ["address.taken", *codes]


def company(leaving_now: int, rows: Mapping[str, Leaver | None], now: datetime = T) -> Plan:
    """The plan for nine who stay, who have just left, and who wait."""
    fresh = [entra_user(f"left{n}@{DOMAIN}") for n in range(leaving_now)]
    waiting = [entra_user(f"{one[3:]}@{DOMAIN}", enabled=False) for one in rows]
    people = [source_user(upn) for upn in STAYS]
    return plan_of(people, [*map(entra_user, STAYS), *fresh, *waiting], around(now, rows))


def limited(
    plan: Plan, approved: frozenset[Deed] = frozenset(), trail: Trail | None = None
) -> tuple[int, int, bool]:
    """Deletions and users in scope as Max Allowed Deletions counts them, and whether they are too many."""
    check = checked(plan, DomainSettings(), None, trail or Trail(), approved).deletions
    return check.deletions, check.target, check.exceeded


class TestLimits:
    def test_who_was_blocked_a_day_ago_counts_with_those_of_now(self) -> None:
        assert limited(company(1, {}, T)) == (1, 10, False)
        assert limited(company(1, {"id-old": row()}, T + DAY / 2)) == (2, 11, False)
        assert limited(company(2, {"id-old": row()}, T + DAY / 2)) == (3, 12, True)
        assert limited(company(2, {"id-old": row()}, T + DAY)) == (2, 11, False)

    @pytest.mark.parametrize("other", [{"approved": True}, {"kept": "undone"}, {"domain": "other.com"}])
    def test_not_who_was_approved_undone_or_is_elsewhere(self, other: dict[str, object]) -> None:
        rows = {"id-old": row(**other)}
        assert limited(company(2, rows, T + DAY / 2)) == (2, 11, False)

    def test_a_run_that_blocks_nobody_counts_nobody(self) -> None:
        assert limited(company(0, {"id-old": row()}, T + DAY / 2)) == (0, 9, False)

    def test_what_is_approved_calls_for_no_earlier_ones(self) -> None:
        plan = company(1, {"id-old": row()}, T + DAY / 2)
        assert limited(plan, frozenset({Deed("leave", "id-left0")})) == (1, 10, False)

    def test_over_the_invocations_of_a_run_nobody_counts_twice(self) -> None:
        first = company(2, {}, T)
        made = tuple(first.changes)
        later = company(0, {"id-left0": row(), "id-left1": row()}, T + DAY / 24)
        assert limited(later, trail=Trail(made, 11)) == (2, 11, False)

    def test_a_block_counts_as_a_deletion_and_not_as_a_block(self) -> None:
        others = checked(company(2, {}), DomainSettings(), None, Trail(), frozenset()).others
        assert others == ()
        assert {deed.kind for deed in Trail().with_planned(company(2, {}))} == {"leave"}

    def test_too_many_that_are_due_are_left_alone(self) -> None:
        rows = {f"id-old{n}": row() for n in range(3)}
        plan = company(1, rows, T + 31 * DAY)
        checks = checked(plan, DomainSettings(), None, Trail(), frozenset())
        assert checks.due
        assert (checks.due.amount, checks.due.of, checks.due.exceeded, checks.exceeded) == (
            3,
            13,
            True,
            False,
        )
        assert [part.code for part in checks.told] == ["warning.dueLeft"]
        assert checks.all_but_deletions == (checks.due,)

        left = leaving(plan, frozenset({Deed("due", "id-old1")}), ("due",))

        assert [c.object_id for c in left.of(Action.DELETE)] == ["id-old1"]
        assert [c.object_id for c in left.of(Action.BLOCK)] == ["id-left0"]
        assert "id-left0" in left.leavers

    def test_few_that_are_due_go_and_are_not_counted_again(self) -> None:
        checks = checked(
            company(0, {"id-old": row()}, T + 31 * DAY), DomainSettings(), None, Trail(), frozenset()
        )
        assert checks.due
        assert (checks.due.exceeded, checks.told, checks.deletions.deletions) == (False, (), 0)

    def test_who_is_not_approved_by_name_neither_goes_nor_begins(self) -> None:
        left = leaving(company(2, {}), frozenset({Deed("leave", "id-left0")}))
        assert [change.object_id for change in left.of(Action.BLOCK)] == ["id-left0"]
        assert left.leavers.keys() == {"id-left0"}


def test_a_digest_of_settings_tells_stages_and_stays_the_same_without() -> None:
    assert Leaving().facts == {"ask_unlinked": False}
    assert Leaving(BLOCK_30).facts["leavers"] == {"block": True, "delete_after_days": 30}
