"""What must hold for every company, however its two sides differ.

HYPOTHESIS_PROFILE=thorough tries thousands of companies instead of hundreds.
"""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import SourceError
from shared.model.changes import SWITCHES, Action, AttributeChange, Change, Plan
from shared.model.parts import verbatim
from shared.model.people import SourceUser
from shared.model.results import QUESTION, Outcome, Result
from shared.model.runs import Mode
from shared.planning.limits import check_deletions, verdict
from shared.planning.renames import in_waves, in_workable_order
from shared.reports.audit_csv import COLUMNS, header, render
from shared.words import said
from tests.support.audit_cells import guarded
from tests.support.companies import PEOPLE, SOURCE, tenants
from tests.support.model_tenant import ModelTenant
from tests.support.people import DOMAIN, INITIAL_DOMAIN, entra_user, many, rename, source_user, values
from tests.support.surveys import planned, surveyed

# Examples say what is covered; these ask for what always holds, and are slow enough.
pytestmark = pytest.mark.untraced


def in_domain(users: list[SourceUser]) -> list[SourceUser]:
    return [user for user in users if user.upn.endswith(f"@{DOMAIN}")]


def by_person(changes: Iterable[tuple[str | None, Change]]) -> dict[str | None, list[Action]]:
    """What happens to each: one change, one that blocks or unblocks, and a row of what is left as it is, at most."""
    actions: dict[str | None, list[Action]] = defaultdict(list)
    for person, each in changes:
        actions[person].append(each.action)
    for of_one in actions.values():
        assert len([one for one in of_one if one not in (*SWITCHES, Action.SKIP)]) <= 1
        assert max(Counter("switch" if one in SWITCHES else one for one in of_one).values()) == 1
    return actions


def untouchable(tenant: ModelTenant) -> set[str]:
    """Whom something protects; of a deleted user the mailbox can't be looked at."""
    of_deleted = replace(tenant.protection, mailboxes=None)
    reasons = {
        **{key: tenant.protection.reason_not_to_touch(user) for key, user in tenant.users.items()},
        **{key: of_deleted.reason_not_to_touch(user) for key, user in tenant.deleted.items()},
    }
    return {object_id for object_id, reason in reasons.items() if reason}


