"""Which settings let a sync do more than before."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.domains import DomainSettings, Limit
from shared.model.leavers import LeaverTerms
from shared.model.people import SignIn
from shared.planning.loosening import loosened
from shared.planning.scope import EVERYBODY
from shared.planning.tenant_settings import TenantSettings

LIMITS = ("max_adds", "max_updates", "max_renames", "max_cleared", "max_blocks")
SHARES = st.none() | st.integers(0, 100)
A_LIMIT = (
    st.none()
    | st.builds(Limit, count=st.integers(0, 50), percent=st.none() | st.integers(0, 100))
    | st.builds(Limit, percent=st.integers(0, 100))
)


def allowed(limit: Limit | None, people: int, of: int) -> bool:
    """As the limits decide: either of the two is enough."""
    if limit is None:
        return True
    by_count = limit.count is not None and people <= limit.count
    return by_count or (limit.percent is not None and people * 100 < limit.percent * of)


def terms(block: bool, days: int | None) -> LeaverTerms:
    return LeaverTerms(block=block, delete_after_days=days)


@given(A_LIMIT, A_LIMIT, st.integers(0, 60), st.integers(1, 200))
def test_a_limit_that_lets_more_people_through_is_looser(
    before: Limit | None, after: Limit | None, people: int, of: int
) -> None:
    if allowed(after, people, of) and not allowed(before, people, of):
        for name in LIMITS:
            assert loosened({name: before}, {name: after}) == (name,)


@given(SHARES, SHARES, st.integers(0, 100))
def test_so_is_a_share(before: int | None, after: int | None, lost: int) -> None:
    if (after is None or lost <= after) and not (before is None or lost <= before):
        assert loosened({"max_source_shrink": before}, {"max_source_shrink": after})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"max_allowed_deletions": 20}, {"max_allowed_deletions": 21}),
        ({"unlinked": "ask"}, {"unlinked": "delete"}),
        ({"leavers": terms(True, 30)}, {"leavers": terms(False, 30)}),
        ({"leavers": terms(True, 30)}, {"leavers": terms(True, 29)}),
        ({"leavers": terms(True, None)}, {"leavers": terms(True, 30)}),
        ({"protected_users": ("a@contoso.com", "b@contoso.com")}, {"protected_users": ("a@contoso.com",)}),
        ({"foreign_domains": ()}, {"foreign_domains": ("contoso.org",)}),
        ({"attribute_map": {}}, {"attribute_map": {"surname": None}}),
        ({"sign_in": SignIn.LEAVE}, {"sign_in": SignIn.FOLLOW}),
        ({"upn_from": None}, {"upn_from": "email"}),
        ({"scope": EVERYBODY}, {"scope": None}),
        # What could not be read may have been anything.
        ({}, {"max_allowed_deletions": 0}),
    ],
)
def test_what_lets_a_sync_do_more_is_looser(
    before: Mapping[str, object], after: Mapping[str, object]
) -> None:
    assert loosened(before, after) == tuple(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"max_allowed_deletions": 20}, {"max_allowed_deletions": 19}),
        ({"max_adds": None}, {"max_adds": Limit(count=3)}),
        ({"max_source_shrink": None}, {"max_source_shrink": 5}),
        ({"unlinked": "delete"}, {"unlinked": "ask"}),
        ({"protected_users": ()}, {"protected_users": ("a@contoso.com",)}),
        ({"foreign_domains": ("contoso.org",)}, {"foreign_domains": ()}),
        ({"attribute_map": {}}, {"attribute_map": {}}),
        ({"periodic_sync": False}, {"periodic_sync": True}),
        ({"paused_until": None}, {"paused_until": "2027-01-01T00:00:00Z"}),
        ({"usage_location": None}, {"usage_location": "JP"}),
    ],
)
def test_what_holds_a_sync_back_is_not(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    assert loosened(before, after) == ()


def test_every_setting_was_thought_about() -> None:
    """A new setting belongs here: does changing it let a sync do more to people?"""
    never = {"periodic_sync", "paused_until", "pause_reason", "usage_location", "notifications"}
    known = {
        name
        for name in (*DomainSettings.model_fields, *TenantSettings.model_fields)
        if loosened({}, {name: 1})
    }

    assert known | never == {*DomainSettings.model_fields, *TenantSettings.model_fields}
