"""Which part of Graph a 429 binds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.entra.workloads import Workload, throttled_workloads

READS, WRITES, MAILBOXES, ROLES = (
    Workload.DIRECTORY_READS,
    Workload.DIRECTORY_WRITES,
    Workload.MAILBOXES,
    Workload.ROLES,
)
ENDPOINTS = {
    ("GET", "/users/a?$select=id"): READS,
    ("GET", "https://graph.microsoft.com/v1.0/users?$skiptoken=x"): READS,
    ("GET", "/users/mailboxSettings@contoso.com?$select=id"): READS,
    ("PATCH", "/users/a"): WRITES,
    ("POST", "/directory/deletedItems/a/restore"): WRITES,
    ("DELETE", "/users/a"): WRITES,
    ("GET", "/users/a/mailboxSettings?$select=userPurpose"): MAILBOXES,
    ("GET", "/roleManagement/directory/roleAssignments?$expand=roleDefinition"): ROLES,
    ("GET", "https://graph.microsoft.com/v1.0/roleManagement/directory/roleAssignments?$skiptoken=x"): ROLES,
}
LIMITS = {"Read": {READS}, "Write": {WRITES}, "ReadWrite": {READS, WRITES}}


@pytest.mark.parametrize(("limit", "bound"), LIMITS.items())
@given(endpoint=st.sampled_from(list(ENDPOINTS)))
def test_graphs_own_word_decides(limit: str, bound: set[Workload], endpoint: tuple[str, str]) -> None:
    assert throttled_workloads(*endpoint, f"Tenant_Application/{limit}/app/tenant") == bound


@pytest.mark.parametrize(("endpoint", "bound"), ENDPOINTS.items())
@given(scope=st.text(max_size=20).filter(lambda scope: not {*scope.split("/")[1:2]} & LIMITS.keys()))
def test_without_one_that_makes_sense_the_endpoint_decides(
    endpoint: tuple[str, str], bound: Workload, scope: str
) -> None:
    assert throttled_workloads(*endpoint, scope) == {bound}
