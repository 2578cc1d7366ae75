"""What must hold for every company when a sync is checked, taken back, and done again, year in, year out.

HYPOTHESIS_PROFILE=thorough tries thousands of companies instead of hundreds.
"""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.model.changes import SWITCHES, Action, Plan
from shared.model.domains import DomainSettings, Limit
from shared.model.people import EntraUser, SignIn, SourceUser
from shared.planning.deeds import Deed
from shared.planning.limits import BEGINNING, Basis, Checks, check_deletions, check_limits
from shared.planning.protection import MAILBOX_PERMISSION
from shared.planning.surveyed import planned_again
from tests.support.companies import IMMUTABLE_IDS, OBJECT_IDS, SOURCE, UPNS, tenants
from tests.support.model_tenant import SIDE_LOOKS, ModelTenant
from tests.support.people import DOMAIN, MAP, change, entra_user, many, source_user, values
from tests.support.surveys import planned, planned_undo, surveyed

# The thorough profile takes minutes for each.
pytestmark = [pytest.mark.timeout(900), pytest.mark.untraced]

# What the company itself has done since, not somebody in between: only these may keep a value from going back.
FORESEEN = {"AddressTaken", "ImmutableIdTaken", "ImmutableIdMissing"}


def everybody(tenant: ModelTenant) -> dict[str, EntraUser]:
    return {**tenant.users, **tenant.deleted}


def protected(tenant: ModelTenant) -> set[str]:
    return {user.object_id for user in tenant.users.values() if tenant.protection.reason_not_to_touch(user)}


def doomed(plan: Plan) -> set[str]:
    return {str(change.object_id) for change in plan.of(Action.DELETE)}


