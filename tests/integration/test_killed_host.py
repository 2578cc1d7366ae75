"""SIGKILL in the middle of a sync: the next host goes on, and ends as if nothing had happened.

Each moment has a host, a tenant and a storage account of its own, and all of them die at the same time: a dead
run's lease takes up to a minute to run out, which one wait serves for all.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from local.entra import FaultPlan
from local.host import HostProcess
from shared.records import Run
from tests.stack import Json, Stack, StackOptions, StartStack, in_entra, in_source, until

ADDED = [f"add{n}" for n in range(80)]
UPDATED = [f"update{n}" for n in range(80)]
DELETED = [f"delete{n}" for n in range(40)]
KEPT = [f"kept{n}" for n in range(200)]
# Writes that have reached Entra when the host dies; 0 is while it still reads, 200 when it is all but done.
MOMENTS = (0, 1, 85, 165, 200)
MESSAGE_LOCK = 3
LATENCY_MS = 50


def people() -> StackOptions:
    return {
        "source": [in_source(name) for name in (*UPDATED, *KEPT, *ADDED)],
        "entra": [
            *(in_entra(name, surname="old") for name in UPDATED),
            *(in_entra(name) for name in (*KEPT, *DELETED)),
        ],
        "settings": {"BATCHES_IN_FLIGHT": "2"},
        "host": False,
    }


@dataclass
class Ended:
    """What a killed and restarted sync leaves behind."""

    stack: Stack
    run: Run
    rows: list[dict[str, str]]


async def killed_at(start_stack: StartStack, writes: int) -> Ended:
    stack = await start_stack(**people())
    stack.entra.faults.load(FaultPlan(latency_ms=LATENCY_MS))
    first = await asyncio.to_thread(HostProcess, stack.settings, message_lock=MESSAGE_LOCK)
    stack.connect(first)
    run = await stack.start("sync")
    await reached(stack, writes)
    first.kill()
    second = await asyncio.to_thread(HostProcess, stack.settings, message_lock=MESSAGE_LOCK)
    try:
        stack.connect(second)
        run = await stack.finished(run, seconds=110)
        return Ended(stack, run, await stack.audit_log(run))
    finally:
        await asyncio.to_thread(second.terminate)


async def reached(stack: Stack, writes: int) -> None:
    """Returns at the moment in which so many writes have reached Entra, their answers still on the way."""

    async def enough() -> bool:
        return stack.entra.requests.count("GET", "/users") > 0 and len(stack.writes()) >= writes

    await until(enough, poll=0.002)


def names(users: dict[str, Json]) -> dict[str, tuple[object, ...]]:
    return {
        upn: (user["displayName"], user.get("givenName"), user.get("surname")) for upn, user in users.items()
    }


@pytest.mark.timeout(240)
async def test_a_sync_that_was_killed_ends_as_if_undisturbed(start_stack: StartStack) -> None:
    expected = names({str(p["userPrincipalName"]): p for p in map(in_entra, (*UPDATED, *KEPT, *ADDED))})
    plan = {
        *(("add", f"{name}@contoso.com", "succeeded") for name in ADDED),
        *(("update", f"{name}@contoso.com", "succeeded") for name in UPDATED),
        *(("delete", f"{name}@contoso.com", "succeeded") for name in DELETED),
    }

    endings = await asyncio.gather(*(killed_at(start_stack, writes) for writes in MOMENTS))

    for writes, ended in zip(MOMENTS, endings, strict=True):
        moment = f"killed after {writes} writes: {ended.run.message}"
        counts, entra = ended.run.counts, ended.stack.entra
        assert (ended.run.status, ended.run.invocations) == ("succeeded", 2), moment
        assert (counts.add, counts.update, counts.delete, counts.failed) == (80, 80, 40, 0), moment
        assert names(ended.stack.users()) == expected, moment
        assert entra.requests.count("POST", "/users", status=201) == len(ADDED), moment
        assert {(r["action"], r["userPrincipalName"], r["result"]) for r in ended.rows} == plan, moment
        rows = Counter((r["action"], r["userPrincipalName"], r["attribute"]) for r in ended.rows)
        assert set(rows.values()) == {1}, moment
