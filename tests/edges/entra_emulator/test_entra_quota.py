"""The quotas: 3,000 writes at once and then 20 a second, and resource units by size of the tenant."""

import pytest

from local.entra.errors import GraphError
from local.entra.quota import Limit, Quota, resource_units, units_of

from .graph import batch_item, graph, person


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def refused(quota: Quota, *, units: int = 1, writes: int = 1) -> int | None:
    """The seconds of Retry-After, None when the call went through."""
    try:
        quota.charge(units=units, writes=writes)
    except GraphError as refusal:
        return int(refusal.headers["Retry-After"])
    return None


def test_3000_writes_go_at_once_and_then_20_a_second() -> None:
    clock = Clock()
    quota = Quota(units=None, clock=clock)
    assert [refused(quota) for _ in range(3_000)] == [None] * 3_000
    assert refused(quota) == 1
    clock.seconds += 1
    assert [refused(quota) for _ in range(21)] == [None] * 20 + [1]
    clock.seconds += 1_000
    assert [refused(quota) for _ in range(3_001)] == [None] * 3_000 + [1]


def test_the_quotas_time_can_run_faster_and_retry_after_is_in_the_clients() -> None:
    clock = Clock()
    quota = Quota(Limit(1, 200), None, clock_rate=10, clock=clock)
    assert [refused(quota), refused(quota)] == [None, 20]
    clock.seconds += 20
    assert refused(quota) is None


def test_a_refused_call_costs_nothing() -> None:
    quota = Quota(Limit(1, 10), Limit(5, 10), clock=Clock())
    assert [refused(quota), refused(quota), refused(quota)] == [None, 10, 10]
    assert refused(quota, units=4, writes=0) is None


@pytest.mark.parametrize(("users", "units"), [(49, 3_500), (50, 5_000), (500, 5_000), (501, 8_000)])
def test_resource_units_follow_the_size_of_the_tenant(users: int, units: int) -> None:
    assert resource_units(users) == Limit(units, 10)


COSTS = {"": 2, "$select=id": 1, "$top=5": 1, "$top=5&$select=id": 1, "$top=20": 2, "$expand=manager": 3}


@pytest.mark.parametrize(("query", "cost"), COSTS.items())
def test_a_call_never_costs_less_than_one_unit(query: str, cost: int) -> None:
    options = dict(part.split("=") for part in query.split("&") if part)
    assert units_of(2, options) == cost


async def test_a_throttled_call_says_how_long_to_wait() -> None:
    limits = {"resourceUnits": {"count": 2, "seconds": 60}}
    async with graph(limits=limits) as g:
        assert (await g.get("/users")).status_code == 200
        answer = await g.get("/users?$select=id")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")


async def test_the_items_of_a_batch_are_throttled_each_on_its_own() -> None:
    limits = {"writes": {"count": 2, "seconds": 60}, "resourceUnits": None}
    async with graph(users=[person(n) for n in "abcde"], limits=limits) as g:
        answers = await g.batch(*(batch_item(n, "DELETE", f"/users/{n}@contoso.com") for n in "abcde"))
        throttled = [answer for answer in answers.values() if answer["status"] == 429]
        assert len(throttled) == 3
        assert throttled[0]["headers"]["Retry-After"] == "30"
        assert len(g.entra.directory.deleted) == 2


async def test_quotas_can_be_switched_off() -> None:
    async with graph(limits=None) as g:
        assert g.entra.quota.writes is None
        assert g.entra.quota.units is None