class TestTwoReads:
    @given(SOURCE, tenants())
    def test_the_second_read_of_an_unchanged_source_confirms_every_deletion(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        seen = surveyed(tenant, source)

        assert doomed(planned_again(seen, source, ())) >= doomed(seen.plan)

    @given(SOURCE, SOURCE, tenants())
    def test_nobody_is_deleted_whom_either_read_has_under_any_name(
        self, first: list[SourceUser], second: list[SourceUser], tenant: ModelTenant
    ) -> None:
        seen = surveyed(tenant, first)

        both = doomed(seen.plan) & doomed(planned_again(seen, second, ()))

        deleted = [tenant.users[object_id] for object_id in both]
        for user in (*first, *second):
            # The UPN of whom earlier syncs knew with another account may be that of somebody who left.
            known = tenant.users.get(tenant.links.get(user.source_id, ""))
            assert known or user.upn.lower() not in {gone.upn.lower() for gone in deleted}
            assert user.immutable_id not in {gone.immutable_id for gone in deleted if gone.immutable_id}
            assert tenant.links.get(user.source_id) not in {gone.object_id for gone in deleted}


def unforeseen(tenant: ModelTenant) -> set[str]:
    """Whom an undo leaves as they are, since some look at them is impossible."""
    looked_at, missing = tenant.protection.mailboxes, tenant.protection.missing_permissions
    if missing and tenant.protection.require_deletion_checks:
        return set(tenant.users)
    if looked_at is None or MAILBOX_PERMISSION in missing:
        return set()
    return {object_id for object_id in tenant.users if object_id not in looked_at}


def wanted(plan: Plan, *actions: Action) -> set[tuple[Action, str | None, str | None, str]]:
    """Everything that the plan is to do, also where it foresees that Entra would refuse it."""
    changes = (c for c in plan.changes if c.action is not Action.SKIP and c.action not in actions)
    return {(c.action, c.object_id, c.source_id, c.new_upn) for c in changes}


class TestUnknowns:
    @given(
        SOURCE,
        tenants(),
        st.frozensets(st.sampled_from(SIDE_LOOKS)),
        st.frozensets(st.sampled_from(OBJECT_IDS)),
        st.frozensets(st.sampled_from(OBJECT_IDS)),
    )
    @example(
        [source_user(f"c@{DOMAIN}", immutable_id="K1")],
        ModelTenant(
            users={
                "o1": entra_user(f"c@{DOMAIN}", object_id="o1", values=values("Baker", None, None)),
                "o2": entra_user("a@other.com", object_id="o2", immutable_id="K1"),
            }
        ),
        frozenset({"find_users"}),
        frozenset[str](),
        frozenset[str](),
    )
    def test_an_unknown_is_never_a_permission(
        self,
        source: list[SourceUser],
        tenant: ModelTenant,
        unread: frozenset[str],
        unseen: frozenset[str],
        nameless: frozenset[str],
    ) -> None:
        mailboxes = dict.fromkeys(OBJECT_IDS, "user") | dict(tenant.protection.mailboxes or {})
        tenant.protection = replace(tenant.protection, mailboxes=mailboxes)
        # Graph itself guards role holders in what goes on without knowing them.
        by_graph = (Action.UPDATE, Action.RESTORE) if "read_roles" in unread else ()
        knowing = wanted(planned(tenant, source), *by_graph)
        told_apart = {
            user.source_id
            for user in source
            if MAP.display_name(user)
            not in {"", *(gone.display_name for key, gone in tenant.deleted.items() if key in nameless)}
        }

        seen = {key: purpose for key, purpose in mailboxes.items() if key not in unseen}
        tenant.protection = replace(tenant.protection, mailboxes=seen)
        tenant.unread, tenant.nameless = unread, nameless
        plan = planned(tenant, source)

        more = wanted(plan, *by_graph) - knowing
        assert {
            source_id for action, _, source_id, _ in more if action in (Action.ADD, Action.RESTORE)
        } <= told_apart
        assert not [one for one in more if one[0] not in (Action.ADD, Action.RESTORE)]
        if "read_roles" in unread:
            assert not list(plan.of(*SWITCHES))


class TestUndo:
    @given(SOURCE, tenants())
    def test_restores_the_state_before_the_sync_but_for_conflicts_and_newcomers(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        before, plan = dict(tenant.users), planned(tenant, source)
        tenant.apply(plan)

        # A name that the sync gave may be one of PROTECTED_USERS.
        kept, undo = protected(tenant) | unforeseen(tenant), planned_undo(tenant, plan)
        tenant.apply(undo)

        conflicts = {str(c.object_id): c.obstacle.code for c in undo.changes if c.obstacle}
        assert set(conflicts.values()) <= FORESEEN
        back = {key: user for key, user in before.items() if key not in {*conflicts, *kept}}
        # Exchange keeps as an alias what was a UPN for a while.
        shown = {key: replace(tenant.users[key], aliases=user.aliases) for key, user in back.items()}
        assert shown == back
        restored = {str(c.object_id) for c in plan.of(Action.RESTORE)}
        assert tenant.users.keys() - before.keys() <= restored | {*tenant.created.values()}

    @given(SOURCE, tenants())
    def test_a_second_time_finds_nothing_left(self, source: list[SourceUser], tenant: ModelTenant) -> None:
        plan = planned(tenant, source)
        tenant.apply(plan)
        first = planned_undo(tenant, plan)
        assume(not any(c.obstacle for c in first.changes))
        tenant.apply(first)

        assert list(planned_undo(tenant, plan).writes) == []

    @given(SOURCE, tenants())
    def test_disables_whom_the_sync_added_and_deletes_nobody(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        plan = planned(tenant, source)
        tenant.apply(plan)
        there, kept = set(tenant.users), protected(tenant) | unforeseen(tenant)

        undo = planned_undo(tenant, plan, disable_added=True)
        tenant.apply(undo)

        assert not list(undo.of(Action.DELETE, Action.ADD))
        assert there <= tenant.users.keys()
        assert not any(tenant.users[key].enabled for key in {*tenant.created.values()} - kept)

    @given(SOURCE, tenants(), st.sets(st.sampled_from([f"o{number}" for number in range(7)])))
    def test_touches_nobody_who_is_protected_by_now(
        self, source: list[SourceUser], tenant: ModelTenant, promoted: set[str]
    ) -> None:
        plan = planned(tenant, source)
        tenant.apply(plan)
        tenant.protection = replace(tenant.protection, roles=dict.fromkeys(promoted, "User Administrator"))

        undo = planned_undo(tenant, plan)

        assert protected(tenant).isdisjoint(str(c.object_id) for c in undo.writes)


class TestLimits:
    @given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 100))
    def test_a_percentage_is_reached_from_exactly_its_share_on(
        self, amount: int, users: int, percent: int
    ) -> None:
        plan = Plan(changes=many(Action.UPDATE, amount), source=users, target=users, unchanged=0)

        check = check_limits(plan, DomainSettings(max_updates=Limit(percent=percent)))[0]

        share = Decimal(amount) / users if users else Decimal(amount > 0)
        assert check.exceeded == (amount > 0 and share >= Decimal(percent) / 100)

    @given(st.integers(0, 50), st.integers(0, 50))
    def test_a_count_may_be_used_up_but_not_passed(self, amount: int, count: int) -> None:
        plan = Plan(changes=many(Action.RENAME, amount), source=50, target=50, unchanged=0)

        check = check_limits(plan, DomainSettings(max_renames=Limit(count=count)))[0]

        assert check.exceeded == (amount > count)

    @given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 100))
    def test_a_source_may_shrink_by_its_share_but_by_nobody_more(
        self, before: int, now: int, percent: int
    ) -> None:
        plan = Plan(changes=(), source=now, target=before, unchanged=now)

        check = check_limits(plan, DomainSettings(max_source_shrink=percent), Basis(source_before=before))[-1]

        share = Decimal(max(0, before - now)) / before if before else Decimal(0)
        assert check.exceeded == (share > Decimal(percent) / 100)

    @given(st.integers(0, 60), st.sets(st.integers(0, 59)), st.integers(0, 100))
    def test_an_approval_leaves_just_the_others_to_max_allowed_deletions(
        self, deletions: int, approved: set[int], percent: int
    ) -> None:
        leavers = [change(Action.DELETE, f"u{number}@{DOMAIN}") for number in range(deletions)]
        others = [leaver for number, leaver in enumerate(leavers) if number not in approved]
        whole, rest = (
            Plan(changes=tuple(changes), source=60, target=60, unchanged=0) for changes in (leavers, others)
        )

        released = check_deletions(
            whole, percent, frozenset(Deed("delete", f"id-u{number}") for number in approved)
        )

        gone = sum(1 for number in approved if number < deletions)
        counted = check_deletions(rest, percent)
        assert released == counted.model_copy(update={"deletions": deletions, "approved": gone})
        assert counted.deletions == deletions - gone

    @given(SOURCE, tenants(), st.data())
    def test_an_approval_releases_what_it_lists_of_whichever_limit_and_nothing_else(
        self, source: list[SourceUser], tenant: ModelTenant, data: st.DataObject
    ) -> None:
        tenant.sign_in = SignIn.FOLLOW
        plan = planned(tenant, source)
        nobody = Limit(count=0)
        limits = ("max_adds", "max_updates", "max_renames", "max_cleared", "max_blocks")
        settings = DomainSettings.model_validate(dict.fromkeys(limits, nobody))
        listed = frozenset(BEGINNING.with_planned(plan))

        def exceeded(approved: frozenset[Deed]) -> set[str]:
            found = Checks(
                check_deletions(plan, 0, approved), check_limits(plan, settings, approved=approved)
            )
            return set(found.kinds)

        assert exceeded(listed) == set()
        if not listed:
            return
        missing = data.draw(st.sampled_from(sorted(listed)))
        others = {missing._replace(what="another"), missing._replace(who="another")} - listed
        kind = {"join": "rename", "restore": "add"}.get(missing.kind, missing.kind)
        assert kind in exceeded(listed - {missing} | others)