class TestPlans:
    @given(st.lists(PEOPLE, max_size=3), tenants())
    def test_there_is_none_where_the_source_has_nobody_on_the_domain(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        elsewhere = [user for user in source if not user.upn.endswith(f"@{DOMAIN}")]

        with pytest.raises(SourceError, match=r"source\.nobodyOnDomain"):
            planned(tenant, elsewhere)

    @given(SOURCE, tenants())
    def test_entra_takes_every_write_of_a_plan_and_the_next_plan_has_nothing_to_do(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        tenant.apply(planned(tenant, source))

        assert list(planned(tenant, source).writes) == []

    @given(SOURCE, tenants())
    # The newcomer may be who is on the other domain, and their address is that of somebody who has lost theirs.
    @example(
        [
            source_user(f"a@{DOMAIN}", source_id="s2", values=values("Baker", "花子", "青木")),
            source_user(f"b@{DOMAIN}", source_id="s1"),
            source_user("", source_id="s0", immutable_id="K2"),
        ],
        ModelTenant(
            users={
                "o1": entra_user(f"a@{DOMAIN}", object_id="o1", immutable_id="K2"),
                "o2": entra_user("a@other.com", object_id="o2", values=values("Baker", "花子", "青木")),
            }
        ),
    )
    def test_a_plan_asks_for_every_address_that_it_depends_on(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        assert planned(tenant, source) == planned(replace(tenant, lists_addresses=True), source)

    @given(SOURCE, tenants())
    def test_no_plan_touches_a_protected_user(self, source: list[SourceUser], tenant: ModelTenant) -> None:
        protected, before = untouchable(tenant), {**tenant.users, **tenant.deleted}

        plan = planned(tenant, source)
        tenant.apply(plan)

        assert protected.isdisjoint(str(c.object_id) for c in plan.changes if c.action is not Action.SKIP)
        after = {**tenant.users, **tenant.deleted}
        assert all(after[object_id] == before[object_id] for object_id in protected)

    @given(SOURCE, tenants())
    def test_nobody_is_deleted_whom_the_source_has_under_any_name(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        upns = {user.upn.lower() for user in source}
        immutable_ids = {user.immutable_id for user in source if user.immutable_id}
        linked = {tenant.links.get(user.source_id) for user in source}

        deleted = [tenant.users[str(c.object_id)] for c in planned(tenant, source).of(Action.DELETE)]

        for user in deleted:
            assert user.upn.lower() not in upns
            assert user.immutable_id not in immutable_ids
            assert user.object_id not in linked

    @given(SOURCE, tenants())
    def test_everybody_in_the_source_has_one_change_or_is_unchanged(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        inside = {user.source_id for user in in_domain(source)}

        plan = planned(tenant, source)

        changes = by_person((c.source_id, c) for c in plan.changes if c.source_id in inside)
        assert len(changes) + plan.unchanged == len(inside) == plan.source

    @given(SOURCE, tenants())
    def test_everybody_in_entra_has_one_change_or_is_unchanged_or_is_named_in_an_ambiguity(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        here = {user.object_id for user in tenant.of_domain}

        plan = planned(tenant, source)

        codes = ("AmbiguousMatch", QUESTION)
        doubts = [c for c in plan.changes if c.source_id and c.obstacle and c.obstacle.code in codes]
        doubtful = {
            object_id for object_id in here if any(f"({object_id})" in said(c.reason) for c in doubts)
        }
        changes = by_person((c.object_id, c) for c in plan.changes if c not in doubts and c.object_id in here)
        assert len(changes) + len(doubtful - changes.keys()) + plan.unchanged == len(here)

    @given(SOURCE, tenants())
    def test_the_users_in_scope_are_those_of_the_domain_whom_nothing_protects(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        seen = surveyed(tenant, source)

        assert seen.plan.target == len(
            [user for user in tenant.of_domain if not seen.protection.reason_not_to_touch(user)]
        )

    @given(SOURCE, tenants())
    def test_a_sync_renames_updates_restores_adds_switches_and_deletes_in_this_order(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        made = (Action.RENAME, Action.UPDATE, Action.RESTORE, Action.ADD)
        order = [*made, *SWITCHES, Action.DELETE, Action.SKIP]

        actions = [change.action for change in planned(tenant, source).changes]

        assert actions == sorted(actions, key=order.index)

    @given(SOURCE, tenants())
    def test_whoever_is_renamed_or_updated_keeps_their_account(
        self, source: list[SourceUser], tenant: ModelTenant
    ) -> None:
        plan = planned(tenant, source)
        tenant.apply(plan)

        kept = {str(c.object_id): c for c in plan.of(Action.RENAME, Action.UPDATE, Action.RESTORE)}
        assert kept.keys() <= tenant.users.keys() | tenant.deleted.keys()
        assert all(
            tenant.users[object_id].upn == c.new_upn for object_id, c in kept.items() if c.obstacle is None
        )
        assert not any(user.upn.endswith(f"@{INITIAL_DOMAIN}") for user in tenant.users.values())


@st.composite
def renames(draw: st.DrawFn) -> list[Change]:
    """Chains, swaps and circles of any length, in any order."""
    holders = draw(st.lists(st.integers(0, 30).map("u{}".format), unique=True, min_size=1, max_size=12))
    free = [f"free{number}" for number in range(len(holders))]
    wanted = draw(st.permutations([*holders, *free]))
    return [rename(before, after) for before, after in zip(holders, wanted, strict=False) if before != after]


class TestRenames:
    @given(renames(), st.randoms(use_true_random=False))
    def test_renames_apply_wave_by_wave_without_ever_meeting_a_taken_upn(
        self, planned: list[Change], dice: Random
    ) -> None:
        names = {str(c.object_id): c.upn for c in planned}
        ordered = in_workable_order(planned, INITIAL_DOMAIN)

        for moves in (
            [(c, c.via) for c in ordered if c.via],
            *([(c, c.new_upn) for c in dice.sample(wave, len(wave))] for wave in in_waves(ordered)),
        ):
            for moving, upn in moves:
                assert upn not in names.values()
                names[str(moving.object_id)] = upn

        assert names == {str(c.object_id): c.new_upn for c in planned}

    @given(renames())
    def test_one_steps_aside_for_every_circle_and_nobody_else(self, planned: list[Change]) -> None:
        follow = {c.upn: c.new_upn for c in planned}
        circles = set()
        for start in follow:
            path = [start]
            while (following := follow.get(path[-1])) and following not in path:
                path.append(following)
            if following == start:
                circles.add(frozenset(path))

        ordered = in_workable_order(planned, INITIAL_DOMAIN)

        assert sum(1 for c in ordered if c.via) == len(circles)
        assert Counter(c.object_id for c in ordered) == Counter(c.object_id for c in planned)


MOST = 3_000
LEAVERS = many(Action.DELETE, MOST)


@st.composite
def near_the_limit(draw: st.DrawFn) -> tuple[int, int, int]:
    """Deletions, users in scope and a limit, mostly where the verdict changes."""
    users, limit = draw(st.integers(1, MOST)), draw(st.integers(0, 100))
    edge = users * limit // 100 + draw(st.integers(-2, 2))
    return max(0, min(users, edge)), users, limit


class TestMaxAllowedDeletions:
    @given(near_the_limit())
    def test_the_verdict_is_exact_and_the_percentage_shown_never_contradicts_it(
        self, case: tuple[int, int, int]
    ) -> None:
        deletions, users, limit = case
        plan = Plan(changes=LEAVERS[:deletions], source=users, target=users, unchanged=0)

        check = check_deletions(plan, limit)

        assert check.exceeded == (deletions > 0 and Decimal(deletions) / users >= Decimal(limit) / 100)
        shown = re.search(r"= ([0-9.]+)% ([≥<]) ([0-9]+)%$", said(verdict(check)))
        assert bool(shown) == (deletions > 0)
        if shown:
            assert (Decimal(shown[1]) >= int(shown[3])) == (shown[2] == "≥") == check.exceeded
            assert abs(Decimal(shown[1]) - Decimal(deletions) * 100 / users) <= Decimal("0.05")

    @given(st.integers(1, MOST), st.integers(0, MOST), st.integers(0, 99))
    def test_a_higher_limit_never_stops_what_a_lower_one_lets_through(
        self, users: int, deletions: int, limit: int
    ) -> None:
        plan = Plan(changes=LEAVERS[: min(users, deletions)], source=users, target=users, unchanged=0)

        assert check_deletions(plan, limit).exceeded >= check_deletions(plan, limit + 1).exceeded


NASTY = st.sampled_from(
    [
        "=1+1",
        "+81",
        "-x",
        "@x",
        "\t",
        "\r\n",
        "'",
        "'=x",
        '"',
        '",";',
        "a\nb",
        "\u202eabc",
        "\ufeff",
        "\0",
        "、",
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.lists(NASTY, max_size=3).map(
    "".join
)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    action = draw(st.sampled_from(Action))
    attributes = draw(
        st.lists(st.builds(AttributeChange, TEXT, TEXT | st.none() | st.booleans(), TEXT), max_size=2)
    )
    of_whom = Change(
        action=action,
        upn=draw(TEXT),
        display_name=draw(TEXT),
        object_id=draw(st.none() | TEXT),
        source_id=draw(st.none() | TEXT),
        attributes=tuple(attributes),
        reason=verbatim(draw(TEXT)),
    )
    return Outcome(
        change=of_whom,
        result=draw(st.sampled_from(Result)),
        note=verbatim(draw(TEXT)),
        error_code=draw(TEXT),
        error_message=verbatim(draw(TEXT)),
        request_id=draw(TEXT),
    )


def spelled(cell: str | bool | None) -> str:
    """A cell as the audit log documents it."""
    return guarded(str(cell).lower() if isinstance(cell, bool) else cell or "")


class TestAuditLog:
    @given(st.lists(outcomes(), max_size=4))
    def test_a_csv_reader_gives_back_every_cell(self, written: list[Outcome]) -> None:
        content = header() + render(written, "r1", DOMAIN, Mode.SYNC, datetime(2026, 3, 1, tzinfo=UTC))

        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))

        expected = []
        for outcome in written:
            c = outcome.change
            one_each = c.attributes if c.action not in (Action.DELETE, Action.SKIP) else ()
            itself = () if one_each and c.action is not Action.RESTORE else (AttributeChange("", None, None),)
            for a in (*itself, *one_each):
                reason = " ".join(said(parts) for parts in (c.reason, outcome.note) if parts)
                cells = (
                    "r1", "2026-03-01T00:00:00.000Z", DOMAIN, "sync", c.action.value, outcome.result.value,
                    c.upn, c.display_name, c.object_id, c.source_id, a.attribute, a.before, a.after,
                    reason, outcome.error_code, said(outcome.error_message), outcome.request_id,
                )  # fmt: skip
                expected.append([spelled(cell) for cell in cells])
        assert rows == [list(COLUMNS), *expected]
