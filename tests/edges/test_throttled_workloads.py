"""A `Retry-After` binds the workload that sent it, and a mailbox itself alone.

Time passes only in waits.
"""

import pytest

from local.entra import Fault
from shared.entra.batch import Request
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.write_quota import WriteQuota
from shared.planning.protection import Protection
from tests.support.graph_client import Connected, connected
from tests.support.people import MAP, entra_user

TWO_HOURS = 7_200
SEVERAL = [entra_user(f"u{number}@contoso.com") for number in range(45)]
IDS = [user.object_id for user in SEVERAL]


def throttled(path: str, retry_after: int = TWO_HOURS, **more: object) -> Fault:
    return Fault.model_validate(
        {"kind": "status", "status": 429, "retryAfter": retry_after, "path": path, **more}
    )


async def write(graph: Graph) -> int:
    request = Request(method="PATCH", path="/users/id-u1", body={"surname": "鈴木"}, subject=None)
    ((status,),) = [[answer.status for _, answer in some] async for some in graph.send([request])]
    return status


async def waited(tenant: Connected, quota: WriteQuota, *, writes: bool) -> float:
    """Seconds that another run of the process waits before it may write, or read."""
    before, graph = tenant.clock.elapsed, tenant.graph(quota)
    if writes:
        assert await write(graph) == 204
    else:
        assert (await graph.get("/users/id-u1?$select=id")).status == 200
    return tenant.clock.elapsed - before


async def test_one_mailbox_of_two_hours_is_not_looked_at_and_stops_nothing() -> None:
    async with connected(*SEVERAL) as tenant:
        quota = WriteQuota(clock=tenant.clock)
        tenant.entra.faults.add(throttled("/users/id-u7/mailboxSettings"))
        mailboxes = await Directory(tenant.graph(quota), MAP).look_up_mailboxes(IDS)

        assert mailboxes.purposes == {one: "user" for one in IDS if one != "id-u7"}
        assert tenant.clock.elapsed == 0
        assert await waited(tenant, quota, writes=True) == await waited(tenant, quota, writes=False) == 0

    protection = Protection().with_mailboxes(mailboxes)
    left_alone = [user.object_id for user in SEVERAL if protection.reason_not_to_delete(user)]
    assert left_alone == ["id-u7"]


@pytest.mark.parametrize(
    ("fault", "seconds", "tries"),
    [
        (throttled("/users/id-u7/mailboxSettings", 25), 50, 3),
        (throttled("/users/id-u7/mailboxSettings", 60), 60, 2),
        (throttled("/users/id-u7/mailboxSettings", 25, status=503), 50, 3),
        (throttled("/users/id-u7/mailboxSettings", 25, scope="Read"), 50, 3),
    ],
    ids=["thrice", "once", "overloaded", "by the directory"],
)
async def test_a_mailbox_is_waited_for_a_minute_in_all(fault: Fault, seconds: float, tries: int) -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(fault)
        mailboxes = await tenant.directory.look_up_mailboxes(IDS)

    assert set(IDS) - set(mailboxes.purposes) == {"id-u7"}
    assert (tenant.clock.elapsed, fault.struck) == (seconds, tries)


async def test_a_mailbox_that_answers_in_time_is_looked_at_after_all_others() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(throttled("/users/id-u7/mailboxSettings", 30, count=1))
        mailboxes = await tenant.directory.look_up_mailboxes(IDS)

    assert mailboxes.purposes == dict.fromkeys(IDS, "user")
    assert tenant.clock.elapsed == 30
    assert [call.url for call in tenant.entra.requests.calls if call.inner][-1].startswith("/users/id-u7/")


@pytest.mark.parametrize(
    ("fault", "of_writes", "of_reads"),
    [
        (throttled("/users/id-u1", method="PATCH", count=1), True, False),
        (throttled("/users/id-u1", method="PATCH", count=1, scope="Write"), True, False),
        (throttled("/users/id-u1", method="PATCH", count=1, scope="ReadWrite"), True, True),
        (throttled("/users/id-u1", method="PATCH", count=1, scope="Read"), False, True),
        (throttled("/$batch", count=1, scope="ReadWrite"), True, True),
        (throttled("/$batch", count=1), True, False),
    ],
    ids=["endpoint", "writes", "both", "reads", "whole batch, both", "whole batch"],
)
async def test_a_throttled_write_binds_every_run_as_graph_says(
    fault: Fault, of_writes: bool, of_reads: bool
) -> None:
    async with connected(*SEVERAL) as tenant:
        quota = WriteQuota(clock=tenant.clock)
        tenant.entra.faults.add(fault)
        tenant.stop.before_request = 2
        with pytest.raises(Exception, match="Stopped"):
            await write(tenant.graph(quota))
        tenant.stop.before_request = None

        reading = await waited(tenant, quota, writes=False)
        writing = await waited(tenant, quota, writes=True)

    assert reading == pytest.approx(TWO_HOURS * of_reads, abs=3)
    assert reading + writing == pytest.approx(TWO_HOURS * (of_reads or of_writes), abs=3)


@pytest.mark.parametrize(
    "url", ["/roleManagement/directory/roleAssignments?$expand=roleDefinition", "/users/id-u2?$select=id"]
)
async def test_a_throttled_read_is_waited_for_and_leaves_writes_alone(url: str) -> None:
    async with connected(*SEVERAL) as tenant:
        quota = WriteQuota(clock=tenant.clock)
        tenant.entra.faults.add(throttled(url.partition("?")[0], count=1))
        during: list[float] = []
        tenant.stop.on_sleep = lambda: during.append(quota.wait_for(20))

        answer = await tenant.graph(quota).get(url)

        assert (answer.status, tenant.stop.slept, during) == (200, [TWO_HOURS], [0])
        assert await waited(tenant, quota, writes=True) == 0


async def test_requests_of_low_priority_say_so_each_for_itself() -> None:
    async with connected(*SEVERAL) as tenant:
        quota = WriteQuota(clock=tenant.clock)
        low = Graph(tenant.client, quota, tenant.stop, in_flight=1, low_priority=True)
        for graph in (low, tenant.graph(quota)):
            await write(graph)
            await graph.get("/users/id-u1?$select=id")

    said = [(call.method, call.priority) for call in tenant.entra.requests.calls if call.path != "/$batch"]
    assert said == [("PATCH", "low"), ("GET", "low"), ("PATCH", "normal"), ("GET", "normal")]