class CompanyLife(RuleBasedStateMachine):
    """People come, leave, are renamed and moved; administrators meddle; a sync follows, or is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.source: dict[str, SourceUser] = {}
        self.tenant = ModelTenant({})
        self.last: Plan | None = None

    people = st.sampled_from([f"s{number}" for number in range(5)])

    @initialize(federated=st.booleans())
    def is_federated_or_not(self, federated: bool) -> None:
        self.tenant.federated = federated

    @rule(who=people, upn=UPNS, key=st.none() | IMMUTABLE_IDS, name=st.sampled_from(["青木", "Baker"]))
    def comes_or_is_edited(self, who: str, upn: str, key: str | None, name: str) -> None:
        self.source[who] = source_user(upn, source_id=who, immutable_id=key, values=values(name))

    @rule(who=people)
    def leaves(self, who: str) -> None:
        self.source.pop(who, None)

    @rule(upn=UPNS, number=st.integers(0, 3))
    def is_created_by_hand(self, upn: str, number: int) -> None:
        if not self.tenant.has(upn):
            account = entra_user(upn, object_id=f"hand{number}")
            if account.object_id not in everybody(self.tenant):
                self.tenant.users[account.object_id] = account

    @precondition(lambda self: self.tenant.users)
    @rule(data=st.data())
    def is_deleted_by_hand(self, data: st.DataObject) -> None:
        account = data.draw(st.sampled_from(sorted(self.tenant.users)))
        self.tenant.deleted[account] = self.tenant.users.pop(account)

    @precondition(lambda self: self.tenant.users)
    @rule(data=st.data(), purpose=st.sampled_from(["shared", "room", "user"]))
    def becomes_a_mailbox_of_many(self, data: st.DataObject, purpose: str) -> None:
        account = data.draw(st.sampled_from(sorted(self.tenant.users)))
        mailboxes = {**(self.tenant.protection.mailboxes or {}), account: purpose}
        self.tenant.protection = replace(self.tenant.protection, mailboxes=mailboxes)

    @precondition(lambda self: any(user.upn.endswith(f"@{DOMAIN}") for user in self.source.values()))
    @rule()
    def sync(self) -> None:
        source, tenant = list(self.source.values()), self.tenant
        looked_at = dict.fromkeys(everybody(tenant), "user") | dict(tenant.protection.mailboxes or {})
        tenant.protection = replace(tenant.protection, mailboxes=looked_at)
        before, accounts = everybody(tenant), dict(tenant.links)
        kept, was_there = protected(tenant), set(tenant.users)

        self.last = planned(tenant, source)
        tenant.apply(self.last)

        gone = was_there - tenant.users.keys()
        assert not gone & {accounts.get(user.source_id) for user in source}, "whom the source has was deleted"
        assert not gone & {str(c.object_id) for c in self.last.of(Action.RENAME)}, "a rename deleted"
        assert all(everybody(tenant)[account] == before[account] for account in kept)
        # A leaver may have had what somebody gets only now.
        again = planned(tenant, source)
        tenant.apply(again)
        assert list(planned(tenant, source).writes) == []
        if list(again.writes):
            self.last = None

    @precondition(lambda self: self.last is not None)
    @rule()
    def undo(self) -> None:
        assert self.last is not None
        self.tenant.apply(planned_undo(self.tenant, self.last))
        self.last = None

    @invariant()
    def no_account_is_ever_lost(self) -> None:
        accounts = [user.object_id for user in everybody(self.tenant).values()]
        assert len(accounts) == len(self.tenant.users) + len(self.tenant.deleted)

    @invariant()
    def nobody_stays_at_a_temporary_upn(self) -> None:
        assert not [user.upn for user in self.tenant.users.values() if user.upn.startswith("sync-")]


TestCompanyLife = CompanyLife.TestCase
TestCompanyLife.settings = settings(max_examples=min(1_000, settings().max_examples), stateful_step_count=25)
