"""Who is on hold is not touched, or at least not deleted, by whatever run; and people are reminded before it ends."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change
from shared.model.holds import REMINDED_BEFORE, Hold, Scope, ending_soon
from shared.model.people import SourceUser
from shared.model.questions import Decisions
from shared.planning.protection import Protection
from shared.words import said
from tests.pure.test_person import traced
from tests.pure.test_undo import undo
from tests.pure.test_who_is_who import ACCOUNT, TARO, asked, row, tenant
from tests.pure.test_who_is_who import plan as planned_for
from tests.support.companies import OBJECT_IDS, SOURCE, tenants
from tests.support.model_tenant import ModelTenant
from tests.support.people import add, change, entra_user, hold, only, source_user
from tests.support.surveys import planned, planned_undo

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SCOPES: tuple[Scope, ...] = ("all", "delete")
HOLDS = st.dictionaries(st.sampled_from(OBJECT_IDS), st.sampled_from(SCOPES)).map(
    lambda scopes: {object_id: hold(object_id, scope) for object_id, scope in scopes.items()}
)


def untouched(holds: Mapping[str, Hold]) -> set[str | None]:
    return {object_id for object_id, one in holds.items() if one.scope == "all"}


class TestRuns:
    @given(SOURCE, tenants(), HOLDS)
    def test_nobody_on_hold_is_written_to_or_at_least_deleted(
        self, source: list[SourceUser], tenant: ModelTenant, holds: Mapping[str, Hold]
    ) -> None:
        tenant.decisions = Decisions(holds=holds)

        plan = planned(tenant, source)

        assert untouched(holds).isdisjoint(change.object_id for change in plan.writes)
        assert holds.keys().isdisjoint(str(change.object_id) for change in plan.of(Action.DELETE))

    @given(SOURCE, tenants(), HOLDS, st.booleans())
    def test_an_undo_leaves_those_on_hold_as_they_are(
        self, source: list[SourceUser], tenant: ModelTenant, holds: Mapping[str, Hold], disable_added: bool
    ) -> None:
        plan = planned(tenant, source)
        tenant.apply(plan)
        tenant.decisions = Decisions(holds=holds)

        undone = planned_undo(tenant, plan, disable_added=disable_added)

        assert untouched(holds).isdisjoint(change.object_id for change in undone.writes)

    @pytest.mark.parametrize("scope", SCOPES)
    def test_somebody_who_may_be_the_person_on_hold_is_not_added_beside_them(self, scope: Scope) -> None:
        here = tenant(ACCOUNT, decisions=Decisions(holds={ACCOUNT.object_id: hold(ACCOUNT.object_id, scope)}))
        same_name = source_user("tarou@contoso.com", values=TARO)

        plan = planned_for(here, same_name)

        assert [one[1:] for one in asked(plan)] == [("tarou", ACCOUNT.object_id)]
        assert "On hold until 2026-12-05 14:00 UTC" in said(row(plan, ACCOUNT.object_id).reason)

    def test_updates_of_somebody_who_is_only_not_deleted_go_on(self) -> None:
        here = tenant(
            ACCOUNT, decisions=Decisions(holds={ACCOUNT.object_id: hold(ACCOUNT.object_id, "delete")})
        )

        assert (
            row(planned_for(here, source_user("taro@contoso.com")), ACCOUNT.object_id).action is Action.UPDATE
        )


class TestUndo:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_does_not_disable_whom_a_sync_added(self, scope: Scope) -> None:
        kept = Protection(holds={"id-aoki": hold("id-aoki", scope)})

        plan = undo(add("aoki@contoso.com"), users=[entra_user()], protection=kept, disable_added=True)

        assert (only(plan).action, "On hold" in said(only(plan).reason)) == (Action.SKIP, True)

    def test_gives_back_the_values_of_somebody_restored_but_does_not_disable_them(self) -> None:
        kept = Protection(holds={"id-aoki": hold("id-aoki", "delete")})
        restored = change(Action.RESTORE, attributes=[AttributeChange("surname", "旧姓", "青木")])

        plan = undo(restored, users=[entra_user()], protection=kept, disable_added=True)

        assert [one.attribute for one in only(plan).attributes] == ["surname"]

    def test_does_not_restore(self) -> None:
        gone: Change = change(Action.DELETE)

        plan = undo(gone, deleted=[entra_user()], protection=Protection(holds={"id-aoki": hold("id-aoki")}))

        assert only(plan).action is Action.SKIP


@pytest.mark.parametrize("scope", SCOPES)
def test_a_person_shows_the_hold(scope: Scope) -> None:
    held = hold("id-aoki", scope)

    found = traced("id-aoki", target=[entra_user()], protection=Protection(holds={"id-aoki": held}))

    assert (found.hold, "On hold until" in (found.protection or "")) == (held, True)
    assert "A sync skips this user. On hold until 2026-12-05 14:00 UTC" in found.verdict


def test_the_reminder_comes_three_days_before_and_not_after_the_end() -> None:
    ends = [
        NOW,
        NOW + timedelta(seconds=1),
        NOW + REMINDED_BEFORE,
        NOW + REMINDED_BEFORE + timedelta(seconds=1),
    ]
    holds = [hold(f"o{number}", until=until) for number, until in enumerate(ends)]

    assert [one.object_id for one in ending_soon(holds[::-1], NOW)] == ["o1", "o2"]
