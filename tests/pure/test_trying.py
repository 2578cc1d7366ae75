"""What if: the settings with what is tried, and for whom the plan is another one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.model.changes import Action, AttributeChange, Change, Plan
from shared.model.domains import DomainSettings
from shared.model.parts import say
from shared.planning.tenant_settings import TenantSettings
from shared.planning.trying import differing, trying
from tests.support.people import add, change

SETTINGS = {"usageLocation": "JP", "unlinked": "ask", "protectedUsers": ["ceo@contoso.com"], "maxAdds": None}


def test_each_kind_of_settings_takes_its_own_and_null_returns_to_the_app_setting() -> None:
    tenant = trying(TenantSettings(usage_location="US", foreign_domains=("a.test",)), SETTINGS)
    domain = trying(DomainSettings(periodic_sync=True), SETTINGS)
    back = trying(TenantSettings(usage_location="US"), {"usageLocation": None})

    assert tenant == TenantSettings(
        usage_location="JP", foreign_domains=("a.test",), protected_users=("ceo@contoso.com",)
    )
    assert (domain.periodic_sync, domain.unlinked, domain.max_adds) == (True, "ask", None)
    assert back == TenantSettings()


def test_a_bad_value_is_refused() -> None:
    with pytest.raises(ValidationError):
        trying(TenantSettings(), {"usageLocation": "JPN"})


def plan(*changes: Change) -> Plan:
    return Plan(changes=changes, source=1, target=1, unchanged=0, links={})


NAMES = st.sampled_from(["aoki@contoso.com", "baba@contoso.com"])
CHANGES = st.builds(change, st.sampled_from([Action.UPDATE, Action.DELETE, Action.SKIP]), NAMES) | st.builds(
    add, NAMES
)
PLANS = st.lists(CHANGES, max_size=3, unique_by=lambda one: (one.upn, one.object_id)).map(
    lambda some: plan(*some)
)


@given(PLANS, PLANS)
def test_a_difference_is_told_from_both_sides(today: Plan, tried: Plan) -> None:
    there, back = differing(today, tried), differing(tried, today)

    assert sorted((one.user_principal_name, str(one.today), str(one.tried)) for one in there) == sorted(
        (one.user_principal_name, str(one.tried), str(one.today)) for one in back
    )
    assert differing(today, today) == []
    assert all(one.today != one.tried for one in there)


def test_another_value_is_a_difference_and_another_reason_to_leave_somebody_is_none() -> None:
    one = change(attributes=[AttributeChange("surname", "a", "b")])
    skip = change(Action.SKIP)

    (told,) = differing(plan(one), plan(change(attributes=[AttributeChange("surname", "a", "c")])))

    assert (told.today, told.tried) == (Action.UPDATE, Action.UPDATE)
    assert differing(plan(skip), plan(replace(skip, reason=say("scope.account")))) == []
